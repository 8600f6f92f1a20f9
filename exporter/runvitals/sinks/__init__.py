"""Where findings go: the journal of incidents."""
