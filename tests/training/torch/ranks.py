"""Trains with DistributedDataParallel as one of several ranks (gloo, on the CPU): for the tests.

python -m torch.distributed.run … ranks.py plain|slow|kill|stop|attached OUT_FOLDER
"""

import os
import signal
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

STEPS = 60
SLOW_SECONDS = 0.03
LAST = 30

what, folder = sys.argv[1], Path(sys.argv[2])


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, inputs):
        if what == "slow" and rank == 1:
            time.sleep(SLOW_SECONDS)
        return self.layers(inputs)


torch.set_num_threads(1)
torch.distributed.init_process_group("gloo")
rank = torch.distributed.get_rank()
torch.manual_seed(0)
network = DistributedDataParallel(Network())
optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
run = None
if what not in ("plain", "attached"):
    from runvitals.training import torch as vitals

    run = vitals.watch(network, optimizer, run="ranks", every=1)
generator = torch.Generator().manual_seed(rank)
norms = []
for step in range(STEPS):
    inputs = torch.randn(16, 8, generator=generator)
    optimizer.zero_grad()
    (network(inputs) - inputs.sum(dim=1, keepdim=True)).square().mean().backward()
    norms.append(torch.cat([one.grad.flatten() for one in network.parameters()]).norm().item())
    optimizer.step()
    if step == LAST and rank == 1 and what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if step == LAST and rank == 1 and what == "stop":
        (folder / "stopped").write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGSTOP)
torch.save({"weights": network.module.state_dict(), "norms": norms}, folder / f"{what}-{rank}.pt")
if run:
    run.close()
torch.distributed.destroy_process_group()
