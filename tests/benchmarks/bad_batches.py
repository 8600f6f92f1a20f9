"""Alerts on the loss of real training runs against the bad batches that independent runs agree on.

Run from the repository root: `python -m tests.benchmarks.bad_batches FOLDER [SCORE]`, FOLDER with the recorded logs and
`bad_batches.json`. An alert is an `alert_score` of `replay` above SCORE (default 3.5: one healthy value in three
thousand) with default settings. The score and how the tails learn were chosen on gpt2_124m_muon.csv and on synthetic
streams; the other files are held out. Beside it two stupid baselines and published rules, each at its own threshold.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from runvitals.cli import main as runvitals
from tests.published_rules import Alarms, absolute_deviations, always, deviations, never

CHOSEN_ON = "gpt2_124m_muon.csv"
DEFAULT_SCORE = 3.5
RULES: dict[str, Alarms] = {
    "always": always,
    "never": never,
    "6 sigma of 128 (OLMo-core)": deviations(128, 6.0),
    "7 sigma of 1000 (OLMo 2)": deviations(1000, 7.0),
    "4 sigma of 256": deviations(256, 4.0),
    "6 sigma of 256": deviations(256, 6.0),
    "MAD of 256, 8": absolute_deviations(256, 8.0),
}


def alert_scores(file: Path) -> Iterator[tuple[int, float, float]]:
    """Yield step, loss and alert score (0 while unknown) of a recorded run, replayed with default settings."""
    with tempfile.TemporaryDirectory() as folder:
        scores = Path(folder) / "scores.csv"
        if runvitals(["replay", str(file), "--scores", str(scores)]):
            raise SystemExit(f"{file} cannot be replayed")
        with scores.open() as rows:
            for row in csv.DictReader(rows):
                if row["signal"] == "loss":
                    yield int(row["step"]), float(row["value"]), float(row["alert_score"] or 0.0)


def card(alerts: set[int], bad: set[int], steps: int) -> tuple[float, float, float, float]:
    """Return precision, recall, F1 and false alarms in 10,000 steps."""
    hits = len(alerts & bad)
    precision = hits / len(alerts) if alerts else 0.0
    recall = hits / len(bad)
    f1 = 2.0 * hits / (len(alerts) + len(bad))
    return precision, recall, f1, (len(alerts) - hits) / steps * 1e4


def main(folder: Path, score: float) -> None:
    """Print the cards."""
    bad_steps = json.loads((folder / "bad_batches.json").read_text())["bad_batch_steps"]
    totals: dict[str, list[tuple[set[int], set[int], int]]] = {}
    for name, bad in bad_steps.items():
        rows = list(alert_scores(folder / name))
        steps, losses = [row[0] for row in rows], [row[1] for row in rows]
        ours = {step for step, _, alert in rows if alert > score}
        found = {
            f"alert_score > {score:g}": ours,
            **{rule: {steps[at] for at in find(losses)} for rule, find in RULES.items()},
        }
        for rule, alerts in found.items():
            if name != CHOSEN_ON:
                totals.setdefault(rule, []).append((alerts, set(bad), len(rows)))
            _print(name, rule, card(alerts, set(bad), len(rows)))
    for rule, parts in totals.items():
        alerts = {(at, step) for at, part in enumerate(parts) for step in part[0]}
        bad = {(at, step) for at, part in enumerate(parts) for step in part[1]}
        _print("held out, together", rule, card(alerts, bad, sum(part[2] for part in parts)))


def _print(name: str, rule: str, figures: tuple[float, float, float, float]) -> None:
    precision, recall, f1, false_alarms = figures
    print(f"{name:<22}{rule:<30}P {precision:.2f}  R {recall:.2f}  F1 {f1:.3f}  false/10,000 {false_alarms:.1f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else DEFAULT_SCORE)
