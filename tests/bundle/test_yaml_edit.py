"""Changes to YAML texts keep comments, and mean what they say."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from runvitals.bundle.yaml_edit import REMOVED, edited

TEXT = """\
# The first line.
global:
  host: a.example:1     # CHANGE: the host
  list: [1, 2]
  # external:
  #   cluster: c

routes:
  # Of the first.
  - name: one
    times:
      - {a: 1}
      - {a: 2}   # the second
    zone: UTC    # CHANGE

  - name: two    # the last
"""

TEXTS = st.text(st.characters(exclude_categories=("C",)), max_size=30)
PLAIN = st.recursive(
    st.one_of(st.booleans(), st.integers(-9, 9), TEXTS),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(TEXTS, below, max_size=3)),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        ("global.host", "b:2", "host: a.example:1     # CHANGE", 'host: "b:2"     # CHANGE'),
        ("routes[0].times", [], "\n      - {a: 1}\n      - {a: 2}   # the", "\n      []   # the"),
        ("routes[0].zone", REMOVED, "    zone: UTC    # CHANGE\n", ""),
        ("routes[1]", REMOVED, "  - name: two    # the last\n", ""),
        ("routes[+]", {"name": "three"}, "# the last\n", '# the last\n  - {"name": "three"}\n'),
        ("global.more", True, "list: [1, 2]\n", "list: [1, 2]\n  more: true\n"),
        ("global.absent", REMOVED, "", ""),
    ],
)
def test_one_change_is_one_change_of_the_text(path: str, value: Any, old: str, new: str) -> None:
    """Nothing else in the text is touched, its comments least of all."""
    assert edited(TEXT, {path: value}) == TEXT.replace(old, new)


def test_a_place_that_is_not_there_is_an_error() -> None:
    """A change that would be lost is not."""
    for path in ("nowhere.key", "global.host.key", "global.list[+]"):
        with pytest.raises(KeyError, match=re.escape(path)):
            edited(TEXT, {path: 1})


@settings(deadline=None, max_examples=60)
@given(PLAIN)
def test_what_is_written_is_what_is_read(value: Any) -> None:
    """Any value, with quotes, backslashes and braces, arrives as it was, several times over."""
    expected = yaml.safe_load(TEXT)
    changes = {"global.host": value, "routes[1]": value, "global.new": value, "routes[+]": value}
    expected["global"] |= {"host": value, "new": value}
    expected["routes"][1] = value
    expected["routes"].append(value)
    assert yaml.safe_load(edited(TEXT, changes)) == expected
