"""Model servers and GPU exporters, by scraping their `/metrics`."""
