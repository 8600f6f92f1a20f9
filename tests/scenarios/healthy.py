"""Runs with nothing wrong, and in each something that looks wrong to a naive rule."""

from __future__ import annotations

from tests.scenarios import plants
from tests.scenarios.plan import (
    ADAM,
    CNN,
    PERCEPTRON,
    REGRESSION,
    RNN,
    TANH,
    TORCH_PERCEPTRON,
    TORCH_RNN,
    TRANSFORMER,
    Plan,
    decay,
    warm_restarts,
    warmup_cosine,
)
from tests.scenarios.plants import Act
from tests.scenarios.scenario import Scenario
from tests.scenarios.trained import healthy

_MACHINE: dict[str, float] = {"rss": 6.0 * 2**30}
_START = {"optimizer": "adamw", "rate": 1e-4, "clip": 1.0}


def _run(name: str, plan: Plan, *turns: tuple[float, Act]) -> Scenario:
    name = f"healthy_{name}"
    return Scenario(name, healthy(name, plan, *turns), needs_torch=plan.network.startswith("torch"))


PLAIN = (
    _run("perceptron", PERCEPTRON),
    _run("perceptron_adam", ADAM),
    _run("perceptron_tanh", TANH._replace(machine=_MACHINE)),
    _run("regression", REGRESSION),
    _run("recurrent", RNN),
    _run("convolution", CNN),
    _run("transformer", TRANSFORMER._replace(machine=_MACHINE, has_gpu=True)),
    _run("torch_recurrent", TORCH_RNN),
    _run("torch_perceptron", TORCH_PERCEPTRON),
    _run("bare_log", PERCEPTRON._replace(detail="bare", steps=2000)),
    _run("usual_log", ADAM._replace(detail="usual", steps=2000)),
    _run("long", PERCEPTRON._replace(detail="usual", steps=5000, rate=0.005)),
)
SCHEDULES = (
    _run("warmup_cosine", ADAM._replace(schedule=warmup_cosine(1200, 120), rate=0.005)),
    _run("warmup_cosine_transformer", TRANSFORMER._replace(schedule=warmup_cosine(700, 100), rate=0.006)),
    _run("restarts", ADAM._replace(schedule=warm_restarts(300), rate=0.005)),
    _run("restarts_convolution", CNN._replace(schedule=warm_restarts(200))),
    _run("rate_decay", PERCEPTRON._replace(schedule=decay(500))),
    _run("rate_decay_recurrent", RNN._replace(schedule=decay(500))),
)
RESUMES = (
    _run("resume", ADAM, (0.52, plants.resume())),
    _run("resume_in_process", TANH, (0.58, plants.resume(restarts=False))),
    _run("resume_unmarked", PERCEPTRON, (0.58, plants.resume(restarts=False, is_marked=False))),
    _run("resume_twice", CNN, (0.45, plants.resume()), (0.71, plants.resume(is_marked=False))),
    _run("phase", PERCEPTRON, (0.5, plants.change_task)),
    _run("phase_regression", REGRESSION, (0.6, plants.change_task)),
    _run("phase_adam", ADAM._replace(eval_every=100), (0.5, plants.change_task)),
)  # fmt: skip
LOGS = (
    _run("repeated_steps", PERCEPTRON._replace(repeats=0.3)),
    _run("repeated_steps_adam", ADAM._replace(repeats=0.05, detail="usual")),
    _run("two_decimals", PERCEPTRON._replace(digits=2, detail="usual")),
    _run("three_decimals", RNN._replace(digits=3)),
    _run("one_decimal", REGRESSION._replace(digits=1, detail="usual")),
    _run("every_tenth_step", ADAM._replace(log_every=10, steps=4000, detail="usual")),
    _run("micro_batches", PERCEPTRON._replace(accumulate=4, logs_micro_batches=True, batch=8)),
)
CLOCKS = (
    _run("slow_every_tenth_step", ADAM._replace(clock={"slow_every": 10, "slow_factor": 2.5}, machine=_MACHINE)),
    _run("slow_every_tenth_step_usual",
         PERCEPTRON._replace(clock={"slow_every": 10, "slow_factor": 4.0}, detail="usual", steps=2000)),
    _run("evaluation_pauses", ADAM._replace(eval_every=50)),
    _run("evaluation_pauses_unannounced",
         CNN._replace(eval_every=100, eval_seconds=45.0, announces_pauses=False, machine=_MACHINE)),
    _run("long_checkpoints", PERCEPTRON._replace(checkpoint_seconds=50.0, announces_pauses=False)),
    _run("jittery_steps", PERCEPTRON._replace(clock={"jitter": 0.25, "hiccups": 0.02, "data": 0.02})),
)  # fmt: skip
BATCHES = (
    _run("accumulation", ADAM._replace(accumulate=4, batch=8)),
    _run("accumulation_recurrent", RNN._replace(accumulate=8, batch=4)),
    _run("batch_1", PERCEPTRON._replace(batch=1, rate=0.001)),
    _run("batch_1_adam", ADAM._replace(batch=1, rate=0.0005, detail="usual", steps=2500)),
    _run("batch_1_regression", REGRESSION._replace(batch=1, rate=0.002)),
    _run("marked_batches", PERCEPTRON._replace(marks_batches=True)),
)
STATES = (
    _run("converged", REGRESSION.with_options(noise=0.05)._replace(rate=0.05, steps=4000, detail="usual")),
    _run("converged_easy", TORCH_PERCEPTRON._replace(steps=1500, eval_every=100)),
    _run("fine_tuning", PERCEPTRON._replace(**_START), (0.0, plants.pretrain)),
    _run("fine_tuning_head",
         PERCEPTRON._replace(**_START, frozen=("layer0", "layer1")), (0.0, plants.pretrain)),
    _run("noisy_labels", ADAM.with_options(label_noise=0.3)._replace(eval_every=100)),
    _run("half_precision", PERCEPTRON.with_options(precision="float16")),
    _run("half_precision_recurrent", RNN.with_options(precision="float16")._replace(eval_every=200)),
    _run("clipped", PERCEPTRON._replace(clip=0.3, rate=0.05)),
    _run("memory_caches", ADAM._replace(
        clock={"compute": 6.0, "data": 0.2}, machine={"swing": 4.0 * 2**30, "limit": 32.0 * 2**30})),
    _run("gpu", CNN._replace(machine=_MACHINE, has_gpu=True, clock={"compute": 2.0})),
)  # fmt: skip


ALL = (*PLAIN, *SCHEDULES, *RESUMES, *LOGS, *CLOCKS, *BATCHES, *STATES)
