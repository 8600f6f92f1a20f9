"""From verdicts to a fault that is open: when it was first seen."""

from hypothesis import given
from hypothesis import strategies as st

from runvitals.diagnosis.hysteresis import Change, Hysteresis, Sight
from runvitals.values import State


@given(st.lists(st.sampled_from(State), max_size=100), st.integers(1, 5), st.integers(0, 4), st.integers(1, 5))
def test_the_first_sight_is_the_oldest_firing_verdict_of_the_window_that_opened(states, count, more, close):
    """Neither a verdict that has left the window, nor the one that opened; and no more are kept than fit the window."""
    one, known = Hysteresis(count, count + more, close), []
    for step, state in enumerate(states):
        if state is not State.UNKNOWN:
            known.append((step, state is State.FIRING))
        change = one.observe(state, float(step), step)
        if change is Change.OPENED:
            window = [at for at, fired in known[-(count + more) :] if fired]
            assert one.sights[0] == Sight(float(window[0]), window[0])
        if change is Change.CLOSED:
            known.clear()
        assert len(one.sights) <= count + more
