"""NVIDIA GPUs through NVML: load, memory, temperature, power, clocks, errors, and the driver's messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from math import nan

from runvitals.catalogue import signals
from runvitals.client.ring_folders import reader_folders
from runvitals.sources.gpu import readings
from runvitals.sources.gpu.library import Gpu, GpuLostError, Library
from runvitals.sources.gpu.owners import Owner, Owners
from runvitals.sources.gpu.reasons import Reason
from runvitals.sources.gpu.settings import GpuSettings
from runvitals.sources.gpu.xid import XidListener
from runvitals.sources.process.rings import RingProcess, ring_processes
from runvitals.sources.replica import default_rank
from runvitals.values import Event, EventKind, Poll, Sample


class GpuSource:
    """Asks every GPU once a poll. Without driver it is down, says why, and tries again.

    A sample's layer is the GPU: `gpu0`, or `gpu0/mig1` for an instance of a divided one. What was told and is no more
    becomes NaN once, so that nobody reads its last value as the newest. `list_rings` returns the writers of live rings.
    """

    kind = "gpu"
    listens = False

    def __init__(
        self, settings: GpuSettings, name: str = "gpu", *, list_rings: Callable[[], list[RingProcess]] | None = None
    ) -> None:
        self.name = name
        self.interval = settings.interval
        folders = reader_folders() if settings.folders is None else settings.folders
        self._owners = Owners(
            list_rings or (lambda: ring_processes(folders)), (settings.run, settings.rank or default_rank())
        )
        self._library: Library | None = None
        self._xids: XidListener | None = None
        self._owners_of: dict[str, list[Owner]] = {}
        self._told: set[tuple[str, str, str, str]] = set()

    def poll(self, now: float) -> Poll:
        """Return what the GPUs tell now. Raises OSError where there is no driver, or it has gone away."""
        rejected: Counter[Reason] = Counter()
        try:
            items = self._read(now, rejected)
        except OSError:
            self.close()
            raise
        return Poll(items=items, rejected={reason.value: count for reason, count in rejected.items() if count})

    def restore(self, position: object) -> None:
        """Take None, the only position there is: a GPU is read as it is now."""
        if position is not None:
            raise ValueError(f"a GPU source keeps no position, and was given {position!r}")

    def close(self) -> None:
        """Give the library back."""
        if self._xids:
            self._xids.close()
        if self._library:
            self._library.close()
        self._library = self._xids = None

    def _read(self, now: float, rejected: Counter[Reason]) -> list[Sample | Event]:
        if self._library is None:
            self._library = Library()
        gpus = self._library.gpus(rejected)
        self._owners.look(rejected)
        if self._xids is None:
            self._xids = XidListener(self._library, gpus, rejected)
        items: list[Sample | Event] = []
        for gpu in gpus:
            items.extend(self._of_gpu(self._library, gpu, now, rejected))
        items.extend(self._vanished(items, now))
        items.extend(self._messages(self._xids, now, rejected))
        return items

    def _of_gpu(self, library: Library, gpu: Gpu, now: float, rejected: Counter[Reason]) -> Iterator[Sample]:
        try:
            pids = library.ask(lambda: readings.processes(gpu.handle), rejected) or []
            owners = self._owners_of[gpu.name] = self._owners.of(pids, rejected)
            values = list(readings.read(library, gpu, rejected))
        except GpuLostError:
            rejected[Reason.GPU_LOST] += 1
            return
        for owner in owners:
            for signal, value in values:
                yield Sample(*owner, signal.name, gpu.name, now, None, value)

    def _vanished(self, told: list[Sample | Event], now: float) -> list[Sample]:
        """Return NaN, once, for what was told before and is not now: a GPU that is lost, or has another owner."""
        keys = {(one.run, one.rank, one.signal, one.layer) for one in told if isinstance(one, Sample)}
        gone, self._told = self._told - keys, keys
        return [Sample(*key, now, None, nan) for key in sorted(gone)]

    def _messages(self, xids: XidListener, now: float, rejected: Counter[Reason]) -> Iterator[Sample | Event]:
        for name, xid in xids.heard(rejected):
            for owner in self._owners_of.get(name) or self._owners.of((), rejected):
                yield Sample(*owner, signals.GPU_XID.name, name, now, None, float(xid))
                fields = {"xid": str(xid), "gpu": name}
                yield Event(EventKind.XID, *owner, now, text=f"XID {xid} on {name}", fields=fields)
