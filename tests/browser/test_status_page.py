"""The status page of a real sidecar in a real browser, while a real run explodes."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.browser.chromium import Tab, open_tab
from tests.servers import wait_until
from tests.test_serve import Sidecar, sidecar

pytestmark = pytest.mark.slow

CONFIG = "web: {listen_address: '127.0.0.1:0'}\ntick_seconds: 0.2\nsources: [{kind: ring, interval: 0.1}]\n"
RUN = "llama-70b-pretrain"
HOSTILE = (
    "<script>document.title='hacked'</script>\n\"><img src=x onerror=\"document.title='hacked'\">\u202e" + "x" * 400
)
HEALTHY_STEPS, PHONE_WIDTH = 200, 360

CLIENT = """
import json, sys
import runvitals
for line in sys.stdin:
    run, rank, step, values = json.loads(line)
    known = globals().setdefault("known", {})
    if (run, rank) not in known:
        known[run, rank] = runvitals.watch(run, rank=rank)
    known[run, rank].log(values, step=step)
"""


class Training:
    """A process of its own that logs what it is told to."""

    def __init__(self, environment: dict[str, str]) -> None:
        command = [sys.executable, "-c", CLIENT]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, env=environment)
        self._random = random.Random(4)

    def log(self, run: str, rank: int, step: int, factor: float = 1.0) -> None:
        """Log one step whose gradient norm is so many times the usual."""
        values = {
            "loss": 2.0 + 3.0 * math.exp(-step / 80) + self._random.gauss(0, 0.02),
            "grad_norm": factor * math.exp(self._random.gauss(0.2, 0.15)),
            "step_seconds": 0.41 + self._random.gauss(0, 0.01),
            "tokens_per_second": 51_000 + self._random.gauss(0, 400),
        }
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([run, rank, step, values]) + "\n")
        self.process.stdin.flush()


class Stage(NamedTuple):
    """A sidecar that watches healthy runs, a browser that looks at it, and where pictures go."""

    side: Sidecar
    tab: Tab
    training: Training
    pictures: Path
    state: Path


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("status-page")
    pictures = Path(os.environ.get("RUNVITALS_ARTEFACTS") or folder / "pictures")
    pictures.mkdir(parents=True, exist_ok=True)
    (folder / "runs").mkdir()
    with open_tab(folder) as tab, sidecar(folder, CONFIG) as side:
        training = Training({**os.environ, "RUNVITALS_RUNS_DIR": str(folder / "runs")})
        try:
            for step in range(HEALTHY_STEPS):
                for run, rank in ((RUN, 0), (RUN, 1), (HOSTILE, 0)):
                    training.log(run, rank, step)
            yield Stage(side, tab, training, pictures, folder / "state")
        finally:
            training.process.kill()
            training.process.communicate()


@pytest.fixture(autouse=True)
def _at_a_desk(stage: Stage) -> None:
    """Each test begins on the page, in a large window."""
    stage.tab.look()
    stage.tab.go(f"{stage.side.url}/")


def wait_for(tab: Tab, script: str) -> object:
    return wait_until(lambda: tab.run(script), script)


def explode(stage: Stage) -> None:
    """Let one rank explode, if it has not, and wait until the page shows it."""
    if not stage.tab.run("document.querySelector('article.critical') !== null"):
        for step in range(HEALTHY_STEPS, HEALTHY_STEPS + 30):
            stage.training.log(RUN, 0, step)
            stage.training.log(RUN, 1, step, factor=1.6 ** (step - HEALTHY_STEPS))
    wait_for(stage.tab, "document.querySelector('article.critical h3')?.textContent.includes('gradient_explosion')")


def picture(stage: Stage, name: str, *, whole: bool = True) -> None:
    print(f"picture: {stage.tab.picture(stage.pictures / name, whole=whole)}")


def test_the_page_changes_when_a_run_explodes(stage: Stage) -> None:
    """Without being loaded again: first nothing is wrong; then card, title, announcement, red signal and incident."""
    tab = stage.tab
    wait_for(tab, f"document.querySelectorAll('.spark').length >= 3 && document.body.innerText.includes('{RUN}')")
    wait_for(tab, "document.querySelector('#link').textContent === 'Live'")
    assert tab.run("document.querySelector('.verdict').textContent") == "No open findings"
    picture(stage, "healthy.png")
    tab.run("window.isTheSame = true")
    explode(stage)
    assert tab.run("window.isTheSame") is True
    assert tab.run("document.title") == "(1) runvitals"
    assert "gradient_explosion on llama-70b-pretrain, rank 1" in str(
        tab.run("document.getElementById('alert').textContent")
    )
    wait_for(tab, "document.querySelector('.signals details[open] .spark.is-bad') !== null")
    wait_for(tab, "document.querySelector('#incidents + table')?.textContent.includes('gradient_explosion')")
    assert "clip the gradient" in str(tab.run("document.querySelector('article.critical .first').textContent"))
    picture(stage, "desktop-light.png")
    tab.look(scheme="dark")
    assert tab.run("getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 23)"
    picture(stage, "desktop-dark.png")
    assert tab.complaints == []


def test_a_hostile_run_is_only_a_name(stage: Stage) -> None:
    """Its markup is text, in the page as it was loaded and in what the script has put there since."""
    tab = stage.tab
    wait_for(tab, "document.querySelector('#runs + table').textContent.includes('<script>document.title')")
    assert tab.run("document.querySelectorAll('main script, main img').length") == 0
    assert "hacked" not in str(tab.run("document.title"))
    assert tab.complaints == []


def test_nothing_stands_beyond_the_edge_of_a_phone(stage: Stage) -> None:
    """At 360 pixels nothing is to be pushed sideways, neither here nor on an incident's page."""
    tab = stage.tab
    explode(stage)
    tab.look(PHONE_WIDTH, 780, scale=2.0)
    tab.run("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    assert tab.run("document.documentElement.scrollWidth") == PHONE_WIDTH
    picture(stage, "phone.png", whole=False)
    tab.run("document.getElementById('signals').scrollIntoView()")
    picture(stage, "phone-signals.png", whole=False)
    tab.run("document.querySelector('article.critical a').click()")
    wait_for(tab, "location.pathname.startsWith('/incidents/') && document.readyState === 'complete'")
    assert tab.run("document.documentElement.scrollWidth") == PHONE_WIDTH
    picture(stage, "phone-incident.png", whole=False)


def test_the_keyboard_suffices_and_focus_stays(stage: Stage) -> None:
    """The first key press offers to skip to the content; focus and what was unfolded outlive what the script renews."""
    tab = stage.tab
    explode(stage)
    tab.press("Tab")
    assert tab.run("document.activeElement.className") == "skip"
    tab.press("Enter")
    assert tab.run("location.hash") == "#main"
    tab.run("document.querySelector('article.critical a').focus()")
    tab.run("window.folded = document.querySelector('.signals details:not([open])')")
    tab.run("folded.open = true")
    before = tab.run("document.querySelector('.headline time').textContent")
    wait_for(tab, f"document.querySelector('.headline time').textContent !== '{before}'")
    assert tab.run("document.activeElement === document.querySelector('article.critical a')") is True
    assert tab.run("folded.isConnected && folded.open") is True


def test_a_screen_reader_finds_its_way(stage: Stage) -> None:
    """The browser's accessibility tree has the landmarks, the headings, the live regions, and words for the lines."""
    tab = stage.tab
    explode(stage)
    nodes = tab.call("Accessibility.getFullAXTree")["nodes"]
    found = {(one["role"]["value"], one.get("name", {}).get("value", "")) for one in nodes if not one["ignored"]}
    roles = {role for role, _ in found}
    assert {"main", "banner", "contentinfo", "navigation", "status", "alert", "table", "columnheader"} <= roles
    for name in ("Open findings", "Runs", "Signals", "Incidents", "Sources"):
        assert ("heading", name) in found
        assert ("region", name) in found
    assert any(role in {"image", "img"} and name.startswith("last 64 values from") for role, name in found)


def test_an_incident_has_its_page_and_its_export(stage: Stage) -> None:
    """The plot around the onset with the opening marked, the evidence, the history; and the file the command writes."""
    tab = stage.tab
    explode(stage)
    link = tab.run("document.querySelector('article.critical a').href")
    tab.go(str(link))
    wait_for(tab, "document.querySelectorAll('figure svg path.value').length >= 4")
    text = str(tab.run("document.body.innerText"))
    for part in ("gradient_explosion on llama-70b-pretrain, rank 1", "times its median", "Runbook", "opened"):
        assert part in text, part
    assert tab.run("document.querySelector('figure .mark.critical') !== null") is True
    assert tab.run("document.querySelector('figure h3').textContent") == "grad_norm"
    picture(stage, "incident.png")
    served = json.loads(urllib.request.urlopen(f"{link}.json", timeout=30).read())
    command = [sys.executable, "-m", "runvitals", "incidents", "export", served["id"], "--state-dir", str(stage.state)]
    [written] = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)
    assert {name: served[name] for name in ("id", "fault", "opened_step", "onset")} == {
        name: written[name] for name in ("id", "fault", "opened_step", "onset")
    }
    assert tab.complaints == []


def test_without_scripts_it_is_a_plain_page(stage: Stage) -> None:
    """Everything is in what the server sends; the browser loads it again by itself."""
    tab = stage.tab
    explode(stage)
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.call("Page.reload")
        wait_for(tab, "document.readyState === 'complete' && document.querySelector('noscript meta') !== null")
        assert "gradient_explosion" in str(tab.run("document.querySelector('article.critical').innerText"))
        assert tab.run("document.getElementById('link').textContent") == ""
    finally:
        tab.call("Emulation.setScriptExecutionDisabled", value=False)


def test_a_sidecar_that_is_gone_is_said_to_be_gone(stage: Stage) -> None:
    """What stands there turns grey, and since when nothing new came is said. It ends the sidecar: it comes last."""
    tab = stage.tab
    wait_for(tab, "document.querySelector('#link').textContent === 'Live'")
    stage.side.process.kill()
    wait_for(tab, "document.querySelector('#link').textContent.startsWith('The sidecar has not answered since')")
    assert tab.run("document.body.classList.contains('old')") is True
    picture(stage, "gone.png", whole=False)
