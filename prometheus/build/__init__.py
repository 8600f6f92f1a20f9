"""Writes the alert rules of the catalogue's faults, and their promtool tests: `python -m prometheus.build`.

From the root of a checkout. What only the cluster can see, and the watchers themselves, have rules written by hand.
"""
