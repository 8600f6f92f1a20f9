"""Writes the dashboards and the Grafana-managed alerts from the catalogue: `python -m grafana.build`.

From the root of a checkout. The standard library suffices: the JSON of a dashboard changes little from Grafana 9 to 12,
while the Foundation SDK is another package for each minor version from 10.1 on, none for 9, and takes 5 MB.
"""
