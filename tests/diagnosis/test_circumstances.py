"""What surrounds a finding decides its category, how sure that is, and what to do first."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runvitals.catalogue import circumstances as catalogue
from runvitals.catalogue import faults
from runvitals.diagnosis.recent_events import MAX_BATCHES, MAX_EVIDENCE
from runvitals.diagnosis.signs import SIGNS
from runvitals.values import EventKind
from tests.diagnosis.story import START, Story, event, step_of
from tests.findings import circumstances
from tests.streams import healthy, started

NORMS = healthy(300, seed=1)


def trained(last, **more):
    """Healthy steps from 1 to `last`."""
    items = []
    for step in range(1, last + 1):
        items += step_of(step, loss=2.0 + 0.1 * (step % 7), grad_norm=NORMS[step], **more)
    return items


def nan_after(items, step=100, **values):
    """The finding of a NaN loss after these items."""
    return Story().observe([*items, *step_of(step, **({"loss": math.nan} | values))]).finding("nonfinite_loss")


def test_nan_in_the_first_steps_with_finite_input_is_of_the_structure():
    """Nothing has ever worked, and the input was fine: the code."""
    finding = nan_after([], step=1, loss=math.nan, input_nonfinite_ratio=0.0)
    assert (finding.category, finding.category_confidence) == ("structure", 0.9)
    assert circumstances(finding) == ["the run was only at step 1", "the input was finite"]
    assert "initialisation" in finding.first_action
    assert nan_after([], step=1).category_confidence == 0.7  # of the input nothing is known


def test_nan_after_a_raised_learning_rate_and_a_rising_gradient_is_of_the_parameters():
    """The evidence names both, with their values."""
    items = trained(80, learning_rate=0.001)
    for step in range(81, 100):
        items += step_of(step, loss=2.0, grad_norm=1.1 ** (step - 80), learning_rate=0.01)
    finding = nan_after(items)
    assert (finding.category, finding.category_confidence) == ("parameters", 0.9)
    assert "learning_rate was raised 10-fold after step 80 (0.001 to 0.01)" in circumstances(finding)
    assert any(one.startswith("grad_norm had risen") for one in circumstances(finding))
    assert "before the learning rate was raised" in finding.first_action


@pytest.mark.parametrize("order", [("loss", "input_nonfinite_ratio"), ("input_nonfinite_ratio", "loss")])
def test_nan_with_input_that_is_not_finite_is_of_the_data_in_whatever_order_it_is_logged(order):
    """The order of the signals within one record means nothing: the category is that of the whole record."""
    values = {"loss": math.nan, "input_nonfinite_ratio": 0.25}
    story = Story().observe([*trained(99), *step_of(100, **{name: values[name] for name in order})])
    finding = story.finding("nonfinite_loss")
    assert (finding.category, finding.category_confidence) == ("data", 0.95)
    assert "0.25 of the input was not finite" in circumstances(finding)
    [rank] = story.pipeline.snapshot(START + 100.0, (), ready=True).ranks
    assert rank.incidents["nonfinite_loss", "data"] == 1
    assert {labels: active for labels, active in rank.fault_active.items() if labels[0] == "nonfinite_loss"} == {
        ("nonfinite_loss", "data", "critical"): 1
    }


def test_the_category_is_frozen_with_the_record_that_opened_the_finding():
    """What is told later is evidence, and changes no label."""
    story = Story().observe([*trained(99), *step_of(100, loss=math.nan)])
    story.observe(step_of(100, time=START + 100.5, input_nonfinite_ratio=0.25))
    assert story.finding("nonfinite_loss").category == "parameters"


def test_nan_on_one_rank_alone_is_of_the_infrastructure():
    """The others were finite at that step, before any all-reduce could spread it."""
    story = Story()
    for step in range(50, 101):
        for rank in "012":
            story.observe(step_of(step, rank, loss=math.nan if (step, rank) == (100, "2") else 2.0))
    finding = story.finding("nonfinite_loss", "2")
    assert (finding.category, finding.category_confidence) == ("infrastructure", 0.6)
    assert circumstances(finding) == ["loss was finite on 2 other ranks at that step"]


def test_without_a_sign_the_category_is_the_catalogues_and_said_to_be_so():
    """Nothing is claimed: no confidence, no circumstance, the usual first action."""
    finding = nan_after(trained(99))
    assert (finding.category, finding.category_confidence) == (faults.NONFINITE_LOSS.category, None)
    assert (circumstances(finding), finding.first_action) == ([], faults.NONFINITE_LOSS.first_action)


def test_a_warm_up_alone_is_no_raised_learning_rate():
    """A rate that creeps up by less than the double within the steps that are remembered is ordinary."""
    items = []
    for step in range(1, 100):
        items += step_of(step, loss=2.0, learning_rate=0.001 * (1.0 + step / 200.0))
    assert circumstances(nan_after(items)) == []


def crash(*items, end=EventKind.RUN_CRASHED, text=""):
    run = [started(), *trained(99), *items, event(end, 110.0, text=text)]
    return Story().observe(run)


@pytest.mark.parametrize(
    ("kind", "category", "action"),
    [
        (EventKind.OUT_OF_MEMORY, "infrastructure", "batch size"),
        (EventKind.COLLECTIVE_TIMEOUT, "infrastructure", "collective"),
        (EventKind.XID, "infrastructure", "GPU"),
        (EventKind.KILLED, "infrastructure", "who killed it"),
        (EventKind.TRACEBACK, "structure", "traceback"),
    ],
)
def test_a_crash_takes_what_the_log_told_shortly_before(kind, category, action):
    """The line is evidence, decides the category, and says what to do first."""
    finding = crash(event(kind, 98.0, text="CUDA  error:\nline")).finding("run_crashed")
    assert (finding.category, action in finding.first_action) == (category, True)
    said = f"told in the log: {kind.value.replace('_', ' ')} (CUDA error: line), 12 s before"
    assert said in circumstances(finding)


def test_an_old_log_line_is_no_evidence():
    """What was told ten minutes before has nothing to do with it; nor has what the last process left."""
    assert circumstances(crash(event(EventKind.XID, -600.0)).finding("run_crashed")) == []
    early = Story().observe([event(EventKind.XID, 0.0), started(time=START + 1.0), event(EventKind.RUN_CRASHED, 9.0)])
    assert circumstances(early.finding("run_crashed")) == []


def test_a_log_line_that_is_read_after_the_crash_is_evidence_and_mends_the_action():
    """The log is read by another source, perhaps a second later: labels stay, the action does not."""
    story = crash().observe([event(EventKind.OUT_OF_MEMORY, 109.0)], "logs")
    finding = story.finding("run_crashed")
    assert circumstances(finding) == ["told in the log: out of memory, 1 s before"]
    assert "batch size" in finding.first_action
    assert "told in the log: out of memory, 1 s before" in story.told("run_crashed")


def test_an_exception_is_of_the_structure_but_one_of_memory_is_not():
    """The type of the exception tells them apart."""
    raised = crash(end=EventKind.RUN_RAISED, text="ValueError").finding("run_crashed")
    assert raised.category == "structure"
    memory = crash(end=EventKind.RUN_RAISED, text="OutOfMemoryError").finding("run_crashed")
    assert (memory.category, "batch size" in memory.first_action) == ("infrastructure", True)


def test_a_crash_that_a_stall_came_before_says_so():
    """The end of the run closes the stall; it is evidence all the same."""
    finding = Story().observe([started(), *trained(99), event(EventKind.RUN_CRASHED, 400.0)]).finding("run_crashed")
    assert circumstances(finding) == ["hang was open since step 99"]
    assert "stood still" in finding.first_action


def test_a_stall_with_a_collective_timeout_says_so():
    """NCCL's own watchdog names what the clock only suspects."""
    story = Story().observe([started(), *trained(99), event(EventKind.COLLECTIVE_TIMEOUT, 150.0, text="ALLREDUCE")])
    story.pipeline.advance(START + 170.0)
    assert "told in the log: collective timeout (ALLREDUCE)" in circumstances(story.finding("hang"))[0]


def test_a_collective_that_gives_up_long_after_the_stall_began_is_evidence_of_it():
    """NCCL waits for ten minutes by default, the clock here for one; another line hours later is another matter."""
    story = Story().observe([started(), *trained(99)])
    story.pipeline.advance(START + 170.0)
    story.observe([event(EventKind.COLLECTIVE_TIMEOUT, 99.0 + 600.0)], "logs")
    assert circumstances(story.finding("hang")) == ["told in the log: collective timeout, 540 s after"]
    assert "collective" in story.finding("hang").first_action
    story.observe([event(EventKind.XID, 99.0 + 9000.0)], "logs")
    assert len(circumstances(story.finding("hang"))) == 1


def test_a_nan_gradient_with_an_overflow_of_the_loss_scale_says_so():
    """The scaler's own line: lower the scale."""
    overflow = event(EventKind.LOSS_SCALE_OVERFLOW, 99.0, text="loss scale 1.0")
    story = Story().observe([*trained(99), overflow, *step_of(100, grad_norm=math.nan)])
    finding = story.finding("nonfinite_gradient")
    assert (finding.category, "Lower the loss scale" in finding.first_action) == ("parameters", True)


def test_a_finding_names_the_batch_of_its_step_and_of_the_one_before():
    """As they were marked, before or after the step was logged; another step's batch is not named."""
    marks = [event(EventKind.BATCH, step, step, f"shard-7/{step}") for step in range(90, 100)]
    story = Story().observe([*trained(99), *marks, *step_of(100, loss=math.nan)])
    finding = story.finding("nonfinite_loss")
    assert circumstances(finding) == ["batch of the step before: shard-7/99"]
    story.observe([event(EventKind.BATCH, step, step, f"shard-7/{step}") for step in (100, 101)])
    assert circumstances(finding := story.finding("nonfinite_loss")) == [
        "batch of the step before: shard-7/99",
        "batch shard-7/100",
    ]
    assert finding.category_confidence is None


def test_a_batch_is_named_on_findings_of_loss_and_gradient_alone():
    """A crash has no batch; a spike has."""
    marked = event(EventKind.BATCH, 99.5, 100, "shard-7/100")
    story = Story().observe([started(), *trained(99), marked, *step_of(100, loss=90.0)])
    assert circumstances(story.finding("loss_spike")) == ["batch shard-7/100"]
    story.observe([event(EventKind.RUN_CRASHED, 101.0)])
    assert circumstances(story.finding("run_crashed")) == []


def test_what_is_remembered_of_marks_and_logs_is_bounded():
    """A run that marks every batch keeps the newest; a log that never ends keeps its newest lines."""
    events = [event(kind, step, step, "x" * 999) for step in range(500) for kind in (EventKind.BATCH, EventKind.XID)]
    story = Story().observe(events)
    kept = story.pipeline.rank_of(step_of(1, loss=1.0)[0]).events
    assert (len(kept.batches), len(kept.evidence)) == (MAX_BATCHES, MAX_EVIDENCE)


def test_other_peoples_text_is_cut_to_what_fits_an_sms():
    """A batch's name may be a thousand characters, with line ends."""
    story = Story().observe([event(EventKind.BATCH, 99.0, 100, "ä\n" * 500), *step_of(100, loss=math.nan)])
    [sentence] = circumstances(story.finding("nonfinite_loss"))
    assert len(sentence) < 100
    assert "\n" not in sentence


@given(st.integers(90, 109))
@settings(max_examples=25, deadline=None)
def test_a_restart_in_the_middle_changes_no_circumstance(cut):
    """Marks, log lines and the last steps are in the saved state."""
    items = [*trained(99, learning_rate=0.001), event(EventKind.BATCH, 100.0, 100, "b"), event(EventKind.XID, 100.0)]
    items += [one for step in range(100, 110) for one in step_of(step, loss=math.nan, learning_rate=0.01)]
    place = next(index for index, item in enumerate(items) if item.step == cut)
    whole = Story().observe(items).findings()
    assert repr(Story().observe(items[:place]).restarted().observe(items[place:]).findings()) == repr(whole)
    assert "batch b" in circumstances(whole["nonfinite_loss", "0"])


NAMES = {fault.name for fault in faults.ALL if fault.scope == "rank"}


@pytest.mark.parametrize("rule", catalogue.ALL, ids=lambda one: f"{one.category}-{'-'.join(one.faults[:2])}")
def test_every_rule_names_what_exists(rule):
    """Faults, findings and signs by name; something that must hold; an action fit to be read aloud."""
    assert set(rule.faults) | set(rule.findings) <= NAMES
    assert set(rule.signs) <= set(SIGNS)
    assert rule.events or rule.findings or rule.signs
    assert 0.0 < rule.confidence < 1.0
    assert not rule.first_action or rule.first_action.endswith(".")
    assert len(rule.first_action) <= 120


def test_every_sign_is_used():
    """A sign that no rule asks for is dead."""
    assert {name for rule in catalogue.ALL for name in rule.signs} == set(SIGNS)
