"""What is served over HTTP, all of it from one finished snapshot."""
