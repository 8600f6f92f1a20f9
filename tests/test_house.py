"""The house rules that a machine can check."""

import ast
import importlib
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import runvitals
from runvitals.catalogue import faults, metrics, signals
from runvitals.detectors import DETECTORS

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "exporter").rglob("*.py"))
ALL_MODULES = sorted(
    ".".join(source.relative_to(ROOT / "exporter").with_suffix("").parts).removesuffix(".__init__")
    for source in SOURCES
    if source.parent.name != "runvitals" or source.stem != "__init__"
)
FRAMEWORKS = tuple(f"runvitals.training.{name}" for name in ("accelerate", "jax", "keras", "lightning", "transformers"))
"""Imported by the tests that train with them; that takes seconds, and Keras writes a file."""


def test_every_metric_name_stands_once_in_the_catalogue_and_nowhere_else():
    """Whoever looks for a metric's name finds one place."""
    found = Counter()
    for source in SOURCES:
        for name in re.findall(r"\"(runvitals_[a-z0-9_]+)\"", source.read_text()):
            found[name, source.name] += 1
    assert found == {(metric.name, "metrics.py"): 1 for metric in metrics.ALL}


def test_metric_names_follow_the_conventions():
    """Base units, `_total` on counters alone, HELP for each, no reserved label."""
    for metric in metrics.ALL:
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert metric.help.endswith(".")
        assert not {"job", "instance", "type", "cluster", "env"} & set(metric.labels)


def test_every_fault_is_watched_and_described():
    """A fault of rank scope has a detector, thresholds with a source, and a first action fit to be read aloud."""
    for fault in faults.ALL:
        assert (fault.scope == "cluster") == (fault.detector == "")
        assert fault.scope == "cluster" or not fault.signals or fault.detector in DETECTORS
        assert fault.summary.endswith(".")
        assert fault.first_action.endswith(".")
        assert all(threshold.meaning and threshold.source for threshold in fault.thresholds.values())
        assert set(fault.signals) <= {signal.name for signal in signals.ALL}


def test_foreign_names_lead_to_one_signal():
    """No foreign name belongs to two signals, and each leads to its canonical one whatever its case."""
    names = [name for signal in signals.ALL for name in (signal.name, *signal.foreign_names)]
    assert len(names) == len(set(names))
    for signal in signals.ALL:
        for name in signal.foreign_names:
            assert signals.canonical(name.upper()) == signal.name


def test_the_public_surface_is_what_all_says():
    """`runvitals` offers what it lists, and nothing else that a user could come to lean on."""
    offered = {name for name in vars(runvitals) if not name.startswith("_")}
    submodules = {module.split(".")[1] for module in ALL_MODULES}
    assert offered - submodules == set(runvitals.__all__) - {"__version__"}


def test_the_version_is_the_packages():
    """What the code says is what pyproject.toml says."""
    assert f'version = "{runvitals.__version__}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("module", ALL_MODULES)
def test_every_module_imports_and_says_what_it_is_for(module):
    """Each module has a first sentence."""
    if module.endswith("__main__"):
        pytest.skip("runs the command when imported")
    if module.startswith(FRAMEWORKS):
        source = next(
            one
            for one in SOURCES
            if str(one).removesuffix("/__init__.py").removesuffix(".py").endswith(module.replace(".", "/"))
        )
        assert ast.get_docstring(ast.parse(source.read_text()))
        return
    if module.startswith(("runvitals.training.torch", "runvitals.training.startup.torch_steps")):
        pytest.importorskip("torch", reason="PyTorch is not installed")
    assert importlib.import_module(module).__doc__


def test_rooms_import_only_from_below():
    """The layers of the design hold."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
