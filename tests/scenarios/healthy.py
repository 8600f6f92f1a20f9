"""Runs with nothing wrong, and in each something that looks wrong to a naive rule."""

from __future__ import annotations

from tests.scenarios import plants
from tests.scenarios.data_parallel import healthy_ranks
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
    decay,
    warm_restarts,
    warmup_cosine,
)
from tests.scenarios.scenario import Scenario
from tests.scenarios.trained import calm

_MACHINE: dict[str, float] = {"rss": 6.0 * 2**30}
_START = {"optimizer": "adamw", "rate": 1e-4, "clip": 1.0}


PLAIN = (
    calm("perceptron", PERCEPTRON),
    calm("perceptron_adam", ADAM),
    calm("perceptron_tanh", TANH._replace(machine=_MACHINE)),
    calm("regression", REGRESSION),
    calm("recurrent", RNN),
    calm("convolution", CNN),
    calm("transformer", TRANSFORMER._replace(machine=_MACHINE, has_gpu=True)),
    calm("torch_recurrent", TORCH_RNN),
    calm("torch_perceptron", TORCH_PERCEPTRON),
    calm("bare_log", PERCEPTRON._replace(detail="bare", steps=2000)),
    calm("usual_log", ADAM._replace(detail="usual", steps=2000)),
    calm("long", PERCEPTRON._replace(detail="usual", steps=5000, rate=0.005)),
)
SCHEDULES = (
    calm("warmup_cosine", ADAM._replace(schedule=warmup_cosine(1200, 120), rate=0.005)),
    calm("warmup_cosine_transformer", TRANSFORMER._replace(schedule=warmup_cosine(700, 100), rate=0.006)),
    calm("restarts", ADAM._replace(schedule=warm_restarts(300), rate=0.005)),
    calm("restarts_convolution", CNN._replace(schedule=warm_restarts(200))),
    calm("rate_decay", PERCEPTRON._replace(schedule=decay(500))),
    calm("rate_decay_recurrent", RNN._replace(schedule=decay(500))),
)
RESUMES = (
    calm("resume", ADAM, (0.52, plants.resume())),
    calm("resume_in_process", TANH, (0.58, plants.resume(restarts=False))),
    calm("resume_unmarked", PERCEPTRON, (0.58, plants.resume(restarts=False, is_marked=False))),
    calm("resume_twice", CNN, (0.45, plants.resume()), (0.71, plants.resume(is_marked=False))),
    calm("phase", PERCEPTRON, (0.5, plants.change_task)),
    calm("phase_regression", REGRESSION, (0.6, plants.change_task)),
    calm("phase_adam", ADAM._replace(eval_every=100), (0.5, plants.change_task)),
)
LOGS = (
    calm("repeated_steps", PERCEPTRON._replace(repeats=0.3)),
    calm("repeated_steps_adam", ADAM._replace(repeats=0.05, detail="usual")),
    calm("two_decimals", PERCEPTRON._replace(digits=2, detail="usual")),
    calm("three_decimals", RNN._replace(digits=3)),
    calm("one_decimal", REGRESSION._replace(digits=1, detail="usual")),
    calm("every_tenth_step", ADAM._replace(log_every=10, steps=4000, detail="usual")),
    calm("micro_batches", PERCEPTRON._replace(accumulate=4, logs_micro_batches=True, batch=8)),
)
CLOCKS = (
    calm("slow_every_tenth_step", ADAM._replace(clock={"slow_every": 10, "slow_factor": 2.5}, machine=_MACHINE)),
    calm(
        "slow_every_tenth_step_usual",
        PERCEPTRON._replace(clock={"slow_every": 10, "slow_factor": 4.0}, detail="usual", steps=2000),
    ),
    calm("evaluation_pauses", ADAM._replace(eval_every=50)),
    calm(
        "evaluation_pauses_unannounced",
        CNN._replace(eval_every=100, eval_seconds=45.0, announces_pauses=False, machine=_MACHINE),
    ),
    calm("long_checkpoints", PERCEPTRON._replace(checkpoint_seconds=50.0, announces_pauses=False)),
    calm("jittery_steps", PERCEPTRON._replace(clock={"jitter": 0.25, "hiccups": 0.02, "data": 0.02})),
)
BATCHES = (
    calm("accumulation", ADAM._replace(accumulate=4, batch=8)),
    calm("accumulation_recurrent", RNN._replace(accumulate=8, batch=4)),
    calm("batch_1", PERCEPTRON._replace(batch=1, rate=0.001)),
    calm("batch_1_adam", ADAM._replace(batch=1, rate=0.0005, detail="usual", steps=2500)),
    calm("batch_1_regression", REGRESSION._replace(batch=1, rate=0.002)),
    calm("marked_batches", PERCEPTRON._replace(marks_batches=True)),
)
STATES = (
    calm("converged", REGRESSION.with_options(noise=0.05)._replace(rate=0.05, steps=4000, detail="usual")),
    calm("converged_easy", TORCH_PERCEPTRON._replace(steps=1500, eval_every=100)),
    calm("fine_tuning", PERCEPTRON._replace(**_START), (0.0, plants.pretrain)),
    calm("fine_tuning_head", PERCEPTRON._replace(**_START, frozen=("layer0", "layer1")), (0.0, plants.pretrain)),
    calm("noisy_labels", ADAM.with_options(label_noise=0.3)._replace(eval_every=100)),
    calm("half_precision", PERCEPTRON.with_options(precision="float16")),
    calm("half_precision_recurrent", RNN.with_options(precision="float16")._replace(eval_every=200)),
    calm("clipped", PERCEPTRON._replace(clip=0.3, rate=0.05)),
    calm(
        "memory_caches",
        ADAM._replace(clock={"compute": 6.0, "data": 0.2}, machine={"swing": 4.0 * 2**30, "limit": 32.0 * 2**30}),
    ),
    calm("gpu", CNN._replace(machine=_MACHINE, has_gpu=True, clock={"compute": 2.0})),
)


RANKS = (Scenario("healthy_four_ranks", healthy_ranks("healthy_four_ranks")),)

ALL = (*PLAIN, *SCHEDULES, *RESUMES, *LOGS, *CLOCKS, *BATCHES, *STATES, *RANKS)
