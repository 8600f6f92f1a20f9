"""Writes dashboards/ and provisioning/alerting-optional/rules.yml anew, and removes dashboards that are no more."""

from __future__ import annotations

from grafana.build.written import DASHBOARDS, written


def main() -> None:
    """Write every file anew."""
    files = written()
    for old in DASHBOARDS.glob("*.json"):
        if old not in files:
            old.unlink()
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
