"""Trains with real DeepSpeed engines on the CPU, over gloo, and prints what was recorded as JSON: for the test."""

import io
import json
import os
import sys
import warnings
from pathlib import Path

import deepspeed
import torch
from torch import nn

from runvitals.training import deepspeed as vitals
from runvitals.values import Sample
from tests.training.torch.loops import marks, network, polled

STEPS, RATE = 6, 0.1
KINDS = {
    "plain": {"zero_optimization": {"stage": 0}},
    "clipped": {"zero_optimization": {"stage": 1}, "gradient_clipping": 0.05},
    "accumulated": {"zero_optimization": {"stage": 1}, "gradient_accumulation_steps": 3},
    "half": {"zero_optimization": {"stage": 2}, "bf16": {"enabled": True}},
    "sharded": {"zero_optimization": {"stage": 3}},
}


def engine_of(config, **given):
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    settings = {
        "train_micro_batch_size_per_gpu": 8,
        "zero_allow_untested_optimizer": True,
        "steps_per_print": 1_000_000,
        **config,
    }
    return deepspeed.initialize(model=model, optimizer=optimizer, config=settings, **given)[0]


def data(count):
    generator = torch.Generator().manual_seed(1)
    for _ in range(count):
        yield torch.randn(8, 16, generator=generator), torch.randint(0, 4, (8,), generator=generator)


def train(engine, steps=STEPS):
    """Return the loss of each batch, and the norms that the engine knows after each step."""
    losses, norms = [], []
    kind = next(engine.module.parameters()).dtype
    for inputs, targets in data(steps * engine.gradient_accumulation_steps()):
        loss = nn.functional.cross_entropy(engine(inputs.to(kind)).float(), targets)
        losses.append(loss.item())
        engine.backward(loss)
        engine.step()
        if engine.micro_steps % engine.gradient_accumulation_steps() == 0:
            norm = engine.get_global_grad_norm()
            norms.append(None if norm is None else float(norm))
    return losses, norms


def weights(engine):
    saved = io.BytesIO()
    torch.save(engine.module.state_dict(), saved)
    return saved.getvalue().hex()


def values(folder):
    found = {}
    for item in polled(folder).items:
        if isinstance(item, Sample):
            found.setdefault(f"{item.signal} {item.layer}".strip(), {})[item.step] = item.value
    return found


def watched(folder, name, config):
    os.environ["RUNVITALS_RUNS_DIR"] = str(folder / name)
    engine = engine_of(config)
    with vitals.watch(engine, run=name, every=1) as run:
        losses, norms = train(engine)
        with torch.no_grad():
            engine(torch.zeros(8, 16, dtype=next(engine.module.parameters()).dtype))
    return {
        "losses": losses,
        "norms": norms,
        "values": values(folder / name),
        "step": run.step,
        "left": sorted({"step", "backward"} & engine.__dict__.keys()),
    }


def reference():
    """Return the gradient norms of the same training without DeepSpeed."""
    model, norms = network(), []
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    for inputs, targets in data(STEPS):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), targets).backward()
        norms.append(float(nn.utils.clip_grad_norm_(model.parameters(), 1e9)))
        optimizer.step()
    return norms


def same(folder):
    """Return whether the weights are the same after a hundred steps with and without."""
    os.environ["RUNVITALS_RUNS_DIR"] = str(folder / "same")
    found = []
    for is_watched in (False, True):
        engine = engine_of(KINDS["clipped"])
        run = vitals.watch(engine, run="same", every=1) if is_watched else None
        train(engine, 100)
        found.append(weights(engine))
        if run:
            run.close()
    return found[0] == found[1]


def broken(folder):
    """Return the warnings and marks of hooks that fail, and how many steps the engine made."""
    os.environ["RUNVITALS_RUNS_DIR"] = str(folder / "broken")
    engine = engine_of(KINDS["clipped"])
    run = vitals.watch(engine, run="broken", every=1)
    run._watcher._state = lambda: 1 / 0
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        train(engine)
    run.close()
    ours = [str(one.message) for one in warned if "runvitals" in str(one.message)]
    return {"warnings": ours, "steps": engine.global_steps, "marks": len(marks(folder / "broken", "unwatched"))}


def main():
    folder = Path(sys.argv[1])
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False  # else it is compiled, which takes a minute
    rendezvous = f"file://{folder}/rendezvous"
    deepspeed.init_distributed("gloo", verbose=False, init_method=rendezvous, rank=0, world_size=1)
    found = {name: watched(folder, name, config) for name, config in KINDS.items()}
    found |= {"reference": reference(), "same": same(folder), "broken": broken(folder)}
    (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
