"""`runvitals replay`: recorded files through the live pipeline."""

import csv
import json
import math
import os
from pathlib import Path

import pytest

from runvitals.cli import main
from tests.streams import healthy

DATA = Path(os.environ.get("RUNVITALS_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


def write_csv(path, losses, header="step,train_loss,note", times=None):
    rows = [header] + [f"{step},{loss},text" + (f",{times[step]}" if times else "") for step, loss in enumerate(losses)]
    path.write_text("\n".join(rows) + "\n")
    return path


def replay(tmp_path, *arguments):
    findings = tmp_path / "findings.json"
    code = main(["replay", *map(str, arguments), "--findings", str(findings)])
    return code, json.loads(findings.read_text()) if code == 0 else None


def test_a_csv_gives_findings_with_step_and_time(tmp_path, capsys):
    """A NaN at step 200 is found there, and what was skipped is said."""
    file = write_csv(tmp_path / "my-run.csv", [*healthy(200), math.nan])
    code, [finding] = replay(tmp_path, file, "--step-seconds", "2")
    assert code == 0
    assert (finding["fault"], finding["run"], finding["opened_step"], finding["opened_time"]) == (
        "nonfinite_loss",
        "my-run",
        200,
        400.0,
    )
    printed = capsys.readouterr().out
    assert "nonfinite_loss (critical) on my-run rank 0: step 200, 400.000 s from the beginning, still open" in printed
    assert "not a number, in column 'note'" in printed


def test_json_lines_may_gain_keys_and_hold_nonsense(tmp_path, capsys):
    """A key that appears later is a signal, a line that is no object is counted."""
    lines = [json.dumps({"step": step, "loss": value}) for step, value in enumerate(healthy(100))]
    lines += ["not json", '["a"]', "", '{"step": 100, "loss": NaN, "grad_norm": 3}']
    file = tmp_path / "run.jsonl"
    file.write_text("\n".join(lines))
    _, [finding] = replay(tmp_path, file)
    assert (finding["fault"], finding["opened_step"]) == ("nonfinite_loss", 100)
    assert "2 values skipped: not a JSON object" in capsys.readouterr().out


def test_json_lines_may_take_turns_with_their_keys(tmp_path):
    """Lines of training and of evaluation, as many keys in each: the values of both are read."""
    lines = [{"step": step, "loss": 1.0} if step % 2 else {"step": step, "eval_loss": math.nan} for step in range(10)]
    file = tmp_path / "run.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    _, [finding] = replay(tmp_path, file)
    assert finding["evidence"][0]["signal"] == "eval_loss"


def test_hostile_names_are_written_and_printed_harmlessly(tmp_path, capsys):
    """Half a surrogate pair, and control characters that would steer a terminal."""
    file = tmp_path / "run.jsonl"
    file.write_text(json.dumps({"run": "\x1b[31m\ud800", "step": 1, "loss": math.nan, "\udc00": 1}))
    assert main(["replay", str(file), "--scores", str(tmp_path / "scores.csv")]) == 0
    assert "on \\x1b[31m? rank" in capsys.readouterr().out


def test_what_is_read_is_not_overwritten(tmp_path, capsys):
    """`--scores` that names the recording itself is refused before anything is written."""
    file = write_csv(tmp_path / "run.csv", healthy(10))
    before = file.read_bytes()
    for flag in ("--scores", "--findings"):
        assert main(["replay", str(file), flag, str(file)]) == 1
    assert file.read_bytes() == before
    assert "name another file" in capsys.readouterr().err


def test_scores_are_a_row_for_each_observation(tmp_path):
    """The columns are the contract's; the values are those of the newest sample; unknown is empty."""
    scores = tmp_path / "scores.csv"
    file = write_csv(tmp_path / "run.csv", [*healthy(100), 99.0])
    assert main(["replay", str(file), "--scores", str(scores)]) == 0
    rows = list(csv.DictReader(scores.read_text().splitlines()))
    assert list(rows[0]) == [
        "time",
        "step",
        "run",
        "rank",
        "signal",
        "layer",
        "value",
        "zscore",
        "robust_zscore",
        "anomaly_score",
        "alert_score",
        "explosion_probability",
        "faults",
    ]
    assert (len(rows), rows[0]["zscore"], rows[0]["faults"]) == (101, "", "")
    assert float(rows[-1]["robust_zscore"]) > float(rows[-1]["zscore"]) > 5.0
    assert rows[-1]["faults"] == "loss_spike"


def test_times_in_the_file_are_used_and_the_clock_counts(tmp_path):
    """A step that came half an hour late was a stall; without times nothing is known of that."""
    times = [1e9 + step + (1800.0 if step >= 150 else 0.0) for step in range(200)]
    timed = write_csv(tmp_path / "timed.csv", healthy(200), "step,loss,note,time", times)
    _, findings = replay(tmp_path, timed)
    assert [(one["fault"], one["opened_time"]) for one in findings] == [("hang", times[149] + 60.0)]
    _, findings = replay(tmp_path, write_csv(tmp_path / "untimed.csv", healthy(200)), "--step-seconds", "100000")
    assert findings == []


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02\x03" * 100, b"hello\n", b"a,b\n"])
def test_what_is_no_recording_is_refused_by_name(tmp_path, capsys, content):
    """The error names the file and what can be replayed; the exit code is 1."""
    file = tmp_path / "odd.bin"
    file.write_bytes(content)
    assert main(["replay", str(file)]) == 1
    error = capsys.readouterr().err
    assert "odd.bin" in error
    assert "can be replayed" in error


def test_a_missing_file_is_refused_by_name(tmp_path, capsys):
    """As a shell user expects."""
    assert main(["replay", str(tmp_path / "none.csv")]) == 1
    assert "none.csv: No such file" in capsys.readouterr().err


def real(name):
    file = DATA / "training_logs" / name
    if not file.exists():
        pytest.skip(f"the recorded training log {name} is not here")
    return file


@pytest.mark.parametrize(
    "name", ["lr_sweep_1e-2.jsonl", "lr_sweep_3e-3.jsonl", "batch_size_32.jsonl", "batch_size_4.jsonl"]
)
def test_healthy_real_runs_are_silent(tmp_path, name):
    """Recorded healthy runs give no finding."""
    code, findings = replay(tmp_path, real(name))
    assert (code, findings) == (0, [])


def test_the_worst_bad_batches_of_a_real_run_are_found(tmp_path):
    """In a recorded run of 19,073 steps the spikes at the two worst bad batches are found, and named bad batches."""
    _, findings = replay(tmp_path, real("gpt2_124m_long.csv"))
    opened = {one["opened_step"] for one in findings if one["fault"] == "loss_spike"}
    assert {14221, 7617} <= opened
    named = {evidence["step"] for one in findings if one["fault"] == "bad_batch" for evidence in one["evidence"]}
    assert {14221, 7617} <= named
    assert {one["fault"] for one in findings} == {"loss_spike", "bad_batch"}
