"""The report in a real browser: it is drawn, in both colour schemes, and nothing in it runs."""

import json
import math
import struct
import subprocess
import zlib

import pytest

from runvitals.cli import main
from tests.browser.chromium import find_browser
from tests.exposition.report.test_report import HOSTILE, rows
from tests.streams import healthy

pytestmark = pytest.mark.slow

LIGHT, DARK = (255, 255, 255), (13, 17, 23)


@pytest.fixture
def browser(tmp_path):
    """Return what runs the browser with arguments and gives its standard output; anything it complains of fails."""
    program = find_browser()

    def run(*arguments):
        command = [program, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
        done = subprocess.run(
            [*command, "--enable-logging=stderr", *map(str, arguments)], capture_output=True, timeout=120, check=True
        )
        complaints = [line for line in done.stderr.decode().splitlines() if ":CONSOLE" in line]
        assert complaints == []
        return done.stdout.decode()

    return run


@pytest.fixture
def report(tmp_path):
    """A report on a run with a hostile name."""
    file, out = tmp_path / "run.jsonl", tmp_path / "out.html"
    losses = [*healthy(300, spread=0.02), math.nan, 9.0]
    file.write_text("\n".join(map(json.dumps, rows(losses, run=HOSTILE, grad_norm=1.0))))
    assert main(["replay", str(file), "--report", str(out)]) == 0
    return out


def first_pixel(png):
    """Return red, green and blue of the upper left corner: there every filter of PNG leaves the value as it is."""
    place, data = 8, b""
    while place < len(png):
        length, kind = struct.unpack_from(">I4s", png, place)
        data += png[place + 8 : place + 8 + length] if kind == b"IDAT" else b""
        place += 12 + length
    return tuple(zlib.decompress(data)[1:4])


def test_no_script_runs_and_the_numbers_are_shown(browser, report):
    """The title is ours after all that could run has run; finding, step and largest value are in the page."""
    shown = browser("--virtual-time-budget=2000", "--dump-dom", report.as_uri())
    assert "<title>runvitals replay</title>" in shown
    assert "<script" not in shown
    assert "<img" not in shown
    for part in ("nonfinite_loss", "to 9 (step 301); 1 not finite", "&lt;script&gt;document.title"):
        assert part in shown, part


@pytest.mark.parametrize(("scheme", "ground"), [(1, LIGHT), (0, DARK)])
@pytest.mark.parametrize("width", [1200, 390])
def test_it_is_styled_in_light_and_dark(browser, report, tmp_path, scheme, ground, width):
    """Its own style is let in by its own policy: the ground has the scheme's colour."""
    picture = tmp_path / "out.png"
    browser(
        f"--blink-settings=preferredColorScheme={scheme}",
        f"--window-size={width},900",
        f"--screenshot={picture}",
        report.as_uri(),
    )
    assert first_pixel(picture.read_bytes()) == ground
