"""The fast path: open findings posted straight to Alertmanager, beside the way over Prometheus."""
