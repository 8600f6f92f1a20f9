"""The report of a replay: signals, bands, scores and findings in one HTML file that needs nothing else."""
