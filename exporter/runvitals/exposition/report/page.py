"""The page: what was replayed, what was found, and a picture of each signal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import NamedTuple

from runvitals import __version__
from runvitals.exposition.document import Look, asset, document
from runvitals.exposition.html import as_utc, hidden, name, severity_class, table, text, when
from runvitals.exposition.report.marks import NumberedFinding, PlacedEvent
from runvitals.exposition.report.picture import Spelling, description, picture
from runvitals.exposition.report.recorder import Panel, RankRecord, Recorder
from runvitals.values import Finding

MAX_FINDINGS = 200
MAX_RANK_ROWS = 100

_LOOK = Look(asset("page.css") + asset("report/pictures.css"))
_HEAD = f'<meta http-equiv="Content-Security-Policy" content="{_LOOK.policy}">\n'
_HEADER = (
    "<header>\n<h1>runvitals replay</h1>\n"
    '<nav><a href="#findings">findings</a><a href="#signals">signals</a></nav>\n</header>\n'
)


class Section(NamedTuple):
    """One recording: where it came from, what was kept of it, and what was found in it."""

    source: str
    samples: int
    rejected: Mapping[str, int]
    has_times: bool
    recorder: Recorder
    findings: Sequence[Finding]


class Facts(NamedTuple):
    """What is said of the replay as a whole: seconds that it took, and the settings' fingerprint."""

    seconds: float
    fingerprint: str


def report_page(sections: Sequence[Section], facts: Facts) -> str:
    """Return the page. Nothing in it comes from elsewhere, no script is in it, and none would run."""
    numbers = count(1)
    numbered = [[NumberedFinding(next(numbers), finding) for finding in one.findings] for one in sections]
    body = "".join((_summary(sections, facts), *_findings(sections, numbered), *_pictures(sections, numbered)))
    return document(_LOOK, "runvitals replay", f"{_HEADER}<main>{body}</main>", _HEAD)


def _summary(sections: Sequence[Section], facts: Facts) -> str:
    samples = sum(section.samples for section in sections)
    found = sum(len(section.findings) for section in sections)
    lines = [
        f"<p>{samples} values replayed in {facts.seconds:.3g} s by runvitals {text(__version__)}, settings "
        f"<code>{text(facts.fingerprint)}</code>; findings: {found}.</p>"
    ]
    for section in sections:
        skipped = ", ".join(f"{number} {reason}" for reason, number in sorted(section.rejected.items()))
        lines.append(f"<p>{name(section.source)}{f'; skipped: {text(skipped)}' if skipped else ''}</p>")
    return "".join((*lines, _ranks(sections), _HOW_TO_READ))


def _ranks(sections: Sequence[Section]) -> str:
    ranks = [(place, record, section) for section in sections for place, record in section.recorder.ranks.items()]
    head = ("Run", "Rank", "Values", "Steps", "Findings")
    rows = [_rank_row(*one) for one in ranks[:MAX_RANK_ROWS]]
    return f"<h2>Runs</h2>{table(head, rows)}{hidden(len(ranks) - MAX_RANK_ROWS, 'ranks')}"


def _rank_row(place: tuple[str, str], record: RankRecord, section: Section) -> tuple[str, ...]:
    steps = "none" if record.first is None else f"{record.first} to {record.last}"
    found = sum((one.run, one.rank) == place for one in section.findings)
    return name(place[0]), name(place[1]), str(record.samples), steps, str(found)


def _findings(sections: Sequence[Section], numbered: Sequence[Sequence[NumberedFinding]]) -> Iterator[str]:
    rows = [
        _finding_row(one, has_times=section.has_times)
        for section, findings in zip(sections, numbered, strict=True)
        for one in findings
    ]
    yield '<h2 id="findings">Findings</h2>'
    if not rows:
        yield "<p>None.</p>"
    if rows:
        yield table(("#", "Fault", "Run, rank", "Open", "Evidence"), rows[:MAX_FINDINGS])
        yield hidden(len(rows) - MAX_FINDINGS, "findings")
        yield f"<h2>What to do first</h2><ul>{_first_actions(sections)}</ul>"


def _finding_row(one: NumberedFinding, *, has_times: bool) -> tuple[str, ...]:
    finding = one.finding
    kind = severity_class(finding.severity)
    return (
        str(one.number),
        f'<span><span class="{kind} whole">{text(finding.fault)}</span> {text(finding.severity)}, '
        f"{text(finding.category)}, confidence {finding.confidence:.0%}</span>",
        f"<span>{name(finding.run)}, rank {name(finding.rank)}</span>",
        _open(finding, has_times=has_times),
        _evidence(finding),
    )


def _open(finding: Finding, *, has_times: bool) -> str:
    opened = _moment(finding.opened_step, finding.opened_time, has_times=has_times)
    if finding.closed_time is None:
        return f"<span>from {opened}, still open</span>"
    closed = _moment(finding.closed_step, finding.closed_time, has_times=has_times)
    return f"<span>from {opened}<br>to {closed}, {text(finding.closed_reason)}</span>"


def _moment(step: int | None, time: float, *, has_times: bool) -> str:
    """Return step and time; a time that was only counted is not shown beside a step."""
    if step is None:
        return when(time) if has_times else f"{time:g} s"
    return f'<span class="whole">step {step}</span>{f" {when(time)}" if has_times else ""}'


def _evidence(finding: Finding) -> str:
    sentences = [text(one.sentence) for one in finding.evidence]
    if len(sentences) < 2:
        return "".join(sentences)
    more = "".join(f"<li>{sentence}</li>" for sentence in sentences[1:])
    return f"<details><summary>{sentences[0]}</summary><ul>{more}</ul></details>"


def _first_actions(sections: Sequence[Section]) -> str:
    actions = {one.fault: one.first_action for section in sections for one in section.findings}
    return "".join(f"<li><b>{text(fault)}</b>: {text(action)}</li>" for fault, action in sorted(actions.items()))


def _pictures(sections: Sequence[Section], numbered: Sequence[Sequence[NumberedFinding]]) -> Iterator[str]:
    yield '<h2 id="signals">Signals</h2>'
    numbers = count(1)
    for section, findings in zip(sections, numbered, strict=True):
        recorder = section.recorder
        for panel in sorted(recorder.panels.values(), key=lambda one: bool(one.place.layer)):
            yield _figure(panel, next(numbers), findings, section)
        yield hidden(len(recorder.left_out), "signals, which the limit on pictures leaves out")
        yield hidden(recorder.dropped_events, "events, which the limit on marks leaves out")


def _figure(panel: Panel, number: int, findings: Sequence[NumberedFinding], section: Section) -> str:
    place, spelled = panel.place, _spelling(panel, has_times=section.has_times)
    mine = [one for one in findings if (one.finding.run, one.finding.rank) == place[:2]]
    events = [PlacedEvent(*one) for one in section.recorder.events if (one[0].run, one[0].rank) == place[:2]]
    layer = f", layer {name(place.layer)}" if place.layer else ""
    return (
        f"<figure><figcaption><h3>{name(place.signal)}</h3>"
        f'<p class="soft">{name(place.run)}, rank {name(place.rank)}{layer}: '
        f"{description(panel, spelled)}</p></figcaption>"
        f"{picture(panel, number, mine[:MAX_FINDINGS], events, spelled)}</figure>"
    )


def _spelling(panel: Panel, *, has_times: bool) -> Spelling:
    if panel.has_steps:
        return "step {}".format
    return as_utc if has_times else "{:g} s".format


_HOW_TO_READ = (
    '<p class="soft">The shaded band is the median of the window before each value, with three robust deviations on '
    "either side; a red tick at the top is a value that is not finite. The anomaly score is -log10 of the share of "
    "healthy values that are as unusual. What is shaded from top to bottom is a finding while it was open, by its "
    "number in the table; a dashed line is an event. Where many values share a column, the smallest and the largest "
    "are drawn.</p>"
)
