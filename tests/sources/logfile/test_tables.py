"""Tables, JSON lines, JSON documents and MLflow stores give the right signals at the right steps and times."""

import json
import math
import random
import sqlite3
from collections import Counter
from pathlib import PurePath

import pytest

from runvitals.sources.logfile.errors import NotRecognisedError
from runvitals.sources.logfile.mlflow_metric import MlflowMetric, metric_key
from runvitals.sources.logfile.reasons import Reason
from runvitals.sources.logfile.recognition import recognise
from runvitals.sources.logfile.row import Row
from runvitals.sources.logfile.whole_file import rows_of
from tests.sources.logfile.following import START, Watch
from tests.sources.logfile.reading import recorded, rows


def table(tmp_path, text, name="metrics.csv"):
    (tmp_path / name).write_text(text, newline="")
    rejected = Counter()
    return list(rows_of(tmp_path / name, rejected)), rejected


def test_lightning_table(tmp_path):
    """Columns are sparse; the step and the epoch's own rows stand beside each other."""
    found, rejected = table(tmp_path, "epoch,step,train_loss_step,val_loss\n0,49,0.9,\n0,99,,0.7\n")
    assert found == [Row({"epoch": 0.0, "loss": 0.9}, 49), Row({"epoch": 0.0, "eval_loss": 0.7}, 99)]
    assert not rejected


def test_keras_table_with_any_separator_and_line_end(tmp_path):
    """CSVLogger counts epochs, and takes a separator; Windows and Keras 3 end lines with CR LF."""
    for separator in ",;\t":
        text = "epoch,accuracy,loss,val_loss\r\n0,0.5,1.5,NA\r\n1,0.75,1.25,1.5\r\n".replace(",", separator)
        found, rejected = table(tmp_path, text)
        assert found == [
            Row({"accuracy": 0.5, "loss": 1.5}, 0),
            Row({"accuracy": 0.75, "loss": 1.25, "eval_loss": 1.5}, 1),
        ]
        assert rejected == {(Reason.NOT_A_NUMBER, "val_loss"): 1}


def test_two_columns_that_mean_the_same_are_not_mixed(tmp_path):
    """The first keeps the canonical name, empty or not; the other stays under its own."""
    found, _ = table(tmp_path, "step,train_loss_step,train_loss\n1,0.9,\n1,,0.8\n")
    assert [dict(row.values) for row in found] == [{"loss": 0.9}, {"train_loss": 0.8}]


def test_a_header_that_comes_again(tmp_path):
    """A run that is appended to the same file writes its header again, with other columns perhaps."""
    found, rejected = table(tmp_path, "step,loss\n1,2.0\nstep,loss\n1,1.5\nstep,lr,loss\n2,0.1,1.25\n")
    assert found == [Row({"loss": 2.0}, 1), Row({"loss": 1.5}, 1), Row({"learning_rate": 0.1, "loss": 1.25}, 2)]
    assert not rejected


def test_units_in_the_names_of_columns(tmp_path):
    """Milliseconds, per cent and gigabytes become seconds, ratios and bytes."""
    found, _ = table(tmp_path, "step,step_time_ms,mfu(%),mem_gb,forward (us),tflops\n1,250,45,2,1500,3\n")
    assert dict(found[0].values) == pytest.approx(
        {
            "step_seconds": 0.25,
            "flops_utilization_ratio": 0.45,
            "mem_bytes": 2e9,
            "forward_seconds": 0.0015,
            "flops_per_second": 3e12,
        }
    )


def test_times_run_and_rank_of_a_row(tmp_path):
    """A date, a Unix time in any unit, and columns that name run and rank."""
    found, _ = table(tmp_path, "step,time,run,rank,loss\n1,1700000000123,a,3,1.0\n2,2023-11-14T22:13:20+00:00,b,,1.0\n")
    assert [(row.time, row.run, row.rank) for row in found] == [(START + 0.123, "a", "3"), (START, "b", "")]


def test_json_lines(tmp_path):
    """Keys may change, numbers may be strings, objects may be nested, NaN is read; what is no object is counted."""
    text = '{"step": 1, "train": {"loss": "2.5", "lr": 0.1}}\n{"step": 2, "grad_norm": NaN, "note": "x"}\n[1]\n'
    found, rejected = table(tmp_path, text, "log.jsonl")
    assert (found[0], found[1].step) == (Row({"loss": 2.5, "learning_rate": 0.1}, 1), 2)
    assert math.isnan(found[1].values["grad_norm"])
    assert rejected == {(Reason.NOT_A_NUMBER, "note"): 1, (Reason.NOT_A_JSON_OBJECT, ""): 1}


@pytest.mark.parametrize("indent", [None, 2])
def test_trainer_state(tmp_path, indent):
    """Rows of training and evaluation, with their steps, however the file is laid out."""
    history = [{"step": 10, "loss": 2.5, "grad_norm": 1.5}, {"step": 10, "eval_loss": 2.0}]
    found, _ = table(tmp_path, json.dumps({"epoch": 1.0, "log_history": history}, indent=indent), "trainer_state.json")
    assert found == [Row({"loss": 2.5, "grad_norm": 1.5}, 10), Row({"eval_loss": 2.0}, 10)]


def test_mlflow_file_store(tmp_path):
    """The path names run and metric, the lines hold time, value and step; a key may have slashes."""
    folder = tmp_path / "mlruns" / "0" / "abc" / "metrics" / "train"
    folder.mkdir(parents=True)
    (folder / "loss").write_text(f"{int(START * 1000)} 2.5 7\n{int(START * 1000)} nan 8\nx\n")
    rejected = Counter()
    found = list(rows_of(folder / "loss", rejected))
    assert found[0] == Row({"loss": 2.5}, 7, START)
    assert math.isnan(found[1].values["loss"])
    assert rejected == {(Reason.NOT_A_ROW, ""): 1}
    samples = Watch(tmp_path / "mlruns" / "**", start="beginning").poll()
    assert [(one.run, one.signal, one.step, one.time) for one in samples] == [
        ("abc", "loss", 7, START),
        ("abc", "loss", 8, START),
    ]


def make_store(path):
    store = sqlite3.connect(path)
    store.execute(
        "CREATE TABLE metrics (key VARCHAR(250) NOT NULL, value FLOAT NOT NULL, timestamp BIGINT NOT NULL, run_uuid"
        " VARCHAR(32) NOT NULL, step BIGINT DEFAULT '0' NOT NULL, is_nan BOOLEAN DEFAULT '0' NOT NULL,"
        " CONSTRAINT metric_pk PRIMARY KEY (key, timestamp, step, run_uuid, value, is_nan))"
    )
    store.execute("CREATE TABLE runs (run_uuid VARCHAR(32) NOT NULL PRIMARY KEY, name VARCHAR(250))")
    return store


def test_mlflow_sqlite_store(tmp_path):
    """Values of living runs, NaN and infinity as what they were; a later poll brings what was stored since."""
    store = make_store(tmp_path / "mlflow.db")
    with store:
        store.executemany("INSERT INTO runs VALUES (?, ?)", [("a" * 32, "llama"), ("b" * 32, "old")])
        store.executemany(
            "INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)",
            [
                ("loss", 9.0, int(START - 86400) * 1000, "b" * 32, 1, 0),
                ("train_loss", 2.5, int(START) * 1000, "a" * 32, 1, 0),
                ("train_loss", 0.0, int(START) * 1000, "a" * 32, 2, 1),
                ("grad_norm", 1.7976931348623157e308, int(START) * 1000, "a" * 32, 2, 0),
            ],
        )
    watch = Watch(tmp_path / "mlflow.db")
    items = watch.poll()
    assert [(one.run, one.signal, one.step, one.time) for one in items] == [
        ("llama-aaaaaaaa", "loss", 1, START),
        ("llama-aaaaaaaa", "loss", 2, START),
        ("llama-aaaaaaaa", "grad_norm", 2, START),
    ]
    assert math.isnan(items[1].value)
    assert items[2].value == math.inf
    with store:
        store.execute("INSERT INTO metrics VALUES ('train_loss', 2.25, ?, ?, 3, 0)", (int(START) * 1000, "a" * 32))
    assert [(one.step, one.value) for one in watch.restarted().poll()] == [(3, 2.25)]
    store.close()


def test_a_store_of_something_else_is_refused(tmp_path):
    """A SQLite file without MLflow's tables."""
    store = sqlite3.connect(tmp_path / "other.db")
    store.execute("CREATE TABLE x (y)")
    store.close()
    watch = Watch(tmp_path / "other.db", start="beginning")
    watch.poll()
    assert "no MLflow store" in watch.last.error


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.csv", b"a,b\n1,2\n", "Table"),
        ("a.log", b"a,b\n1,2\n", "TextLog"),
        ("a.log", b"Loading weights, please wait\n", "TextLog"),
        ("a.txt", b"# made by x\nstep,foo\n", "Table"),
        ("a.log", b"{'loss': 1.0}\n", "TextLog"),
        ("a.json", b'{"step": 1}\n{"step": 2}\n', "JsonLines"),
        ("a.json", b"{\n", "JsonDocument"),
        ("mlruns/0/x/metrics/loss", b"1700000000000 1.5 3\n", "MlflowMetric"),
        ("metrics/notes", b"hello\n", "TextLog"),
        ("a.log", b"half a li", "NoneType"),
        ("a.csv", b"\xef\xbb\xbfstep,loss\n", "Table"),
        ("a.log", bytes(500) + b"step 1\n" + bytes(500) + b"step 2\n", "TextLog"),
        ("a.log", b"[" * 20_000, "NoneType"),
        ("a.log", b"[" * 70_000, "TextLog"),
        ("a.json", b'{"log_history": []}', "JsonDocument"),
    ],
)
def test_recognition(name, head, kind):
    """By its first line; by its name where that leaves it open; not at all while there is none."""
    assert type(recognise(f"/x/{name}", head)).__name__ == kind


@pytest.mark.parametrize("head", [bytes(range(256)), random.Random(0).randbytes(5000), "step 1\n".encode("utf-16")])
def test_what_is_no_text_is_refused(head):
    """Binary and compressed files, and other encodings than UTF-8."""
    with pytest.raises(NotRecognisedError):
        recognise("/x/a.log", head)


def test_the_key_of_an_mlflow_metric():
    """Everything below the innermost folder `metrics`."""
    assert metric_key(PurePath("/m/0/r/metrics/train/loss")) == "train/loss"
    assert metric_key(PurePath("/m/metrics")) == ""
    assert MlflowMetric("loss").read(b"1700000000000 1.5 3\n1 x 1\n", Counter())[1][0].step == 3


def test_real_tables():
    """First rows of real tables, by hand."""
    row = rows(recorded("lightning-csvlogger_mnist_v4.metrics.csv"))[0]
    assert (row.step, row.values["loss"], row.values["acc_step"]) == (49, 0.918201744556427, 0.828125)
    row = rows(recorded("keras-csvlogger-crlf_dm2020lab2.csv"))[1]
    assert (row.step, row.values["loss"], row.values["eval_loss"]) == (1, 1.0148448944091797, 0.9298722147941589)
    row = rows(recorded("ultralytics-yolov8.0_results.csv"))[1]
    assert (row.step, row.values["train/box_loss"], row.values["metrics/precision(B)"]) == (1, 1.267, 0.34394)
    row = rows(recorded("ultralytics-yolov5_results_first15.csv"))[0]
    assert row.values["metrics/mAP_0.5"] == 0.68211
    found = rows(recorded("csv_custom_andyzhao_metrics.csv"))
    row = next(one for one in found if "loss" in one.values)
    assert (row.step, row.time, row.values["grad_norm"]) == (0, 1756179670.293559, 8.976950099212935)
    assert row.values["clipped_grad_norm"] == 0.9999998270183759
    assert row.values["timing/total_seconds"] == pytest.approx(4.323009967803955)


def test_real_json():
    """First rows of real JSON, by hand."""
    row = rows(recorded("fairseq-issue2201.jsonl"))[0]
    assert (row.step, row.values["loss"], row.values["grad_norm"]) == (33700, 8.206, 1.833)
    row = rows(recorded("llamafactory-dpo_trainer_log.jsonl"))[1]
    assert (row.step, row.values["loss"], row.values["learning_rate"]) == (2, 0.6466, 1.9607843137254903e-09)
    found = rows(recorded("detectron2_metrics.json"))
    assert (found[0].step, found[0].values["learning_rate"], found[0].values["loss_mask"]) == (
        9,
        0.000225025,
        0.6921955943107605,
    )
    found = rows(recorded("hf-trainer_state_anonymousgigachad.json"))
    assert (found[0].step, found[0].values["grad_norm"], found[1].values["loss"]) == (10, 47.77210235595703, 1.2565)
    assert rows(recorded("jsonl_akawslearn_metrics.jsonl"))[2].step == 40


def test_real_mlflow_files():
    """Two metrics that both mean the loss stay apart: the first that is found keeps the name."""
    folder = recorded("mlruns")
    samples = Watch(folder / "**", start="beginning", at=1.8e9).drain()
    assert {one.run for one in samples} == {"00e2ba8f3b404a6abced114ac6b51ff8"}
    first = next(one for one in samples if one.signal == "accuracy")
    assert (first.step, first.time, first.value) == (0, 1708208368.539, 0.9032666683197021)
    per_signal = Counter((one.signal, one.step) for one in samples)
    assert set(per_signal.values()) <= {1, 2}
    assert {one.signal for one in samples} == {"accuracy", "acc_epoch", "acc_step", "loss"} | {
        one.signal for one in samples if one.signal.startswith("train_loss")
    }
