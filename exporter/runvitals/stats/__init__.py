"""Pure numbers: rolling statistics and tail probabilities."""
