"""What an Alertmanager is told, and when: the outbox of the fast path, with time as an argument."""

from __future__ import annotations

from pathlib import Path

import pytest

from runvitals.sinks.alertmanager import outbox_file
from runvitals.sinks.alertmanager.alert import Alert
from runvitals.sinks.alertmanager.outbox import STAND_SECONDS, Outbox

A, B = "http://a:9093", "http://b:9093"
RESEND, AFTER = 60.0, 300.0


def alert(rank: object = 0, step: int = 7) -> Alert:
    return Alert({"alertname": "RunvitalsHang", "rank": str(rank)}, {"step": str(step)})


@pytest.fixture
def outbox() -> Outbox:
    return Outbox([A, B], RESEND, AFTER, 4)


def tell(outbox: Outbox, url: str, now: float) -> list[float | None]:
    """Let an Alertmanager take what is due; return the ends of what it was told, None for what fires."""
    due = outbox.due(url, now)
    outbox.confirm(url, due, now)
    return [one.ends_at for one in due]


def test_what_opens_is_told_at_once_and_again_and_its_end_once(outbox: Outbox) -> None:
    """An alert is posted when it opens, repeated while it stands, and ended `resolve_after` seconds after it closed."""
    outbox.follow([alert()], 0.0)
    assert tell(outbox, A, 0.0) == [None]
    assert tell(outbox, A, RESEND - 1.0) == []
    assert tell(outbox, A, RESEND) == [None]
    outbox.follow([], 100.0)
    assert tell(outbox, A, 100.0) == [100.0 + AFTER]
    assert tell(outbox, A, 5_000.0) == []


def test_each_alertmanager_is_told_by_itself(outbox: Outbox) -> None:
    """One that was away is told what stands when it is back, whatever the other knows; then nothing is kept."""
    outbox.follow([alert()], 0.0)
    tell(outbox, A, 0.0)
    outbox.follow([], 10.0)
    tell(outbox, A, 10.0)
    assert (outbox.pending(A), outbox.pending(B)) == (0, 1)
    assert tell(outbox, B, 700.0) == [None]
    assert tell(outbox, B, 700.0) == [700.0 + STAND_SECONDS]
    assert outbox.saved() == []


def test_an_alert_that_came_and_went_untold_is_told(outbox: Outbox) -> None:
    """Ten minutes of outage lose nothing: what has closed meanwhile fires once, long enough to be sent."""
    outbox.follow([alert()], 0.0)
    outbox.follow([], 30.0)
    assert tell(outbox, A, 600.0) == [None]
    assert tell(outbox, A, 601.0) == [600.0 + STAND_SECONDS]


def test_what_opens_again_is_told_again(outbox: Outbox) -> None:
    """A fault that comes back while its end is known is news."""
    outbox.follow([alert(step=1)], 0.0)
    tell(outbox, A, 0.0)
    outbox.follow([], 1.0)
    outbox.follow([alert(step=9)], 2.0)
    [posting] = outbox.due(A, 2.0)
    assert posting.payload == {"labels": alert().labels, "annotations": {"step": "9"}}


def test_a_clock_that_is_set_back_does_not_silence(outbox: Outbox) -> None:
    """An alert told an hour ahead of now is told again, lest Alertmanager forget it."""
    outbox.follow([alert()], 3_600.0)
    tell(outbox, A, 3_600.0)
    assert tell(outbox, A, 10.0) == [None]


def test_it_is_bounded_and_counts_what_it_refuses(outbox: Outbox) -> None:
    """Beyond the limit ended alerts make room, else the newest is refused: counted once, taken when there is room."""
    outbox.follow(map(alert, range(4)), 0.0)
    outbox.follow(map(alert, range(6)), 1.0)
    outbox.follow(map(alert, range(6)), 2.0)
    assert (len(outbox.saved()), outbox.dropped) == (4, 2)
    tell(outbox, A, 2.0)
    tell(outbox, B, 2.0)
    outbox.follow(map(alert, range(2, 6)), 3.0)
    assert {one.alert.labels["rank"] for one in outbox.saved()} == {"2", "3", "4", "5"}


def test_what_was_not_told_survives_a_restart(outbox: Outbox, tmp_path: Path) -> None:
    """Restored, an outbox goes on: what was told is not told anew, what was not is; a damaged file is begun anew."""
    path = tmp_path / outbox_file.FILE_NAME
    outbox.follow([alert(0), alert(1)], 0.0)
    tell(outbox, A, 0.0)
    outbox.follow([alert(0)], 1.0)
    outbox_file.save(path, outbox.saved())
    after = Outbox([A], RESEND, AFTER, 4)
    after.restore(outbox_file.load(path))
    after.follow([alert(0)], 2.0)
    assert tell(after, A, 2.0) == [1.0 + AFTER]
    path.write_text("{")
    assert outbox_file.load(path) == []


@pytest.mark.parametrize(
    ("good", "tampered"),
    [
        (b'"first":100.0', b'"first":1e308'),
        (b'"first":100.0', b'"first":-1e308'),
        (b'"closed":null', b'"closed":1e18'),
        (b'"version":1', b'"version":' + b"[" * 100_000),
        (b'"rank"', b'"\xff"'),
    ],
)
def test_a_file_that_was_tampered_with_stops_nothing(
    outbox: Outbox, tmp_path: Path, good: bytes, tampered: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Times that no calendar has, and what is no JSON, are lost with a warning: whoever posts goes on."""
    path = tmp_path / outbox_file.FILE_NAME
    outbox.follow([alert()], 100.0)
    tell(outbox, A, 100.0)
    outbox_file.save(path, outbox.saved())
    assert good in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(good, tampered))
    assert outbox_file.load(path) == []
    assert "is lost" in caplog.text


def test_a_file_with_more_alerts_than_there_may_be(outbox: Outbox) -> None:
    """No more are kept than the setting says; the others are counted."""
    small = Outbox([A], RESEND, AFTER, 1)
    outbox.follow([alert(0), alert(1)], 100.0)
    small.restore(outbox.saved())
    assert (small.pending(A), small.dropped) == (1, 1)
