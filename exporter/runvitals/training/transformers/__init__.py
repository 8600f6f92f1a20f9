"""Watching Hugging Face's Trainer with one line.

trainer = Trainer(model, arguments, train_dataset=..., callbacks=[VitalsCallback()])
"""

from runvitals.training.transformers.callback import VitalsCallback

__all__ = ["VitalsCallback"]
