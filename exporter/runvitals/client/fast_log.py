"""A `log` made for the names one call site uses, as `dataclasses` makes an `__init__`.

Collecting keyword arguments into a dictionary and comparing their names and types takes most of the time of a call. A
function whose parameters *are* the names needs neither. It takes only calls with exactly these names and types, a whole
step and no layer, and leaves every other to the general way.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from keyword import iskeyword
from typing import Any

from runvitals.client.encoder import Plan
from runvitals.client.ring_format import SCALARS
from runvitals.client.ring_writer import RingWriter
from runvitals.client.steps import StepTaker

MAX_NAMES = 64
_RESERVED = {"values", "step", "layer", "others", "given"}
_TEMPLATE = """
def log(values=None, /, *, step=None, layer="", {parameters}, **others):
    if {types_are_known} and _type(step) is _int and step >= 0 and values is None and not layer and not others:
        try:
            _append({kind}, step, {count}, 0, _pack(_indices, {arguments}))
            _steps.newest = step
            return
        except _too_large:
            pass
        except _Exception:
            _lost("internal_error")
            return
    given = {{name: value for name, value in ({pairs},) if value is not _absent}}
    _otherwise(values, step, layer, {{**given, **others}})
"""


GeneralLog = Callable[[object, object, object, dict[str, Any]], None]
"""Takes the values given as a mapping, the step, the layer, and the scalars given by keyword."""


def can_be_made_for(plan: Plan) -> bool:
    """Tell whether all names can be parameters."""
    return 0 < plan.count <= MAX_NAMES and all(map(_is_parameter_name, plan.names))


def _is_parameter_name(name: str) -> bool:
    # ASCII only: the parser would normalise other identifiers to other names.
    return name.isascii() and name.isidentifier() and not (iskeyword(name) or name[0] == "_" or name in _RESERVED)


def make_log(plan: Plan, writer: RingWriter, steps: StepTaker, otherwise: GeneralLog) -> Callable[..., None]:
    """Return `Run.log` for calls like the plan's; `otherwise` takes all others."""
    source = _TEMPLATE.format(
        parameters=", ".join(f"{name}=_absent" for name in plan.names),
        types_are_known=_type_check(plan),
        kind=SCALARS,
        count=plan.count,
        arguments=", ".join(plan.names),
        pairs=", ".join(f'("{name}", {name})' for name in plan.names),
    )
    namespace: dict[str, Any] = {
        "_absent": object(),
        "_int": int,
        "_append": writer.append,
        "_pack": plan.pack,
        "_indices": plan.indices,
        "_steps": steps,
        "_lost": writer.skipped,
        "_otherwise": otherwise,
        "_too_large": (OverflowError, struct.error),
        "_Exception": Exception,
        "_type": type,
        **{f"_kind{number}": kind for number, kind in enumerate(plan.kinds)},
    }
    exec(source, namespace)  # noqa: S102 - the only foreign text in it are names that _is_parameter_name admits
    made: Callable[..., None] = namespace["log"]
    return made


def _type_check(plan: Plan) -> str:
    if len(set(plan.kinds)) == 1:
        return f"{' is '.join(f'_type({name})' for name in plan.names)} is _kind0"
    return " and ".join(f"_type({name}) is _kind{number}" for number, name in enumerate(plan.names))
