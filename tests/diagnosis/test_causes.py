"""Which finding follows from which: the catalogue's rules, and the links that are drawn from them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runvitals.catalogue import causes, faults
from runvitals.diagnosis.causes import links
from tests.diagnosis.story import START, finding


def parents(*findings):
    return {identity: link.parent.id for identity, link in links(findings).items()}


NAMES = sorted({name for one in causes.ALL for name in (one.cause, *one.consequences)})

some_findings = st.lists(
    st.builds(
        finding,
        st.sampled_from(NAMES),
        st.one_of(st.none(), st.integers(0, 100)),
        st.sampled_from(["0", "1", "2"]),
        st.floats(START, START + 1000.0),
    ),
    max_size=25,
    unique_by=lambda one: one.id,
)


@given(some_findings, st.randoms(use_true_random=False))
def test_links_do_not_depend_on_the_order_in_which_findings_are_given(found, chance):
    """The answer is a function of what is open, not of what was read first."""
    shuffled = list(found)
    chance.shuffle(shuffled)
    assert links(shuffled) == links(found)


@given(some_findings)
def test_no_finding_follows_from_itself(found):
    """Whoever goes from parent to parent comes to the root, which follows from nothing."""
    drawn = links(found)
    for identity, link in drawn.items():
        place, steps = identity, 0
        while place in drawn:
            place, steps = drawn[place].parent.id, steps + 1
            assert steps <= len(found)
        assert link.root.id == place


def test_the_first_seen_of_two_is_the_cause():
    """A NaN loss leads to a NaN gradient in its step; a NaN gradient to a NaN loss in the next one."""
    assert parents(finding("nonfinite_loss", 9), finding("nonfinite_gradient", 9)) == {
        "nonfinite_gradient-0": "nonfinite_loss-0"
    }
    assert parents(finding("nonfinite_loss", 10), finding("nonfinite_gradient", 9)) == {
        "nonfinite_loss-0": "nonfinite_gradient-0"
    }


def test_a_cause_may_be_known_later_than_its_consequence():
    """A bad batch is recognised when the loss has come back: the spike is its consequence all the same."""
    assert parents(finding("loss_spike", 10), finding("bad_batch", 12)) == {"loss_spike-0": "bad_batch-0"}


def test_what_lies_far_apart_has_nothing_to_do_with_each_other():
    """A NaN a thousand steps after an explosion that is still open has a cause of its own."""
    assert not parents(finding("gradient_explosion", 10), finding("nonfinite_loss", 1010))
    assert not parents(finding("gradient_explosion", 100), finding("nonfinite_loss", 90))


def test_a_chain_leads_to_one_root():
    """Batch, explosion, NaN loss, NaN gradient: one cause, and each knows what it follows from."""
    chain = ["bad_batch", "gradient_explosion", "nonfinite_loss", "nonfinite_gradient"]
    drawn = links([finding(name, 10 + 2 * place) for place, name in enumerate(chain)])
    assert {link.root.fault for link in drawn.values()} == {"bad_batch"}
    assert set(drawn) == {f"{name}-0" for name in chain[1:]}


def test_another_rank_is_another_matter_unless_the_all_reduce_spreads_it():
    """An explosion on one rank explains no spike on the other; a NaN goes to all ranks within a few steps."""
    assert not parents(finding("gradient_explosion", 10), finding("loss_spike", 11, "1"))
    found = [finding("nonfinite_loss", 100 + (rank != 3), str(rank)) for rank in range(8)]
    assert set(parents(*found).values()) == {"nonfinite_loss-3"}
    assert len(parents(*found)) == 7
    assert parents(finding("nonfinite_loss", 100, "3"), finding("nonfinite_gradient", 100)) == {
        "nonfinite_gradient-0": "nonfinite_loss-3"
    }
    assert not parents(finding("nonfinite_loss", 100), finding("nonfinite_loss", 101, "1", time=START + 9000.0))


def test_two_episodes_have_two_leaders():
    """Ranks that follow a NaN late follow the one that came late, not one that has been open for long."""
    found = [finding("nonfinite_loss", step, str(rank)) for rank, step in enumerate((50, 51, 500, 501))]
    assert parents(*found) == {"nonfinite_loss-1": "nonfinite_loss-0", "nonfinite_loss-3": "nonfinite_loss-2"}


def test_without_steps_time_decides():
    """A server has no steps."""
    slow = finding("latency_degraded", None, time=START + 30.0)
    assert parents(finding("saturation", None, time=START), slow) == {"latency_degraded-0": "saturation-0"}


def test_a_thousand_ranks_are_linked_in_no_time():
    """Each further rank of a storm costs little: the rules are asked once for each finding, not once for each pair."""
    names = ["nonfinite_loss", "nonfinite_gradient"]
    found = [finding(name, 100 + rank % 3, str(rank)) for rank in range(1000) for name in names]
    random.Random(0).shuffle(found)
    assert len({link.root.id for link in links(found).values()}) == 1


def test_every_rule_names_faults_that_exist():
    """An edge to a fault that was renamed or dropped would never be drawn."""
    known = {fault.name for fault in faults.ALL if fault.scope == "rank"}
    assert {*NAMES, *causes.INDEPENDENT} <= known
    assert set(causes.SPREADING) <= known


def test_every_fault_is_placed_among_the_causes():
    """Whoever adds a fault says what it follows from and leads to, or that it stands alone."""
    of_rank_scope = {fault.name for fault in faults.ALL if fault.scope == "rank"}
    assert of_rank_scope <= {*NAMES, *causes.INDEPENDENT}
    assert not set(NAMES) & set(causes.INDEPENDENT)


@pytest.mark.parametrize("rule", causes.ALL, ids=lambda one: f"{one.cause}: {one.why}")
def test_every_rule_makes_sense(rule):
    """Windows are not empty, nothing leads to itself, and each has a reason that fits an SMS."""
    for low, high in filter(None, rule.window):
        assert low <= high
    assert rule.cause not in rule.consequences
    assert len(set(rule.consequences)) == len(rule.consequences)
    assert 0 < len(rule.why) <= 70


def test_two_faults_never_lead_to_each_other_at_the_same_step():
    """Where both directions are possible, the lag tells them apart."""
    lags = {(one.cause, name): one.window.steps for one in causes.ALL for name in one.consequences}
    for (cause, consequence), steps in lags.items():
        back = lags.get((consequence, cause))
        assert back is None or (steps and steps[0] + back[0] > 0), (cause, consequence)
