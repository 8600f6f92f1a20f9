"""The status page: how every run is doing, for whoever has no Grafana yet; and a page for each incident."""
