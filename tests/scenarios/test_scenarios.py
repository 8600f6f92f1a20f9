"""A dozen scenarios, one of each kind of trouble, and what the score card rests on."""

import math

import pytest

from runvitals.values import ChangeKind, Event, EventKind, Finding, IncidentChange, Sample
from tests import published_rules
from tests.scenarios import archive, card
from tests.scenarios.evaluation import Opening, alerted, judge, watch
from tests.scenarios.rules import judge_rules
from tests.scenarios.scenario import START, Recording, Scenario
from tests.scenarios.suite import ALL, BY_NAME, seeds_of

SEED = seeds_of("choosing", 1)[0]

FOUND = {
    "nan_gradient": 2,
    "explosion_gradient_summed": 5,
    "spike_of_the_rate": 5,
    "input_raw_pixels": 20,
    "input_same_batch_perceptron": 20,
    "output_constant": 100,
    "no_update_after_a_change": 150,
    "resume_lost_optimizer_and_weights": 60,
    "input_bound": 150,
    "gpu_xid": 20,
    "hang": 0,
    "crash": 0,
    "two_writers": 1,
}
"""How many steps after the planting each must have been found."""

SILENT = ("healthy_regression", "healthy_phase", "healthy_two_decimals", "healthy_batch_1", "healthy_server")


@pytest.mark.parametrize("name", FOUND)
def test_a_planted_fault_is_found_first_and_soon(name):
    """The first finding after the planting is the fault that was planted, with its category, and none came before."""
    scenario = BY_NAME[name]
    recording = scenario.record(SEED)
    outcome = judge(scenario, SEED, recording, watch(recording))
    assert outcome.early == ()
    assert outcome.first is not None
    assert (outcome.first.fault in scenario.accepted, outcome.first.category) == (True, scenario.category)
    assert outcome.delay is not None
    assert outcome.delay <= FOUND[name]


@pytest.mark.parametrize("name", SILENT)
def test_a_healthy_run_is_silent(name):
    """Nothing is found in a run with nothing wrong, whatever it looks like."""
    scenario = BY_NAME[name]
    recording = scenario.record(SEED)
    assert judge(scenario, SEED, recording, watch(recording)).early == ()


def test_a_torch_network_runs_and_is_silent():
    """The networks of PyTorch are watched through the same loop."""
    pytest.importorskip("torch")
    scenario = BY_NAME["healthy_torch_recurrent"]
    recording = scenario.record(SEED)
    assert judge(scenario, SEED, recording, watch(recording)).early == ()
    losses = [item.value for item in recording.items if isinstance(item, Sample) and item.signal == "loss"]
    assert sum(losses[-20:]) < 0.7 * sum(losses[:20])


def test_there_is_enough_of_everything():
    """At least 60 scenarios with a fault, of at least 20 kinds, and 40 healthy ones, each under its own name."""
    faulty = [one for one in ALL if not one.is_healthy]
    assert len(faulty) >= 60
    assert len({one.fault for one in faulty}) >= 20
    assert len(ALL) - len(faulty) >= 40
    assert len(BY_NAME) == len(ALL)


def test_the_halves_share_no_seed():
    """What thresholds are chosen on is never what they are judged on."""
    assert not set(seeds_of("choosing", 50)) & set(seeds_of("card", 50))


def test_a_recording_is_that_of_its_seed(tmp_path):
    """The same seed gives the same run, another one another, and the archive gives back what was put there."""
    scenario = BY_NAME["crash"]
    first, again, other = scenario.record(SEED), archive.recording(scenario, SEED, tmp_path), scenario.record(SEED + 2)
    kept = archive.recording(scenario, SEED, tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    assert first == again == kept
    assert all(type(one) is type(two) for one, two in zip(first.items, kept.items, strict=True))
    assert first != other


@pytest.mark.parametrize("name", ["nan_in_a_batch", "hang_with_machine", "healthy_resume_in_process", "server_gone"])
def test_a_recording_is_in_the_order_of_its_times(name):
    """Items come as they happened, all of them before the end, and the fault lies between them."""
    if BY_NAME[name].needs_torch:
        pytest.importorskip("torch")
    recording = BY_NAME[name].record(SEED)
    times = [item.time for item in recording.items]
    assert times == sorted(times)
    assert recording.step_times == sorted(recording.step_times)
    assert times[0] >= START
    assert times[-1] <= recording.until
    assert recording.planted is None or START <= recording.planted <= recording.step_times[-1]


def opening(fault, time, *, category="data", severity="warning"):
    return Opening(fault, category, severity, "0", time, int(time), "it is so")


def judged(*openings, planted=5.5, within=3, also=()):
    scenario = Scenario("one", lambda seed: None, "bad_input" if planted else "", "data", within, also)
    recording = Recording([], [float(time) for time in range(1, 11)], planted, 10.0)
    return judge(scenario, 0, recording, openings)


def test_a_finding_counts_from_the_planting_on():
    """What opens before the planting is false, what opens after it is found; the delay counts the steps between."""
    outcome = judged(opening("loss_spike", 3.0), opening("bad_input", 8.0))
    assert [one.fault for one in outcome.early] == ["loss_spike"]
    assert (outcome.delay, outcome.is_right_first, outcome.is_right_category, outcome.calm_steps) == (2, True, True, 5)


def test_another_fault_first_is_found_late():
    """A fault that is called something else first is detected, and not right first."""
    outcome = judged(opening("loss_spike", 6.0, category="parameters"), opening("bad_input", 7.0))
    assert (outcome.delay, outcome.is_right_first, outcome.is_right_category) == (1, False, False)
    assert judged(opening("loss_spike", 6.0), also=("loss_spike",)).is_right_first


def test_too_late_is_missed_and_info_is_no_alarm():
    """A finding after the window does not count; one of severity info neither comes first nor is false."""
    assert judged(opening("bad_input", 10.0)).delay is None
    outcome = judged(opening("plateau", 6.0, severity="info"), opening("plateau", 2.0, severity="info"))
    assert (outcome.first, outcome.early, len(outcome.notes)) == (None, (), 1)


def change(kind, time, fault="loss_spike", opened=100.0):
    finding = Finding(f"id of {fault}", fault, "data", "warning", "run", "0", opened, 1, 1.0, [], "Look.")
    return IncidentChange(kind, finding, time, 1, "it is so")


def test_a_finding_is_judged_as_its_alert_is_sent():
    """What changes while the alert waits to be sent belongs to it, what changes later does not."""
    opened = change(ChangeKind.OPENED, 100.0)
    soon, late = change(ChangeKind.CHANGED, 105.0), change(ChangeKind.CHANGED, 130.0)
    first = change(ChangeKind.OPENED, 90.0, "bad_input", opened=90.0)
    assert alerted([opened, soon, late, first]) == [first.finding, soon.finding]
    assert alerted([opened, soon, late, first])[1] is soon.finding


def test_the_card_counts():
    """Shares, delays and false findings are those of the outcomes; the stupid baselines stand beside them."""
    scenario = BY_NAME["crash"]
    samples = [Sample("run", "0", "loss", "", START + step, step, 1.0) for step in range(1, 101)]
    items = [*samples, Event(EventKind.RUN_CRASHED, "run", "0", START + 101)]
    recording = Recording(items, [sample.time for sample in samples], START + 50.5, START + 101)
    outcome = judge(scenario, 0, recording, watch(recording))
    printed = list(card.lines([card.Judged(outcome, judge_rules(scenario, recording))]))
    rows = {line[:22].strip(): line[22:].split() for line in printed}
    assert rows["runvitals"] == ["0.0%", "100.0%", "100.0%", "-", "0", "0.00"]  # 50 steps late, and right
    assert rows["always fire"] == ["100.0%", "-", "-", "0", "50", "100000.00"]
    assert rows["never fire"] == ["0.0%", "-", "-", "-", "0", "0.00"]


def wave(count):
    return [1.0 + 0.1 * math.sin(7.0 * at) for at in range(count)]


@pytest.mark.parametrize(
    "rule",
    [
        published_rules.deviations(128, 6.0),
        published_rules.deviations(1000, 7.0),
        published_rules.absolute_deviations(256, 8.0),
        published_rules.zclip,
    ],
)
def test_published_rules_alarm_at_a_jump_alone(rule):
    """A value far above its past is an alarm where it stands, whatever NaN came before it."""
    assert rule([*wave(200), math.nan, *wave(20), 9.0, *wave(20)]) == {221}


def test_kill_loss_spike_needs_more_than_four_in_a_row():
    """Four values of twice the mean are none, the fifth is; and a window half of which is too high is another way."""
    assert published_rules.kill_loss_spike([*wave(150), *[4.0] * 4, *wave(50)]) == set()
    assert min(published_rules.kill_loss_spike([*wave(150), *[4.0] * 6, *wave(50)])) == 154
    slow = [*wave(100), *[1.0 + 0.01 * at for at in range(300)]]
    assert min(published_rules.kill_loss_spike(slow)) > 200
