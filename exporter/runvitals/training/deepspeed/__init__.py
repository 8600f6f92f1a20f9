"""Watching a DeepSpeed engine with one line.

engine, *_ = deepspeed.initialize(model=model, config=config)
run = watch(engine, run="llama-pretrain")
"""

from runvitals.training.deepspeed.engine import watch

__all__ = ["watch"]
