"""Whatever is passed to `log` is converted or counted, never raised, never waited for."""

from __future__ import annotations

import time
import warnings
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import runvitals
from runvitals.sources.ring import RingSettings, RingSource
from runvitals.values import Sample
from tests.client.written import run_script, values


class Tensor:
    """Has what a PyTorch tensor has, and fails where reading one on a device would wait."""

    def __init__(self, value: float, device: str = "cpu", elements: int = 1, requires_grad: bool = False) -> None:
        self._value, self.device, self._elements = value, SimpleNamespace(type=device), elements
        self._requires_grad = requires_grad

    def numel(self) -> int:
        return self._elements

    def detach(self) -> Tensor:
        return Tensor(self._value, self.device.type, self._elements)

    def item(self) -> float:
        if self.device.type != "cpu" or self._requires_grad:
            pytest.fail("a tensor was read that must not be")
        return self._value

    def __float__(self) -> float:
        pytest.fail("float() of a tensor waits for its device")

    __index__ = __bool__ = __float__


class LazyArray:
    """Has what a JAX array has."""

    def __init__(self, value: float, ready: bool = True, platform: str = "cpu") -> None:
        self._value, self._ready, self._platform, self.size = value, ready, platform, 1

    def is_ready(self) -> bool:
        return self._ready

    def devices(self) -> set[Any]:
        return {SimpleNamespace(platform=self._platform)} if isinstance(self._platform, int) else FrozenDevices(self)

    def item(self) -> float:
        if not self._ready or self._platform != "cpu":
            pytest.fail("an array was read that must not be")
        return self._value


class FrozenDevices(set):  # type: ignore[type-arg]
    """A set of one device; a namespace cannot be hashed."""

    def __init__(self, array: LazyArray) -> None:
        super().__init__()
        self._device = SimpleNamespace(platform=array._platform)

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter([self._device])


class Malicious:
    """Raises from everything."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __float__(self) -> float:
        raise SystemError

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]


class NamedFloat(float):
    """A float that would rather be asked."""


CONVERTED = [
    (1, 1.0),
    (True, 1.0),
    (NamedFloat(2.5), 2.5),
    (np.float64(1.5), 1.5),
    (np.float32(0.5), 0.5),
    (np.float16(0.25), 0.25),
    (np.int64(7), 7.0),
    (np.bool_(True), 1.0),
    (np.longdouble(2.0), 2.0),
    (np.array(3.5), 3.5),
    (np.array([4.5]), 4.5),
    (Decimal("0.125"), 0.125),
    (Fraction(1, 4), 0.25),
    (Tensor(6.5), 6.5),
    (Tensor(6.75, requires_grad=False), 6.75),
    (LazyArray(7.5), 7.5),
]
COUNTED = [
    ("3.5", "not_a_number"),
    (None, "not_a_number"),
    (b"1", "not_a_number"),
    (1j, "not_a_number"),
    (np.complex128(1j), "not_a_number"),
    (np.array([1.0, 2.0]), "not_a_number"),
    (np.array("x"), "not_a_number"),
    (np.datetime64("2024-01-01"), "not_a_number"),
    (Decimal("sNaN"), "not_a_number"),
    (Tensor(1.0, elements=2), "not_a_number"),
    (Malicious(), "not_a_number"),
    (10**400, "huge_integer"),
    (Tensor(1.0, "cuda"), "device_value"),
    (Tensor(1.0, "meta"), "device_value"),
    (LazyArray(1.0, ready=False), "device_value"),
    (LazyArray(1.0, platform="gpu"), "device_value"),
    (SimpleNamespace(device="tpu"), "device_value"),
    ([1.0], "unsupported_type"),
    ({"a": 1.0}, "unsupported_type"),
    (object(), "unsupported_type"),
]


@pytest.mark.parametrize(("value", "expected"), CONVERTED, ids=lambda value: type(value).__name__)
def test_numbers_of_all_kinds_are_converted(runs: Path, value: object, expected: float) -> None:
    """What is a number in the memory of the CPU is taken, first and later."""
    with runvitals.watch("r") as run:
        for step in range(8):
            run.log(step=step, loss=value)
    assert values(runs) == [("loss", step, expected) for step in range(8)]


@pytest.mark.parametrize(("value", "reason"), COUNTED, ids=lambda value: type(value).__name__)
def test_what_is_no_number_is_counted(runs: Path, value: object, reason: str) -> None:
    """What cannot be taken is counted under a reason that reaches the reader, and its neighbours are taken."""
    source = RingSource(RingSettings(folders=(str(runs),)))
    source.poll(time.time())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with runvitals.watch("r") as run:
            for step in range(8):
                run.log(step=step, before=1.0, loss=value, after=2.0)
    poll = source.poll(time.time())
    source.close()
    assert poll.rejected == {reason: 8}
    assert sum(isinstance(item, Sample) for item in poll.items) == 16


@pytest.mark.usefixtures("runs")
def test_a_value_on_a_device_is_warned_of_once() -> None:
    """One warning names the way that does not wait."""
    with warnings.catch_warnings(record=True) as caught, runvitals.watch("r") as run:
        warnings.simplefilter("always")
        for step in range(3):
            run.log(step=step, loss=Tensor(1.0, "cuda"))
    assert ["runvitals.training.torch.watch" in str(warning.message) for warning in caught] == [True]


def test_warnings_as_errors_never_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under -W error the sentence goes to standard error and the script goes on."""
    monkeypatch.setenv("RUNVITALS_RUNS_DIR", "/proc/nowhere")
    script = "import runvitals\nrun = runvitals.watch('r')\nrun.log(loss=1.0)\nprint('went on', run.is_recording)"
    done = run_script(script, "-W", "error")
    assert done.stdout == "went on False\n"
    assert done.stderr.count("runvitals:") == 1


@pytest.mark.usefixtures("runs")
def test_a_run_that_cannot_be_named() -> None:
    """A name that raises, and whose exception raises when it is shown, turns the client off with a warning."""

    class UnspeakableError(Exception):
        def __str__(self) -> str:
            raise self

    class Name:
        def __str__(self) -> str:
            raise UnspeakableError

    with pytest.warns(RuntimeWarning, match="UnspeakableError") as caught:
        run = runvitals.watch(Name())  # type: ignore[arg-type]
    assert not run.is_recording
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (5, 5),
        (np.int32(5), 5),
        (5.0, 5),
        (np.array(5), 5),
        (Tensor(5), 5),
        (True, 1),
        ("5", None),
        (5.5, None),
        (-1, None),
        (float("nan"), None),
        (float("inf"), None),
        (2**63, None),
        (10**400, None),
        (Tensor(5, "cuda"), None),
        (Malicious(), None),
        ([], None),
    ],
    ids=repr,
)
def test_steps_of_all_kinds(runs: Path, step: object, expected: int | None) -> None:
    """A step that is a whole number is taken; any other value leaves the record without a step."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with runvitals.watch("r") as run:
            for _ in range(8):
                run.log(step=step, loss=1.0)
            run.mark("batch", "17", step=step)
    assert values(runs) == [("loss", expected, 1.0)] * 8


def test_hostile_names_layers_and_marks(runs: Path) -> None:
    """Names that are too long, empty, not printable or no text are counted; marks take anything."""
    bad: dict[Any, float] = {"": 1.0, "a\nb": 1.0, "x" * 201: 1.0, 5: 1.0, "\ud800": 1.0, ("t",): 1.0}
    source = RingSource(RingSettings(folders=(str(runs),)))
    source.poll(time.time())
    with runvitals.watch("r") as run:
        run.log(bad, step=1, good=2.0)
        run.log(0.5, step=1)  # type: ignore[arg-type]
        run.log(step=2, loss=3.0, layer=["x"])  # type: ignore[arg-type]
        run.log(step=3, loss=4.0, layer="a\0b")
        run.mark(Malicious(), "x")  # type: ignore[arg-type]
        run.mark("phase\0", None)  # type: ignore[arg-type]
    poll = source.poll(time.time())
    source.close()
    assert [(item.signal, item.value) for item in poll.items if isinstance(item, Sample)] == [("good", 2.0)]
    assert poll.rejected["bad_name"] == len(bad) + 2
    assert poll.rejected["not_a_mapping"] == 1


def test_names_are_bounded(runs: Path) -> None:
    """Of a run that invents names for ever the first are kept and the rest counted: they do not fill its ring."""
    source = RingSource(RingSettings(folders=(str(runs),)))
    source.poll(time.time())
    with runvitals.watch("r") as run:
        for number in range(6000):
            run.log({f"metric_{number}": 1.0}, step=number)
        run.log(step=6000, metric_0=5.0)
    poll = source.poll(time.time())
    source.close()
    taken = [item for item in poll.items if isinstance(item, Sample)]
    assert taken[-1].value == 5.0
    assert len(taken) + poll.rejected["too_many_names"] + poll.rejected.get("overwritten", 0) == 6001


def test_a_real_tensor(runs: Path) -> None:
    """PyTorch's own tensors are taken from the CPU, with and without a gradient, and never from elsewhere."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with runvitals.watch("r") as run:
            run.log(
                step=1, a=torch.tensor(1.5), b=torch.tensor(2.5, requires_grad=True), c=torch.empty((), device="meta")
            )
    assert values(runs) == [("a", 1, 1.5), ("b", 1, 2.5)]
