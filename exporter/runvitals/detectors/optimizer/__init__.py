"""Detectors of what is wrong with the optimizer: its steps, learning rate and loss scale."""
