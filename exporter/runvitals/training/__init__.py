"""Hooks that feed the client, a package for each framework; none is imported before it is used.

from runvitals.training import torch as vitals
run = vitals.watch(model, optimizer, run="llama-pretrain")
"""
