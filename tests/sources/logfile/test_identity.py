"""Whose log a file is follows from its path."""

import pytest

from runvitals.sources.logfile.identity import mlflow_run, rank_of, run_of


@pytest.mark.parametrize(
    ("path", "pattern", "run", "rank"),
    [
        ("/runs/llama/train.log", "/runs/*/train.log", "llama", "0"),
        ("/runs/llama/train.log", "/runs/llama/*.log", "llama", "0"),
        ("/logs/ablation-7.log", "/logs/*.log", "ablation-7", "0"),
        ("/logs/ablation-7.rank3.log", "/logs/*.log", "ablation-7", "3"),
        ("/runs/llama/logs/rank_12.out", "/runs/*/logs/*.out", "llama", "12"),
        ("/runs/llama/rank-3/stdout.log", "/runs/*/*/stdout.log", "llama", "3"),
        ("/runs/llama/attempt_0/5/stdout.log", "/runs/**", "llama", "5"),
        ("/runs/llama/checkpoint-500/trainer_state.json", "/runs/*/checkpoint-*/trainer_state.json", "llama", "0"),
        ("/p/lightning_logs/version_3/metrics.csv", "/p/lightning_logs/*/metrics.csv", "p/version_3", "0"),
        ("/runs/llama/tb/events.out.tfevents.17.host.1.0", "/runs/*/tb/events*", "llama", "0"),
        ("/runs/llama/validation/events.out.tfevents.17.host.1.0.v2", "/runs/**/events*", "llama", "0"),
        ("/train.log", "/train.log", "train", "0"),
    ],
)
def test_run_and_rank(path, pattern, run, rank):
    """The folder's name, or the file's where the pattern leaves it open; the rank where the path names it."""
    assert (run_of(path, pattern), rank_of(path)) == (run, rank)


def test_a_run_of_mlflows_file_store():
    """The folder above `metrics`."""
    assert mlflow_run("/mlruns/0/abc/metrics/train/loss") == "abc"
