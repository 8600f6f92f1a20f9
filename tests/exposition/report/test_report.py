"""`replay --report`: one HTML file that tells the truth, whatever the data is called."""

import json
import math
import re
from html.parser import HTMLParser

import pytest

from runvitals.cli import main
from tests.streams import healthy

HOSTILE = "</title><script>document.title='owned'</script><img src=x onerror=alert(1)>\u202e\ud800\"'&"
VOID = {"meta", "br"}


class Page(HTMLParser):
    """What a browser would find in a page: tags with their attributes, text, and whether tags are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words, self.open = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(self.words)


def rows(losses, **others):
    return [{"step": step, "loss": loss, **others} for step, loss in enumerate(losses)]


def report(tmp_path, lines, *arguments, name="run"):
    file, out = tmp_path / f"{name}.jsonl", tmp_path / f"{name}.html"
    file.write_text("\n".join(map(json.dumps, lines)))
    assert main(["replay", str(file), "--report", str(out), *arguments]) == 0
    return out.read_text()


def test_findings_evidence_and_extremes_are_told(tmp_path):
    """The finding with its step, evidence and first action; count, smallest and largest value with their steps."""
    page = Page(report(tmp_path, rows([*healthy(300, spread=0.02), math.nan, 9.0, *healthy(50, spread=0.02)])))
    for part in (
        "352 values replayed in",
        "nonfinite_loss",
        "loss is nan",
        "step 300",
        "352 values, from 0.9",
        "to 9 (step 301); 1 not finite",
        "Look at the last two batches",
        "step 0",
        "step 351",
    ):
        assert part in page.text, part
    assert re.search(r"settings\s+[0-9a-f]{12}", page.text)


def test_the_pictures_can_be_read_aloud(tmp_path):
    """Each is an image with a title and a description of its own."""
    page = Page(report(tmp_path, rows(healthy(100), grad_norm=1.0)))
    attributes = dict(page.attributes)
    assert attributes["role"] == "img"
    labels = [value.split() for name, value in page.attributes if name == "aria-labelledby"]
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(labels) == 2
    assert all(part in ids for label in labels for part in label)
    assert len(ids) == len(set(ids))


def test_nothing_comes_from_elsewhere_and_no_name_is_markup(tmp_path):
    """No script, no address, no inline style or handler, whatever run, rank, signal and batch are called."""
    lines = rows([*healthy(100), math.nan], **{"run": HOSTILE, "rank": HOSTILE, HOSTILE: 1.0})
    page = Page(report(tmp_path, lines, name="<script>"))
    assert not {"script", "img", "link", "iframe", "object"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name in ("src", "style") or name.startswith("on")]
    assert {value for name, value in page.attributes if name == "href"} == {"#findings", "#signals"}
    assert "document.title='owned'" in page.text
    [policy] = [value for name, value in page.attributes if name == "content" and "default-src" in value]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


def test_a_long_run_makes_a_small_file_and_keeps_its_peaks(tmp_path):
    """Eight thousand steps of two signals: less than half a megabyte; the one high value touches the upper edge."""
    losses = [2.0] * 8_000
    losses[4_321] = 50.0
    text = report(tmp_path, rows(losses, other=1.0))
    assert len(text) < 500_000
    assert "to 50 (step 4321)" in text
    [values] = re.findall(r'class="value" d="([^"]*)"', text)[:1]
    points = [tuple(map(float, point.split())) for point in re.split("[ML]", values) if point]
    peaks = [x for x, y in points if y == 0.0]
    assert peaks == [pytest.approx(1000.0 * 4_321 / 7_999, abs=1.0)]


def test_what_is_not_drawn_is_counted(tmp_path):
    """Of forty signals twenty-four are drawn: those that faults watch are among them."""
    others = {f"signal_{number}": 1.0 for number in range(38)}
    page = Page(report(tmp_path, [{"step": step, **others, "loss": 1.0, "grad_norm": 2.0} for step in range(5)]))
    assert page.tags.count("figure") == 24
    assert "and 16 more signals" in page.text
    headings = page.text
    assert "loss" in headings
    assert "grad_norm" in headings


def test_hostile_values_are_drawn(tmp_path):
    """Infinite, huge, tiny, none at all, a single one: there is a picture, with finite coordinates."""
    for number, values in enumerate(
        ([math.inf, 1e308, -1e308, math.nan], [5e-324, 1e308], [math.nan], [0.0], [-1e308, 1e308] * 200)
    ):
        text = report(tmp_path, rows(values), name=f"run{number}")
        assert Page(text).tags.count("figure") == 1
        assert not re.search(r'[="M L,](nan|inf)', re.sub(r"<(title|desc)[^>]*>[^<]*", "", " ".join(paths(text))))


def paths(text):
    return re.findall(r' (?:d|x|y|x1|y1|width|height)="([^"]*)"', text)


def test_several_files_stand_in_one_report(tmp_path):
    """Each with its signals; the numbers of findings go on."""
    first, second, out = tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "out.html"
    for file in (first, second):
        file.write_text(
            "time,loss\n" + "".join(f"{1e9 + index},{value}\n" for index, value in enumerate([1.0, math.nan]))
        )
    assert main(["replay", str(first), str(second), "--report", str(out)]) == 0
    page = Page(out.read_text())
    assert page.tags.count("figure") == 2
    assert "#2 nonfinite_loss" in page.text
    assert "2001-09-09 01:46:40 UTC" in page.text


def test_what_is_read_is_not_overwritten(tmp_path, capsys):
    """As with every other output."""
    file = tmp_path / "run.csv"
    file.write_text("step,loss\n1,1\n")
    assert main(["replay", str(file), "--report", str(file)]) == 1
    assert "name another file" in capsys.readouterr().err


def test_events_and_findings_are_marked_at_their_steps(tmp_path, monkeypatch):
    """A resume that the user marked, and the finding from its opening on."""
    import runvitals

    monkeypatch.setenv("RUNVITALS_RUNS_DIR", str(tmp_path))
    with runvitals.watch("marked", rank=0) as run:
        for step in range(101):
            if step == 50:
                run.mark("evaluation", "validation <set>")
            run.log(step=step, loss=math.nan if step == 75 else 1.0)
    [ring] = tmp_path.glob("*.ring")
    assert main(["replay", str(ring), "--report", str(tmp_path / "out.html")]) == 0
    text = (tmp_path / "out.html").read_text()
    assert re.search(r"<title>evaluation validation &lt;set&gt;</title><line x1=\"(49|50)\.00%\"", text)
    assert re.search(r'class="mark critical"><title>#1 nonfinite_loss .*?<rect x="75.00%"', text)
