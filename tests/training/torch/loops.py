"""Small PyTorch trainings, and what the sidecar reads of them."""

from __future__ import annotations

import torch
from torch import nn

from runvitals.sources.ring import RingSettings, RingSource
from runvitals.values import Event, Sample


def network(*, width=16, depth=3, activation=nn.ReLU, seed=0):
    torch.manual_seed(seed)
    layers = [layer for _ in range(depth) for layer in (nn.Linear(width, width), activation())]
    return nn.Sequential(*layers, nn.Linear(width, 4))


def batches(count, *, width=16, size=8, seed=1):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        yield torch.randn(size, width, generator=generator), torch.randint(0, 4, (size,), generator=generator)


def train(model, optimizer, steps, *, criterion=None, clip=None, scale=1.0):
    """Make `steps` plain steps; return the norms that clipping found."""
    criterion = criterion or nn.CrossEntropyLoss()
    norms = []
    for inputs, targets in batches(steps):
        optimizer.zero_grad()
        (criterion(model(inputs * scale), targets)).backward()
        if clip is not None:
            norms.append(nn.utils.clip_grad_norm_(model.parameters(), clip))
        optimizer.step()
    return norms


def recorded(folder):
    """Return what a sidecar reads of the rings in a folder: values by (signal, layer) and step."""
    found: dict[tuple[str, str], dict[int | None, float]] = {}
    for item in polled(folder).items:
        if isinstance(item, Sample):
            found.setdefault((item.signal, item.layer), {})[item.step] = item.value
    return found


def marks(folder, kind):
    """Return the events of a kind that a run was marked with."""
    events = [item for item in polled(folder).items if isinstance(item, Event)]
    return [one for one in events if kind in (one.kind.value, one.fields.get("kind"))]


def polled(folder):
    """Return what a sidecar that has just started reads of the rings in a folder."""
    source = RingSource(RingSettings(folders=(str(folder),)))
    poll = source.poll(0.0)
    source.close()
    return poll
