"""Verdicts become findings; no input or output here."""
