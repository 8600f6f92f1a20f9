"""What `import runvitals` brings into a training script."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import runvitals

ROOT = Path(__file__).resolve().parents[2]

LOADED = """
import sys, time
sys.path.insert(0, {source!r})
start = time.perf_counter()
import runvitals
seconds = time.perf_counter() - start
foreign = sorted(
    name for name in sys.modules
    if name.partition(".")[0] not in sys.stdlib_module_names and name.partition(".")[0] not in ("__main__", "runvitals")
)
slow = {{"asyncio", "http", "logging", "pathlib", "random", "ssl", "subprocess", "tempfile"}}
heavy = sorted(slow & sys.modules.keys())
print(f"{{seconds * 1000:.1f}} ms", foreign, heavy)
"""


def test_import_brings_the_standard_library_only_and_nothing_heavy() -> None:
    """`import runvitals` works with no site-packages at all, and prints how long it takes."""
    script = LOADED.format(source=str(ROOT / "exporter"))
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)
    print("import runvitals:", done.stdout.strip())
    assert done.stdout.strip().endswith("[] []")


def test_public_surface() -> None:
    """What may be relied on is what `__all__` says."""
    assert runvitals.__all__ == ["Run", "__version__", "watch"]


def test_version_is_that_of_the_package() -> None:
    """The version stands in the code as the package is called by."""
    text = (ROOT / "pyproject.toml").read_text()
    assert re.search(r'^version = "(.+)"$', text, re.MULTILINE)[1] == runvitals.__version__  # type: ignore[index]
