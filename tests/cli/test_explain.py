"""`runvitals explain`: what it prints, for files and for runs, and what it refuses."""

import io
import json
import math

import pytest

import runvitals
from runvitals.cli import main
from tests.streams import healthy

WIDTH = 100


@pytest.fixture
def recording(tmp_path):
    """A run of 301 steps whose loss jumps in the last; its other column hints at a script and at a terminal."""
    losses, norms = [*healthy(300), 9.0], healthy(301, seed=1)
    rows = [
        {"step": 100 + step, "loss": loss, "grad_norm": norm, "\x1b[31mevil": 1.0 * step}
        for step, (loss, norm) in enumerate(zip(losses, norms, strict=True))
    ]
    file = tmp_path / "my run.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    return file


def explain(capsys, *arguments):
    code = main(["explain", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_everything_about_the_step_is_printed_within_the_terminals_width(recording, capsys):
    """Value, window, channels, faults, explosion, open findings with evidence; only the path may be wider."""
    code, out, _ = explain(capsys, recording, "--step", 400)
    assert code == 0
    assert max(map(len, out.splitlines()[1:])) <= WIDTH
    for part in (
        "step 400, of steps 100 to 400",
        "my run, rank 0",
        "loss = 9",
        "256 of 256 values",
        "expected (99 %)",
        "> level",
        "alert score",
        "loss_spike (warning, parameters): OPEN, fires",
        "robust_zscore",
        "would stop firing at a value below",
        "nonfinite_loss (critical, parameters): not open",
        "explosion probability",
        "intercept",
        "loss_spike (warning) since step 400",
        "first: Look at the last two batches",
    ):
        assert part in out, part
    assert "\\x1b[31mevil" in out
    assert "\x1b" not in out


def test_one_signal_can_be_asked_for(recording, capsys):
    """The others are not printed."""
    _, out, _ = explain(capsys, recording, "--step", 400, "--signal", "loss")
    assert "loss = 9" in out
    assert "grad_norm =" not in out


def test_what_is_unknown_says_why(recording, capsys):
    """Seventeen values in the window of sixty-four."""
    _, out, _ = explain(capsys, recording, "--step", 117)
    assert "z-score        unknown: warming up: 17 of 64 values" in out
    assert "in 50 steps    unknown: warming up: 18 of 64 gradient norms" in out


def test_json_holds_the_same_as_the_scores_of_replay(recording, capsys, tmp_path):
    """The scores are those that `replay --scores` writes for this step."""
    _, out, _ = explain(capsys, recording, "--step", 400, "--signal", "loss", "--json")
    [answer] = json.loads(out)
    [signal] = answer["signals"]
    scores = tmp_path / "scores.csv"
    assert main(["replay", str(recording), "--scores", str(scores)]) == 0
    [row] = [line.split(",") for line in scores.read_text().splitlines() if ",400,my run,0,loss," in line]
    assert [float(cell) for cell in row[6:11]] == [
        signal["value"],
        signal["window"]["zscore"],
        signal["window"]["robust_zscore"],
        signal["anomaly"]["score"],
        signal["alert"]["score"],
    ]


def test_a_value_that_json_cannot_hold_is_a_string(tmp_path, capsys):
    """NaN, as in the findings."""
    file = tmp_path / "run.csv"
    file.write_text("step,loss\n1,1.0\n2,nan\n")
    _, out, _ = explain(capsys, file, "--step", 2, "--json")
    assert json.loads(out)[0]["signals"][0]["value"] == "NaN"


def test_a_wrong_step_says_which_there_are(recording, capsys):
    """First, last and nearest; exit code 1."""
    code, _, error = explain(capsys, recording, "--step", 9)
    assert code == 1
    assert "no step 9: the first is 100, the last 400, the nearest 100" in error


def test_what_is_not_there_says_what_there_is(recording, capsys, tmp_path):
    """A wrong signal names the right ones; a file without steps, one that is missing and one that is none say so."""
    code, _, error = explain(capsys, recording, "--step", 400, "--signal", "nothing")
    assert code == 1
    assert "my run rank 0 loss" in error
    (tmp_path / "stepless.csv").write_text("time,loss\n1,2\n2,3\n")
    assert "have no steps" in explain(capsys, tmp_path / "stepless.csv", "--step", 1)[2]
    assert "no such file, and no run of that name" in explain(capsys, tmp_path / "none.csv", "--step", 1)[2]
    (tmp_path / "odd").write_bytes(b"\0\1\2")
    assert "can be replayed" in explain(capsys, tmp_path / "odd", "--step", 1)[2]


def test_a_step_that_came_twice_is_explained_as_it_was_last(tmp_path, capsys):
    """The run went back: the later value counts. A value that came late does not take the place of a scored one."""
    file = tmp_path / "run.csv"
    steps = [*range(200), *range(50, 100)]
    file.write_text("step,loss\n" + "".join(f"{step},{1.0 + index}\n" for index, step in enumerate(steps)))
    assert "loss = 211" in explain(capsys, file, "--step", 60)[1]
    file.write_text("step,loss\n" + "".join(f"{step},{step + 1.0}\n" for step in range(100)) + "95,7.0\n")
    assert "loss = 96" in explain(capsys, file, "--step", 95)[1]


def test_a_late_value_alone_says_that_it_is(tmp_path, capsys):
    """It was counted, not scored."""
    file = tmp_path / "run.csv"
    file.write_text("step,loss\n" + "".join(f"{step},{step + 1.0}\n" for step in range(0, 100, 2)) + "95,7.0\n")
    assert "unknown: the value came late" in explain(capsys, file, "--step", 95)[1]


def test_a_live_run_is_found_by_its_name(tmp_path, capsys, monkeypatch):
    """The newest ring of each rank, while its writer lives; another rank than those there are is refused."""
    monkeypatch.setenv("RUNVITALS_RUNS_DIR", str(tmp_path))
    for rank in (0, 1):
        for value in (1.0, 2.0 + rank):
            run = runvitals.watch("live", rank=rank)
            for step in range(20):
                run.log(step=step, loss=value)
            run.close()
    code, out, _ = explain(capsys, "live", "--step", 7)
    assert code == 0
    assert ("live, rank 0" in out, "live, rank 1" in out) == (True, True)
    assert ("loss = 2\n" in out, "loss = 3\n" in out, "loss = 1\n" in out) == (True, True, False)
    assert "live, rank 0" not in explain(capsys, "live", "--step", 7, "--rank", "1")[1]
    assert "no ring of rank 5; there are 0, 1" in explain(capsys, "live", "--step", 7, "--rank", "5")[2]


def test_hostile_values_have_an_explanation(tmp_path, capsys):
    """Whatever stands in a column, each step can be explained."""
    values = [math.inf, 1e308, -1e308, 5e-324, 0.0, math.nan, -1.0] * 20
    file = tmp_path / "run.csv"
    file.write_text("step,loss,grad_norm\n" + "".join(f"{i},{v},{-v}\n" for i, v in enumerate(values)))
    for step in range(len(values) - 7, len(values), 3):
        assert explain(capsys, file, "--step", step)[0] == 0


def test_a_reader_that_has_left_gets_no_complaint(recording, capsys, monkeypatch):
    """`explain … | head` ends quietly: nothing went wrong."""

    def nobody_reads(*_values, **_options):
        raise BrokenPipeError

    errors = io.StringIO()
    monkeypatch.setattr("sys.stderr", errors)
    monkeypatch.setattr("builtins.print", nobody_reads)
    assert main(["explain", str(recording), "--step", "400"]) == 1
    assert errors.closed
