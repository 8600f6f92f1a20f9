"""Each format of trainers' logs gives the right signals, in base units, with step, time and rank."""

import math
from collections import Counter
from datetime import datetime, timezone

import msgspec
import pytest

from runvitals.sources.logfile.formats.pattern import Pattern
from runvitals.sources.logfile.reasons import Reason
from runvitals.sources.logfile.row import Row
from runvitals.sources.logfile.telling import Teller, revealed
from runvitals.sources.logfile.text_log import TextLog
from tests.sources.logfile.reading import read_line, recorded, rows


def unix(text):
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


NAN = pytest.approx(math.nan, nan_ok=True)
LINES = {
    "megatron": (
        " [2024-05-01 12:00:00] iteration      100/    5000 | consumed samples:    25600 | elapsed time per iteration"
        " (ms): 1234.5 | throughput per GPU (TFLOP/s/GPU): 400.5 | learning rate: 1.500E-04 | global batch size: 256 |"
        " lm loss: 2.504220E+00 | loss scale: 65536.0 | grad norm: 0.231 | params norm: 101.5 | number of skipped"
        " iterations:   2 | number of nan iterations:   1 |",
        100,
        {
            "step_seconds": 1.2345,
            "flops_per_second": 400.5e12,
            "learning_rate": 1.5e-4,
            "loss": 2.50422,
            "loss_scale": 65536.0,
            "grad_norm": 0.231,
            "parameter_norm": 101.5,
            "recently_skipped_steps": 2.0,
            "recent_nonfinite_steps": 1.0,
        },
    ),
    "megatron, all skipped": (
        " iteration 7/ 50 | learning rate: 1.0E-04 | loss scale: 32768.0 | number of skipped iterations: 1 |",
        7,
        {"learning_rate": 1e-4, "loss_scale": 32768.0, "recently_skipped_steps": 1.0},
    ),
    "megatron, the loss is gone": (
        " iteration 8/ 50 | learning rate: 1.0E-04 | loss scale: 1.0 | number of skipped iterations: 0 |",
        8,
        {"learning_rate": 1e-4, "loss_scale": 1.0, "recently_skipped_steps": 0.0, "loss": math.nan},
    ),
    "megatron, the loss is gone beside another": (
        " iteration 8/ 50 | load_balancing_loss: 1.0E+00 | grad norm: nan | number of skipped iterations: 1 |",
        8,
        {"load_balancing_loss": 1.0, "grad_norm": math.nan, "recently_skipped_steps": 1.0, "loss": math.nan},
    ),
    "megatron, the loss has another name": (
        " iteration 8/ 50 | sop loss: 1.0E+00 | grad norm: 0.5 | number of skipped iterations: 0 |",
        8,
        {"sop loss": 1.0, "grad_norm": 0.5, "recently_skipped_steps": 0.0},
    ),
    "megatron, validation": (
        " validation loss at iteration 1000 | lm loss value: 2.5E+00 | lm loss PPL: 1.2182E+01 | ",
        1000,
        {"eval_loss": 2.5},
    ),
    "megatron, times": (
        "time (ms) | forward: 652.41 | backward-allreduce: 162.60 | optimizer: 1172.51 | batch generator: 0.83",
        None,
        {
            "forward_seconds": 0.65241,
            "backward_allreduce_seconds": 0.1626,
            "optimizer_seconds": 1.17251,
            "data_seconds": 0.00083,
        },
    ),
    "deepspeed": (
        "[2023-07-25 21:03:21,037] [INFO] [logging.py:96:log_dist] [Rank 0] step=35, skipped=3, lr=[2.17e-06, 2e-06],"
        " mom=[[0.9, 0.95], [0.9, 0.95]]",
        35,
        {"skipped_steps_total": 3.0, "learning_rate": 2.17e-06},
    ),
    "deepspeed, timer": (
        "epoch=0/micro_step=34/global_step=17, RunningAvgSamplesPerSec=7.8, CurrSamplesPerSec=8.25, MemAllocated=2.0GB,"
        " MaxMemAllocated=3.5GB",
        17,
        {"samples_per_second": 8.25, "accelerator_memory_bytes": 2.0 * 2**30, "peak_memory_bytes": 3.5 * 2**30},
    ),
    "torchtitan, in colours": (
        "[rank2]:\x1b[36m[titan] 2026-05-18 16:04:46,338 - root - INFO - \x1b[31mstep: 14  \x1b[32mloss:  3.24405  "
        "\x1b[38;2;180;60;0mgrad_norm:  0.8319  \x1b[36mmemory:  1.50GiB(64.99%)  \x1b[34mtps: 193,831  "
        "\x1b[36mtflops: 0.52  \x1b[35mmfu: 1.25%\x1b[39m",
        14,
        {
            "loss": 3.24405,
            "grad_norm": 0.8319,
            "peak_memory_bytes": 1.5 * 2**30,
            "peak_memory_utilization_ratio": 0.6499,
            "tokens_per_second": 193831.0,
            "flops_per_second": 0.52e12,
            "flops_utilization_ratio": 0.0125,
        },
    ),
    "hugging face": (
        "{'loss': 0.5, 'grad_norm': 1.5, 'learning_rate': 2e-05, 'epoch': 0.25}      ",
        1,
        {"loss": 0.5, "grad_norm": 1.5, "learning_rate": 2e-05, "epoch": 0.25},
    ),
    "hugging face, quoted numbers": (
        "{'loss': '0.5', 'grad_norm': 'nan', 'learning_rate': '2e-05', 'epoch': '0.25'}",
        1,
        {"loss": 0.5, "grad_norm": math.nan, "learning_rate": 2e-05, "epoch": 0.25},
    ),
    "hugging face, evaluation": (
        "{'eval_loss': 0.75, 'eval_runtime': 5.5, 'eval_samples_per_second': 70.25, 'epoch': 1.0}",
        None,
        {"eval_loss": 0.75, "eval_runtime": 5.5, "eval_samples_per_second": 70.25, "epoch": 1.0},
    ),
    "nanogpt": (
        "iter 10: loss 3.2202, time 893.76ms, mfu 16.68%",
        10,
        {"loss": 3.2202, "step_seconds": 0.89376, "flops_utilization_ratio": 0.1668},
    ),
    "nanogpt, diverged": ("iter 20: loss nan, time 893.76ms", 20, {"loss": math.nan, "step_seconds": 0.89376}),
    "nanogpt, evaluation": (
        "step 250: train loss 2.1234, val loss 2.2345",
        250,
        {"train_loss_estimate": 2.1234, "eval_loss": 2.2345},
    ),
    "llm.c": (
        "s:1 trl:10.9598 lr:0.000002 norm:15.24",
        1,
        {"loss": 10.9598, "learning_rate": 2e-06, "grad_norm": 15.24},
    ),
    "llm.c, test loss": ("s:250 tel:5.5", 250, {"eval_loss": 5.5}),
    "llm.c, HellaSwag": ("s:250 eval:0.2775", 250, {"eval_accuracy": 0.2775}),
    "llm.c, on the terminal": (
        "step   12/18865 | loss 10.5012 (-1.20z)| norm 4.4321 (+0.50z)| lr 8.57e-07 | 3145.12 ms | 52.4% bf16 MFU |"
        " 166691 tok/s",
        12,
        {
            "loss": 10.5012,
            "grad_norm": 4.4321,
            "learning_rate": 8.57e-07,
            "step_seconds": 3.14512,
            "flops_utilization_ratio": 0.524,
            "tokens_per_second": 166691.0,
        },
    ),
    "fairseq": (
        "| epoch 030 | loss 3.736 | ppl 4.13 | wps 1.18305e+06 | num_updates 11001 | lr 0.000602995 | gnorm 0.434 |"
        " clip 100% | loss_scale 2.000 | wall 4464",
        11001,
        {
            "loss": 3.736,
            "ppl": 4.13,
            "wps": 1183050.0,
            "learning_rate": 0.000602995,
            "grad_norm": 0.434,
            "clip_ratio": 1.0,
            "loss_scale": 2.0,
        },
    ),
    "fairseq, JSON in a log": (
        '2024-01-02 03:04:05 | train_inner | {"epoch": 1, "loss": "8.206", "num_updates": "33700", "gnorm": "1.833"}',
        33700,
        {"epoch": 1.0, "loss": 8.206, "grad_norm": 1.833},
    ),
    "any key and value": (
        "Epoch 3 Step [200/1000] Loss: 2.31, Grad Norm=x lr=1e-4 foo=3 step_time: 250ms",
        200,
        {"loss": 2.31, "learning_rate": 1e-4, "step_seconds": 0.25},
    ),
    "modded-nanogpt": (
        "step:125/1480 train_loss:4.8258 train_time:3271ms step_avg:26.17ms",
        125,
        {"loss": 4.8258},
    ),
}


@pytest.mark.parametrize("name", LINES)
def test_a_line_of_each_format(name):
    """Signal by signal, the values worked out by hand."""
    line, step, values = LINES[name]
    row = read_line(line)
    assert row.step == step
    assert set(row.values) == set(values)
    assert dict(row.values) == pytest.approx(values, nan_ok=True, rel=1e-12)


def test_time_and_rank_of_a_line():
    """The time with milliseconds and the rank that the launcher wrote before the line."""
    row = read_line(LINES["torchtitan, in colours"][0])
    assert (row.time, row.zoneless, row.rank) == (unix("2026-05-18T16:04:46.338"), True, "2")
    row = read_line("[1,7]<stdout>:2026-05-18T16:04:46+02:00 step=1 loss=2")
    assert (row.time, row.zoneless, row.rank) == (unix("2026-05-18T14:04:46"), False, "7")


@pytest.mark.parametrize(
    "line",
    [
        "lr: 0.1, batch size: 32, loss: cross_entropy",
        "Loading step 3 of 4",
        "{'train_runtime': 12.5, 'train_loss': 0.5}",
        '{"hidden_size": 4096, "learning_rate": 0.001}',
        "iteration 3 of the loop took 5 ms | all good",
        "[2025-09-26 16:58:38,774] [INFO] [launch.py:152:main] nnodes=1, num_local_procs=2, node_rank=0",
    ],
)
def test_chatter_is_no_step(line):
    """Configs, summaries and launchers' lines give no value."""
    items = TextLog().read(f"{line}\n".encode(), Counter())[1]
    assert [item for item in items if isinstance(item, Row) and item.values] == []


def test_a_progress_bar_and_a_record_on_one_line():
    """What tqdm leaves before a line does not hide it; the states it writes over each other are lines of their own."""
    line = "  8%|██▏   | 1999/24128 [1:52:09<20:27:23,  3.33s/it][2021-11-26 03:07:16,494] step=2000, skipped=1995,"
    row = read_line(f"  7%|█▏ | 1998/24128\r{line} lr=[0.001, 0.001], mom=[0.0, 0.0]")
    assert (row.step, dict(row.values)) == (2000, {"skipped_steps_total": 1995.0, "learning_rate": 0.001})


def test_a_loss_of_zero_beside_a_norm_that_is_nan_is_nan():
    """Hugging Face's Trainer logs so what was NaN; a loss of 0.0 beside a finite norm is what it is."""
    assert math.isnan(revealed(Row({"loss": 0.0, "grad_norm": math.nan}))["loss"])
    assert revealed(Row({"loss": 0.0, "grad_norm": 1.0}))["loss"] == 0.0


def test_a_users_expression_comes_first():
    """Named groups are signals with units; step, time, run and rank say where the line belongs."""
    pattern = Pattern(r"^T=(?P<time>\S+) it (?P<step>\d+) r(?P<rank>\d+) \((?P<train_loss>\S+)\) (?P<step_time>\S+)")
    row = read_line("T=2024-01-02T03:04:05Z it 12 r3 (2.5) 120ms", [pattern])
    assert row == Row({"loss": 2.5, "step_seconds": 0.12}, 12, unix("2024-01-02T03:04:05"), False, "", "3")


def test_what_cannot_be_true_is_counted_and_left_out():
    """nanoGPT's utilization is -100 % until it is known; a rate below 0 is none."""
    rejected = Counter()
    _, items = TextLog().read(b"iter 0: loss 4.2, time 9371.81ms, mfu -100.00%\n", rejected)
    assert dict(items[0].values) == pytest.approx({"loss": 4.2, "step_seconds": 9.37181})
    assert rejected == {(Reason.IMPLAUSIBLE, "flops_utilization_ratio"): 1}


def test_the_number_of_signals_of_a_file_is_bounded():
    """What is beyond the bound is counted."""
    teller, rejected = Teller("r", "0"), Counter()
    told = [teller.tell([(Row({f"x{index}": 1.0}), 0.0)], rejected, live_since=float("-inf")) for index in range(1500)]
    assert sum(len(list(samples)) for samples in told) == 1000
    assert rejected[Reason.TOO_MANY_SIGNALS, ""] == 500


def test_real_megatron_log_in_which_the_loss_vanished():
    """bigscience-workshop/Megatron-DeepSpeed issue 396: no loss in the line, `grad norm: nan`, 0 nan iterations."""
    found = rows(recorded("megatron-deepspeed-bigscience-gradnan.log"))
    assert [row.step for row in found] == [5426, 5427, 5428]
    assert all(math.isnan(row.values["loss"]) and math.isnan(row.values["grad_norm"]) for row in found)
    assert found[0].values["step_seconds"] == pytest.approx(4.2479)
    assert found[0].values["samples_per_second"] == 1.883
    assert found[0].values["recent_nonfinite_steps"] == 0.0


def test_real_megatron_log():
    """epfLLM/Megatron-LLM issue 11, its second line."""
    row = rows(recorded("megatron-llm-epfl.log"))[1]
    assert (row.step, row.values["loss"], row.values["grad_norm"], row.values["learning_rate"]) == (
        123,
        2.493043,
        0.236,
        9.225e-06,
    )
    assert row.values["step_seconds"] == pytest.approx(87.8716)


def test_real_gpt_neox_log():
    """DeepSpeed issue 3742: lines of Megatron, of DeepSpeed's timer and of its steps in one file."""
    found = rows(recorded("deepspeed-gpt-neox-3742.log"))
    megatron = next(row for row in found if "loss" in row.values)
    assert (megatron.step, megatron.values["loss"], megatron.values["samples_per_second"]) == (34, 11.18665, 7.799)
    assert megatron.values["flops_per_second"] == pytest.approx(112.9e12)
    assert found[0].values["peak_memory_bytes"] == pytest.approx(63.31 * 2**30)
    assert found[-1].step == 35
    assert found[-1].time == unix("2023-07-25T21:03:21.037")


def test_real_overflows():
    """DeepSpeed issue 5779: each overflow is an event, each reduction the new loss scale."""
    found = rows(recorded("deepspeed-overflow-5779.log"))
    assert [row.values["loss_scale"] for row in found if isinstance(row, Row)] == [
        32768.0,
        16384.0,
        8192.0,
        4096.0,
        2048.0,
        1024.0,
        512.0,
    ]
    assert sum(not isinstance(row, Row) for row in found) == 8


def test_real_hugging_face_logs():
    """A run whose norms are nan from the start; and one whose lines are glued to progress bars."""
    found = rows(recorded("hf-trainer-nan-pink6.log"))
    assert len(found) == 12
    assert all(math.isnan(revealed(row)["loss"]) for row in found)
    found = rows(recorded("deepspeed-hf-t5-14531.log"))
    assert [row.values["loss"] for row in found if "loss" in row.values][:3] == [6.2645, 0.0, 0.0]
    assert [row.values["skipped_steps_total"] for row in found if "skipped_steps_total" in row.values] == [1995.0]


def test_real_torchtitan_logs():
    """A line of 2025 without a norm, and one of 2026 with it."""
    row = rows(recorded("torchtitan-pr950-2025.log"))[0]
    assert (row.step, row.rank, row.values["loss"], row.values["tokens_per_second"]) == (22, "0", 6.225, 193831.0)
    assert row.time == unix("2025-03-12T11:10:21.511")
    row = rows(recorded("torchtitan-pr3393-2026-gradnorm.log"))[0]
    assert (row.step, row.values["grad_norm"]) == (14, 0.8319)
    assert row.values["flops_utilization_ratio"] == pytest.approx(0.0017)


def test_real_nanogpt_and_llmc_and_fairseq_logs():
    """First and last rows of each."""
    found = rows(recorded("nanogpt-issue178.log"))
    assert (found[1].step, found[1].values["loss"]) == (10, 3.2202)
    found = rows(recorded("nanogpt-issue110-no-mfu.log"))
    assert (found[0].step, found[-1].step, len(found)) == (1631, 1641, 11)
    found = rows(recorded("llmc-gpt2_main_first4000.log"))
    assert (len(found), dict(found[0].values), found[1].values["grad_norm"]) == (4000, {"eval_loss": 11.0092}, 15.37)
    found = rows(recorded("fairseq-issue506-simple.log"))
    assert (found[0].step, found[0].values["grad_norm"], found[1].values["eval_loss"]) == (11001, 0.434, 3.75939)


def test_real_launcher_chatter_has_no_values():
    """A log in which the launcher alone speaks."""
    found = rows(recorded("deepspeed-0.17-launcher-no-steps_arnoochka.log"))
    assert [item.kind.value for item in found] == ["run_finished"] * 2


BAR = " 12%|█▏        | {step}/10000 [10:00<1:13:20,  2.00it/s]\r"
LOGGED = "{{'loss': {loss}, 'learning_rate': 1e-05, 'epoch': 0.5}}\n"


def placed(text):
    """Return the steps of the rows of a text log."""
    return [item.step for item in TextLog().read(text.encode(), Counter())[1] if isinstance(item, Row)]


def test_lines_without_a_step_are_counted():
    """An evaluation belongs to the line before it."""
    text = LOGGED.format(loss=2.5) + LOGGED.format(loss=2.4) + "{'eval_loss': 2.45, 'epoch': 0.5}\n"
    assert placed(text + LOGGED.format(loss=2.3)) == [1, 2, 2, 3]


def test_a_progress_bar_in_the_same_log_tells_the_step():
    """The newest one before the line; one of another length is an evaluation's, and without one the step is unknown."""
    of_evaluation = " 50%|█████     | 20/40 [00:05<00:05,  4.00it/s]\r"
    text = BAR.format(step=99) + BAR.format(step=100) + LOGGED.format(loss=2.5) + BAR.format(step=110)
    text += LOGGED.format(loss=2.4) + of_evaluation + LOGGED.format(loss=2.3) + BAR.format(step=130)
    assert placed("Map: 100%|███| 5/5 [00:01<00:00, 5.0 examples/s]\r" + text + LOGGED.format(loss=2.2)) == [
        *(100, 110, None, 130)
    ]


def test_how_lines_are_numbered_survives_a_restart():
    """The count goes on."""
    log = TextLog()
    log.read(LOGGED.format(loss=2.5).encode() * 7, Counter())
    again = msgspec.convert(msgspec.to_builtins(log), TextLog)
    assert again.read(LOGGED.format(loss=2.4).encode(), Counter())[1][0].step == 8
