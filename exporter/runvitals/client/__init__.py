"""What runs in the user's process: standard library only, never raises, never waits."""
