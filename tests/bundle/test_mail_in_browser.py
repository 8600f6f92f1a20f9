"""The mail in a real browser, as wide as a desk and as narrow as a telephone; its pictures are kept."""

from __future__ import annotations

import html
import re
import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bundle.mails import HOSTILE, alert, message, rendered

pytestmark = pytest.mark.slow

PHONE, DESK = 390, 1000
RED, GREEN, PURPLE = (0xB3, 0x26, 0x1E), (0x1B, 0x6E, 0x3C), (0x5B, 0x3A, 0x8C)
CASES = {
    "firing": (message(alert(), alert(rank="7")), RED),
    "resolved": (message(alert(resolved=True)), GREEN),
    "hostile": (message(alert(HOSTILE, HOSTILE)), RED),
    "drill": (message(alert("runvitals-drill", drill="true")), PURPLE),
}
MEASURE = """<script>
const page = document.documentElement; page.dataset.width = page.scrollWidth + " of " + window.innerWidth
</script>"""

Browser = Callable[..., str]


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    """Return what runs the browser with arguments and gives its standard output; what its console says fails."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("neither chromium nor google-chrome is on the PATH")

    def run(*arguments: str) -> str:
        command = [program, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
        command += ["--enable-logging=stderr", "--hide-scrollbars", *arguments]
        done = subprocess.run(command, capture_output=True, timeout=120, check=True)
        assert ":CONSOLE" not in done.stderr.decode()
        return done.stdout.decode()

    return run


def page(name: str, folder: Path, more: str = "") -> str:
    """Write a mail as a page, and return its address."""
    file = folder / f"{name}.html"
    file.write_text(rendered("runvitals.email.html", CASES[name][0], folder) + more, encoding="utf-8")
    return file.as_uri()


def pixel_of_the_band(png: bytes) -> tuple[int, ...]:
    """Return red, green and blue at the left of the first row, where no filter of PNG changes a value."""
    place, data = 8, b""
    while place < len(png):
        length, kind = struct.unpack_from(">I4s", png, place)
        data += png[place + 8 : place + 8 + length] if kind == b"IDAT" else b""
        place += 12 + length
    return tuple(zlib.decompress(data)[1:4])


@pytest.mark.parametrize("name", ["resolved", "drill"])
def test_the_band_has_the_colour_of_the_state(browser: Browser, tmp_path: Path, name: str) -> None:
    """One look at a telephone tells an alarm from its end, and from a drill."""
    picture = tmp_path / f"{name}-phone.png"
    browser(f"--window-size={PHONE},900", f"--screenshot={picture}", page(name, tmp_path))
    assert pixel_of_the_band(picture.read_bytes()) == CASES[name][1]


def test_a_hostile_name_is_shown_whole_and_does_nothing(browser: Browser, tmp_path: Path) -> None:
    """After all that could run has run the title is the mail's, and nothing is wider than the telephone."""
    shown = browser(f"--window-size={PHONE},900", "--dump-dom", page("hostile", tmp_path, MEASURE))
    assert "<title>gradient explosion</title>" in shown
    assert shown.count("<script") == 1, "the test's own"
    assert "<script>document.title='owned'</script>" in html.unescape(shown)
    width, of = map(int, re.search(r'data-width="(\d+) of (\d+)"', shown).groups())  # type: ignore[union-attr]
    assert width <= of


def test_the_desk_has_a_picture_too(browser: Browser, tmp_path: Path) -> None:
    """There the card is in the middle, on a grey ground."""
    picture = tmp_path / "firing-desk.png"
    browser(f"--window-size={DESK},900", f"--screenshot={picture}", page("firing", tmp_path))
    assert pixel_of_the_band(picture.read_bytes()) == (0xEE, 0xF0, 0xF3)
