"""A sidecar under everything that goes wrong around it, for as long as one likes: `python -m tests.soak --minutes N`."""
