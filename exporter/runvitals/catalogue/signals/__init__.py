"""Signals under their canonical names, with the names that trainers and loggers use for them, a module for each kind.

A name that is not here is kept as it is: any scalar may be watched.
"""

from __future__ import annotations

from types import ModuleType

from runvitals.catalogue.signals import data, gpu, process, server, training
from runvitals.catalogue.signals.data import *
from runvitals.catalogue.signals.gpu import *
from runvitals.catalogue.signals.process import *
from runvitals.catalogue.signals.server import *
from runvitals.catalogue.signals.signal import BadSide as BadSide
from runvitals.catalogue.signals.signal import Signal as Signal
from runvitals.catalogue.signals.training import *

_MODULES: tuple[ModuleType, ...] = (training, data, process, gpu, server)

ALL: tuple[Signal, ...] = tuple(
    value for module in _MODULES for value in vars(module).values() if isinstance(value, Signal)
)

_CANONICAL = {foreign: signal.name for signal in ALL for foreign in (signal.name, *signal.foreign_names)}

_BAD_SIDES = {signal.name: signal.bad_side for signal in ALL}


def bad_side(name: str) -> BadSide:
    """Return the direction in which a signal of this canonical name alerts; both for one the catalogue lacks."""
    return _BAD_SIDES.get(name, "both")


def canonical(name: str) -> str:
    """Return the canonical name of a signal; a name the catalogue does not know is returned unchanged."""
    return _CANONICAL.get(name.lower(), name)


def known(name: str) -> str | None:
    """Return the canonical name of a signal; None where the catalogue does not know the name."""
    return _CANONICAL.get(name.lower())
