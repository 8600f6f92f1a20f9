"""Detectors of what is wrong with the network: its gradients, units, outputs and loss."""
