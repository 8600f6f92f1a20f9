"""Many findings, one alert: causes are active, consequences are listed, and nothing critical is ever hidden."""

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runvitals.diagnosis.causes import MAX_LEADERS, spread_leaders
from runvitals.diagnosis.rank_diagnosis import RESOLVED, RESOLVED_WITH_CAUSE
from runvitals.diagnosis.run_diagnosis import SEVERITIES, RunDiagnosis, relate
from runvitals.diagnosis.settings import FaultSettings
from runvitals.values import Action, ChangeKind, EvidenceRole, IncidentChange
from tests.diagnosis.story import START, Story, finding, step_of
from tests.diagnosis.test_causes import some_findings
from tests.findings import consequences
from tests.streams import healthy, started

NORMS = healthy(300, seed=1)
ALONE = {"bad_batch": FaultSettings(enabled=False)}
"""Two steps of NaN are a bad batch, too; not where two faults alone are looked at."""
LOSSES = healthy(300, seed=2, level=2.0, spread=0.05)


def steps(first, last, rank="0", **replaced):
    """Healthy steps, with single signals replaced throughout."""
    items = []
    for step in range(first, last + 1):
        values = {"loss": LOSSES[step], "grad_norm": NORMS[step]} | replaced
        items += step_of(step, rank, **values)
    return items


def explosion():
    """A gradient that explodes at step 100, a loss that jumps at 101, and is NaN from 104 on."""
    items = [*steps(1, 99), *step_of(100, loss=2.0, grad_norm=80.0), *step_of(101, loss=30.0, grad_norm=95.0)]
    return [*items, *steps(102, 103, loss=60.0, grad_norm=300.0), *steps(104, 110, loss=math.nan, grad_norm=math.nan)]


def test_what_follows_from_a_cause_is_listed_in_its_evidence_and_not_active():
    """One alert: the explosion. The rest stays in /findings and names it as its cause."""
    story = Story().observe(explosion())
    root = story.finding("gradient_explosion")
    assert story.active() == {("gradient_explosion", "0")}
    assert {one.cause for one in story.findings().values() if one is not root and one.fault != root.fault} == {root.id}
    assert "then: loss_spike from step 101" in consequences(root)
    assert "then: nonfinite_loss from step 104" in consequences(root)
    assert (root.first_seen_step, root.opened_step, root.cause) == (100, 101, "")
    assert {one.fault for one in root.consequences if one.step == 104} == {"nonfinite_loss", "nonfinite_gradient"}


def test_the_journal_is_told_once_what_follows_from_what_and_why():
    """Each link is one line of the history of either side."""
    story = Story().observe(explosion())
    why = "follows from gradient_explosion: an exploding gradient ends in overflow"
    assert story.told("nonfinite_loss").count(why) == 1
    assert story.told("gradient_explosion").count("then: nonfinite_loss from step 104") == 1


def test_a_consequence_that_opened_first_is_absorbed():
    """The spike is seen at once, the explosion after two of three steps: from then on the spike is not active."""
    items = [*steps(1, 99), *step_of(100, loss=40.0, grad_norm=80.0)]
    story = Story().observe(items)
    assert story.active() == {("loss_spike", "0")}
    story.observe(step_of(101, loss=40.0, grad_norm=90.0))
    assert story.active() == {("gradient_explosion", "0")}
    assert story.finding("loss_spike").explained


def test_a_consequence_that_outlives_its_cause_is_active_again():
    """The NaN loss is over, the gradient stays NaN: it is alerted by itself, and the journal says why."""
    story = Story(ALONE).observe([*steps(1, 99), *steps(100, 101, loss=math.nan, grad_norm=math.nan)])
    assert story.active() == {("nonfinite_loss", "0")}
    story.observe(steps(102, 125, grad_norm=math.nan))
    assert story.active() == {("nonfinite_gradient", "0")}
    assert "its cause has closed, it goes on by itself" in story.told("nonfinite_gradient")
    assert story.finding("nonfinite_gradient").cause == story.finding("nonfinite_loss").id


def test_a_critical_consequence_of_a_warning_stays_active():
    """A mail never hides a page: it is listed with its cause, and alerted all the same."""
    story = Story({"gradient_explosion": FaultSettings(severity="warning")}).observe(explosion())
    assert story.active() == {("gradient_explosion", "0"), ("nonfinite_loss", "0")}
    nan = story.finding("nonfinite_loss")
    assert (nan.explained, nan.cause) == (False, story.finding("gradient_explosion").id)
    assert any("it is critical, so it is alerted all the same" in one for one in story.told("nonfinite_loss"))


MILD = {"gradient_explosion": FaultSettings(severity="warning")}


def test_critical_consequences_of_a_warning_page_once():
    """Of several on many ranks the first to open is alerted, and speaks for the others."""
    root = finding("learning_rate_out_of_band", 90, severity="warning")
    storm = [finding(name, 100 + n, str(n)) for n in range(50) for name in ("nonfinite_loss", "nonfinite_gradient")]
    own = finding("divergence", 95)
    told = {change.finding.id: change.sentence for change in relate([root, own, *storm[:20]], START + 200.0)}
    assert [one.id for one in (root, own, *storm[:16]) if not one.explained] == [root.id, own.id]
    assert told[storm[0].id].endswith("; divergence is alerted for it")


def test_when_the_one_that_was_alerted_closes_what_goes_on_is_alerted_once():
    """The NaN loss spoke for the NaN gradient; the gradient stays NaN, and its cause, a warning, is still open."""
    story = Story(MILD).observe(explosion()).observe(steps(111, 135, loss=2.0, grad_norm=math.nan))
    assert ("nonfinite_gradient", "0") in story.active(START + 5000.0)
    assert story.told("nonfinite_gradient").count("its cause has closed, it goes on by itself") == 1


def test_two_that_go_on_without_their_cause_are_one_alert():
    """The first that is seen again speaks for the other."""
    story = Story(MILD).observe(explosion())
    story.decide(Action.FALSE_ALARM, story.finding("gradient_explosion"))
    story.observe(steps(111, 120, loss=math.nan, grad_norm=math.nan))
    assert {one for one in story.active() if one[0].startswith("nonfinite")} == {("nonfinite_loss", "0")}


def test_resolving_the_one_that_was_alerted_resolves_what_it_spoke_for():
    """The operator saw one page of the NaN; the gradient's does not follow on the operator's answer."""
    story = Story(MILD).observe(explosion())
    story.decide(Action.RESOLVE, story.finding("nonfinite_loss"))
    assert story.finding("nonfinite_gradient").closed_reason == RESOLVED_WITH_CAUSE
    assert story.finding("gradient_explosion").is_open


def test_a_cause_that_is_silent_itself_hides_nothing_new():
    """The gradient outlived its own cause quietly; what follows from it now is alerted."""
    quiet = finding("nonfinite_gradient", 100, cause="gone", explained=True)
    new = finding("divergence", 104)
    relate([quiet, new], START + 110.0)
    assert (new.cause, new.explained) == (quiet.id, False)


def test_a_consequence_that_is_only_slower_to_recover_rings_nowhere():
    """The cause closes a few steps before: what is seen no more needs no alert of its own."""
    story = Story().observe([*steps(1, 99), *steps(100, 103, loss=math.nan), *steps(104, 106, grad_norm=math.nan)])
    assert story.finding("nonfinite_gradient").explained
    for step in range(107, 125):
        story.observe(steps(step, step))
        assert story.active(START + step) <= {("nonfinite_loss", "0")}
    assert not any(one.is_open for one in story.findings().values())


def test_a_chain_is_told_from_both_ends():
    """A finding names what it follows from, and what it all began with."""
    chain = [finding(name, None, time=START + at) for at, name in enumerate(("memory_leak", "memory_pressure", "hang"))]
    told = {change.finding.fault: change.sentence for change in relate(chain, START + 9.0)}
    assert told["hang"] == "follows from memory_pressure: memory is short; it began with memory_leak"


def test_what_a_cause_explained_is_not_shown_as_active_for_a_while_after_it_closed():
    """A short consequence needs no scraper: its cause is on the page. A short critical one of a warning does."""
    items = [*steps(1, 99), *steps(100, 101, loss=math.nan, grad_norm=math.nan), *steps(102, 118)]
    story = Story(ALONE).observe(items)
    assert not story.finding("nonfinite_gradient").is_open
    assert story.active(START + 119.0) == {("nonfinite_loss", "0")}
    quiet = Story({"nonfinite_loss": FaultSettings(severity="warning")}).observe(items)
    assert ("nonfinite_gradient", "0") in quiet.active(START + 119.0)


def test_a_nan_that_an_all_reduce_spreads_is_one_finding_that_names_the_earliest_rank():
    """Eight ranks, the first NaN on rank 3: one is active, and says how many follow."""
    story = Story()
    for step in range(1, 110):
        for rank in range(8):
            is_nan = step >= 101 or (step == 100 and rank == 3)
            story.observe(step_of(step, str(rank), loss=math.nan if is_nan else LOSSES[step]))
    assert story.active() == {("nonfinite_loss", "3")}
    root = story.finding("nonfinite_loss", "3")
    assert consequences(root) == ["then: nonfinite_loss on 7 other ranks, first on rank 0 from step 101"]
    assert {story.finding("nonfinite_loss", str(rank)).cause for rank in range(8) if rank != 3} == {root.id}
    assert sum(sentence.startswith("then") for sentence in story.told("nonfinite_loss", "3")) == 3  # 1, 2, 4 ranks


@st.composite
def interleavings(draw):
    """NaN on three ranks at steps near each other, each rank's records in order, the ranks in any order."""
    streams = {}
    for rank in "012":
        onset = draw(st.integers(20, 30))
        streams[rank] = [
            step_of(step, rank, loss=math.nan if step >= onset else LOSSES[step], grad_norm=NORMS[step])
            for step in range(15, 36)
        ]
    turns = draw(st.permutations([rank for rank in streams for _ in range(21)]))
    return streams, turns


def relations(story):
    return {
        place: (one.cause, one.explained, [(c.fault, c.finding, c.ranks) for c in one.consequences])
        for place, one in story.findings().items()
    }


@given(interleavings())
@settings(max_examples=60, deadline=None)
def test_causes_do_not_depend_on_how_the_ranks_are_interleaved(given_items):
    """While nothing closes, whoever is read first: the same rank is the cause, with the same consequences."""
    streams, turns = given_items
    left = {rank: list(records) for rank, records in streams.items()}
    mixed, in_order = Story(), Story()
    for rank in turns:
        mixed.observe(left[rank].pop(0))
    for records in streams.values():
        for record in records:
            in_order.observe(record)
    assert relations(mixed) == relations(in_order)


def test_a_storm_without_an_all_reduce_leaves_few_leaders():
    """Hundreds of ranks that fail far apart are not compared with each other for ever: the rest stand alone."""
    apart = [finding("nonfinite_loss", 100 * n, str(n)) for n in range(1, 100)]
    assert len(spread_leaders(apart)) == MAX_LEADERS
    relate(apart, START + 1e6)
    assert not any(one.explained for one in apart)


@st.composite
def comings_and_goings(draw):
    """Findings that open and close, in some order."""
    severities = st.sampled_from(SEVERITIES)
    found = [msgspec.structs.replace(one, severity=draw(severities)) for one in draw(some_findings)]
    return [draw(st.sampled_from(found)) for _ in range(draw(st.integers(0, 60)))] if found else []


@given(comings_and_goings())
@settings(max_examples=150, deadline=None)
def test_looking_at_the_ranks_that_matter_finds_what_looking_at_all_finds(turns):
    """In a storm only the ranks of the leaders and of what has moved are looked at: that is enough."""
    quick, known, thorough = RunDiagnosis(), {}, {}
    for number, turn in enumerate(turns):
        place = turn.fault, turn.rank
        if place in known:
            moved, kind = known.pop(place), ChangeKind.CLOSED
            del thorough[place]
        else:
            moved, kind = msgspec.structs.replace(turn, id=str(number), evidence=[]), ChangeKind.OPENED
            known[place], thorough[place] = moved, moved.copy()
        quick.follow([IncidentChange(kind, moved, START, None, "")], list(known.values()))
        relate(thorough.values(), START)
        assert known == thorough


@given(st.integers(1, 109))
@settings(max_examples=25, deadline=None)
def test_a_restart_in_the_middle_changes_nothing(cut):
    """Half of a first sight, open causes and explained consequences are in the saved state."""
    whole = Story().observe(explosion())
    items = explosion()
    place = next(index for index, item in enumerate(items) if item.step == cut)
    story = Story().observe(items[:place]).restarted().observe(items[place:])
    assert relations(story) == relations(whole)
    assert story.active() == whole.active()
    assert story.finding("gradient_explosion").first_seen_step == 100


def test_resolving_a_cause_resolves_what_it_spoke_for():
    """The operator saw one alert with its consequences, and resolved that; nothing else rings then."""
    story = Story().observe(explosion())
    story.decide(Action.RESOLVE, story.finding("gradient_explosion"))
    reasons = {one.fault: one.closed_reason for one in story.findings().values()}
    assert reasons.pop("gradient_explosion") == RESOLVED
    assert set(reasons.values()) == {RESOLVED_WITH_CAUSE}
    assert not story.active()
    again = story.restarted().observe(steps(111, 115, loss=math.nan, grad_norm=math.nan))
    assert not again.active()


def test_a_false_alarm_releases_what_it_spoke_for():
    """If the cause was none, what seemed to follow from it stands by itself."""
    story = Story().observe(explosion())
    story.decide(Action.FALSE_ALARM, story.finding("gradient_explosion"))
    story.observe(steps(111, 112, loss=math.nan, grad_norm=math.nan))
    assert story.active() == {("nonfinite_loss", "0")}  # which now explains the NaN gradient and the spike
    assert story.finding("nonfinite_gradient").cause == story.finding("nonfinite_loss").id


def test_the_end_of_a_run_closes_cause_and_consequences():
    """Nothing is active afterwards but what the end itself is."""
    story = Story().observe([started(), *explosion(), *[started(time=START + 200.0)]])
    assert not story.active()
    assert not any(one.is_open for one in story.findings().values())


@pytest.mark.parametrize("items", [explosion(), steps(1, 99)], ids=["explosion", "healthy"])
def test_every_sentence_fits_an_sms(items):
    """No sentence of evidence, action or history is longer than 160 characters."""
    story = Story().observe(items)
    for change in story.changes:
        sentences = [change.sentence, change.finding.first_action, *(one.sentence for one in change.finding.evidence)]
        assert max(map(len, sentences)) <= 160


def test_consequences_come_last_in_the_evidence():
    """What was seen, then what surrounded it, then what followed."""
    order = list(EvidenceRole)
    story = Story().observe(explosion())
    roles = [order.index(one.role) for one in story.finding("gradient_explosion").evidence]
    assert roles == sorted(roles)
    assert set(roles) >= {0, 2}
