"""What exists, named once: signals, metrics and faults."""
