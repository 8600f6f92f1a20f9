"""Watching a PyTorch training loop with one line.

run = watch(model, optimizer, run="llama-pretrain", criterion=loss_function)
"""

from runvitals.training.torch.actions import Actions
from runvitals.training.torch.run import TorchRun, watch

__all__ = ["Actions", "TorchRun", "watch"]
