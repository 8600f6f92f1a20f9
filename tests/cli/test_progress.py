"""A long file says how far it has been read."""

import io

import pytest

from runvitals.cli import main
from runvitals.cli import progress as progress_module
from runvitals.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def at_once(monkeypatch):
    """It is shown each time."""
    monkeypatch.setattr(progress_module, "EVERY_SECONDS", 0.0)
    monkeypatch.setattr(progress_module, "EVERY_SECONDS_OF_A_FILE", 0.0)


@pytest.mark.usefixtures("at_once")
def test_progress_is_shown_on_a_terminal(tmp_path):
    """As the share that has been read and the rate, cleared before anything else is shown; elsewhere not unasked."""
    path, out, nobody = tmp_path / "long", Terminal(), io.StringIO()
    path.write_bytes(bytes(1 << 20))
    with Progress(path, out) as progress, Progress(path, nobody) as unseen:
        progress.show(1 << 18)
        unseen.show(1 << 18)
    assert out.getvalue().startswith("\r\033[K 25% of 1 MiB, ")
    assert out.getvalue().endswith(" MiB/s\r\033[K")
    assert nobody.getvalue() == ""


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("command", [["replay"], ["tail", "--no-follow"], ["explain", "--step", "1"]])
def test_progress_can_be_asked_for(tmp_path, capsys, command):
    """For a log in which nothing is found for long as well."""
    path = tmp_path / "train.log"
    path.write_text("s:1 trl:2.5 lr:0.001 norm:1.25\n" + ("some words, " * 16 + "\n") * 10_000)
    assert main([*command, "--progress", str(path)]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"{path}: 54% of 2 MiB, ")
