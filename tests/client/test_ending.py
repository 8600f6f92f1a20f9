"""How a run ends, as its ring tells it."""

from __future__ import annotations

from pathlib import Path

import pytest

from runvitals.values import EventKind
from tests.client.written import events, run_script

BEGIN = "import runvitals, os, sys, signal\nrun = runvitals.watch('r')\nrun.log(step=3, loss=1.0)\n"
BLOCK = "import runvitals, os, sys, signal\nwith runvitals.watch('r') as run:\n    run.log(step=3, loss=1.0)\n    "
IN_A_FUNCTION = """
def main():
    import runvitals
    run = runvitals.watch("r")
    run.log(step=3, loss=1.0)
    raise RuntimeError("a secret")
main()
"""
CRASHED, FINISHED, RAISED = EventKind.RUN_CRASHED, EventKind.RUN_FINISHED, EventKind.RUN_RAISED


@pytest.mark.parametrize(
    ("script", "kind", "text"),
    [
        (BEGIN, FINISHED, ""),
        (BEGIN + "run.close()\n1 / 0", FINISHED, ""),
        (BEGIN + "raise ValueError('a secret')", RAISED, "ValueError"),
        (BEGIN + "raise KeyboardInterrupt", RAISED, "KeyboardInterrupt"),
        (BEGIN + "sys.exit(0)", FINISHED, ""),
        (BEGIN + "try:\n    1 / 0\nexcept ZeroDivisionError:\n    pass", FINISHED, ""),
        (BEGIN + "os._exit(0)", CRASHED, ""),
        (BEGIN + "os.kill(os.getpid(), signal.SIGKILL)", CRASHED, ""),
        (BEGIN + "os.kill(os.getpid(), signal.SIGTERM)", CRASHED, ""),
        (BEGIN + "os.abort()", CRASHED, ""),
        (BLOCK + "pass", FINISHED, ""),
        (BLOCK + "raise ValueError('a secret')", RAISED, "ValueError"),
        (BLOCK + "sys.exit(0)", FINISHED, ""),
        (BLOCK + "sys.exit(3)", RAISED, "SystemExit"),
        (BLOCK + "import numpy; sys.exit(numpy.zeros(2))", RAISED, "SystemExit"),
        (IN_A_FUNCTION, RAISED, "RuntimeError"),
    ],
)
def test_endings(runs: Path, script: str, kind: EventKind, text: str) -> None:
    """Finished, raised and crashed are told apart; of an exception the type is kept and never the message."""
    done = run_script(script)
    assert "Exception ignored" not in done.stderr
    ending = events(runs)[-1]
    assert (ending.kind, ending.text, ending.step) == (kind, text, 3)
    assert b"a secret" not in next(runs.glob("*.ring")).read_bytes()
