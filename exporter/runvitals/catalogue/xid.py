"""What the error messages of NVIDIA's driver mean (XID), and who is to blame.

Source: NVIDIA, "XID Errors" (docs.nvidia.com/deploy/xid-errors), its catalogue and the guide to debugging GPUs. An
application can provoke most of them in some way; `blame` is where NVIDIA's first advice points: to the program,
to the device or its links, or to either (a driver among them). A number that is not here is of unknown blame.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Blame = Literal["application", "hardware", "either"]


class Xid(NamedTuple):
    """The meaning of an XID and whom to blame."""

    meaning: str
    blame: Blame


XIDS: Mapping[int, Xid] = {
    8: Xid("a channel stopped processing", "either"),
    11: Xid("invalid or corrupted push buffer stream", "application"),
    13: Xid("graphics engine exception, such as an access out of bounds", "application"),
    31: Xid("memory page fault: an illegal address was used", "application"),
    32: Xid("invalid or corrupted push buffer stream over PCIe", "either"),
    38: Xid("driver firmware error", "either"),
    43: Xid("the GPU stopped processing for one application", "application"),
    44: Xid("graphics engine fault during a context switch", "either"),
    45: Xid("channels were removed, after an earlier error or a kill", "application"),
    46: Xid("the GPU stopped processing", "hardware"),
    48: Xid("memory error of two bits that could not be corrected", "hardware"),
    61: Xid("the internal micro-controller stopped at a breakpoint", "hardware"),
    62: Xid("the internal micro-controller halted", "hardware"),
    63: Xid("a memory page was retired or a row marked for remapping", "either"),
    64: Xid("retiring a memory page or remapping a row failed", "hardware"),
    66: Xid("illegal access by the driver", "either"),
    68: Xid("video decoder exception", "application"),
    69: Xid("graphics engine class error", "application"),
    74: Xid("NVLink error", "hardware"),
    79: Xid("the GPU has fallen off the bus", "hardware"),
    92: Xid("high rate of corrected memory errors", "hardware"),
    94: Xid("contained memory error", "hardware"),
    95: Xid("uncontained memory error", "hardware"),
    109: Xid("context switch timed out", "either"),
    110: Xid("security fault", "hardware"),
    119: Xid("the GPU's system processor (GSP) did not answer in time", "hardware"),
    120: Xid("error of the GPU's system processor (GSP)", "hardware"),
    121: Xid("error of the link between chips (C2C)", "hardware"),
    140: Xid("memory error that could not be recovered", "hardware"),
    143: Xid("the GPU could not be initialised", "hardware"),
    154: Xid("the driver asks for a recovery: reset, reboot or drain", "either"),
}
