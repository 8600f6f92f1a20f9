"""Moves the values: poll, observe, diagnose, publish a snapshot."""
