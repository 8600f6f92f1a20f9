"""A sidecar under all that goes wrong around it, for as long as one likes: `python -m tests.soak --minutes N`."""
