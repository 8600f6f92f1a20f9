"""The faults runvitals knows, each described once, a module for each kind.

Thresholds stand here with their source; a config may override them, and nothing else holds a copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from runvitals.catalogue.faults import (
    cluster,
    data,
    gpu,
    gradient,
    learning,
    loss,
    memory,
    network,
    nonfinite,
    optimizer,
    process,
    server,
    speed,
)
from runvitals.catalogue.faults.cluster import *
from runvitals.catalogue.faults.data import *
from runvitals.catalogue.faults.fault import Category as Category
from runvitals.catalogue.faults.fault import Fault as Fault
from runvitals.catalogue.faults.fault import Scope as Scope
from runvitals.catalogue.faults.fault import Severity as Severity
from runvitals.catalogue.faults.fault import Threshold as Threshold
from runvitals.catalogue.faults.gpu import *
from runvitals.catalogue.faults.gradient import *
from runvitals.catalogue.faults.learning import *
from runvitals.catalogue.faults.loss import *
from runvitals.catalogue.faults.memory import *
from runvitals.catalogue.faults.network import *
from runvitals.catalogue.faults.nonfinite import *
from runvitals.catalogue.faults.optimizer import *
from runvitals.catalogue.faults.process import *
from runvitals.catalogue.faults.server import *
from runvitals.catalogue.faults.speed import *

_MODULES: tuple[ModuleType, ...] = (
    nonfinite,
    gradient,
    loss,
    data,
    optimizer,
    learning,
    network,
    process,
    speed,
    memory,
    gpu,
    server,
    cluster,
)

ALL: tuple[Fault, ...] = tuple(
    value for module in _MODULES for value in vars(module).values() if isinstance(value, Fault)
)
BY_NAME: Mapping[str, Fault] = {fault.name: fault for fault in ALL}
