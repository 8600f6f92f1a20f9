"""What the course of the loss tells: whether the run learns, and whether it still does."""
