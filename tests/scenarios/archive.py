"""Recordings on disk: a run is generated once for each state of the generator."""

from __future__ import annotations

import hashlib
import zlib
from functools import cache
from pathlib import Path

import msgspec

from tests.scenarios.scenario import Recording, Scenario

_ROOT = Path(__file__).parents[2]
_SOURCES = ("tests/scenarios", "hazard")
_NOT_GENERATING = {"card.py", "evaluation.py", "__main__.py", "archive.py", "rules.py"}


def recording(scenario: Scenario, seed: int, folder: Path | None) -> Recording:
    """Return the run of a seed, from the folder if it is there already."""
    if folder is None:
        return scenario.record(seed)
    path = folder / f"{scenario.name}-{seed}-{_fingerprint()}.msgpack.z"
    if path.exists():
        return msgspec.msgpack.decode(zlib.decompress(path.read_bytes()), type=Recording)
    made = scenario.record(seed)
    folder.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(zlib.compress(msgspec.msgpack.encode(made), 1))
    fresh.replace(path)
    return made


@cache
def _fingerprint() -> str:
    """Return a name for exactly this generator."""
    digest = hashlib.sha256()
    for source in _SOURCES:
        for path in sorted((_ROOT / source).rglob("*.py")):
            if path.name not in _NOT_GENERATING:
                digest.update(path.read_bytes())
    return digest.hexdigest()[:8]
