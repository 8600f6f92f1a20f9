"""Makes the objects of Kubernetes out of the bundle: rules, routes, message templates and dashboards.

They stand once, in `prometheus/`, `alertmanager/` and `grafana/`; what is written here is never edited by hand.
"""
