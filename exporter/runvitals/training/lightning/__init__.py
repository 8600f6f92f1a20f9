"""Watching Lightning's Trainer with one line.

trainer = Trainer(max_epochs=3, callbacks=[VitalsCallback("llama-pretrain")])
"""

from runvitals.training.lightning.callback import VitalsCallback

__all__ = ["VitalsCallback"]
