"""What is printed is short, and harmless whatever the names hold."""

from __future__ import annotations

import pytest

from deploy.quickstart.narration import LINES_OF_MESSAGE, Narration, in_words
from deploy.quickstart.stations import Vitals


def test_what_has_no_answer_is_a_dash():
    """A z-score that is not there yet is not shown as 0."""
    words = in_words(Vitals(step=3, loss=2.5, grad_norm=float("nan"), zscore=None, probability=None))
    assert words.split() == ["step", "3", "loss", "2.5", "grad_norm", "nan", "z", "-", "P(explosion)", "-"]


@pytest.mark.parametrize(("probability", "shown"), [(0.0, "<1e-06"), (4e-106, "<1e-06"), (0.25, "0.25"), (1.0, "1")])
def test_a_tiny_probability_is_shown_as_a_bound(probability, shown):
    """A hundred zeros help nobody."""
    assert in_words(Vitals(1, 1, 1, 1, probability)).split()[-1] == shown


def test_names_cannot_drive_the_terminal(capsys):
    """Control characters in the name of a run are shown as question marks."""
    Narration().line("FINDING", "nonfinite_loss on \x1b[2Jdemo\r\x07, rank 0")
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("nonfinite_loss on ?[2Jdemo??, rank 0")


def test_a_long_message_is_cut(capsys):
    """An e-mail of a hundred lines does not push everything else off the screen."""
    Narration().quote("\n".join(f"line {number}" for number in range(100)))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == LINES_OF_MESSAGE + 1
    assert lines[-1].strip() == "| ..."
