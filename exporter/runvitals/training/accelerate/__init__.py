"""Recording what Hugging Face's Accelerate logs, from every process.

accelerator = Accelerator(log_with=VitalsTracker("llama-pretrain"))
accelerator.init_trackers("llama-pretrain")
"""

from runvitals.training.accelerate.tracker import VitalsTracker

__all__ = ["VitalsTracker"]
