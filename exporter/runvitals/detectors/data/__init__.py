"""Detectors of what is wrong with the data that goes in."""
