"""Runs the whole path on one machine and tells what happens: a training explodes, and an e-mail and an SMS say so.

Started by quickstart.sh from the repository's root: `python -m deploy.quickstart`.
"""
