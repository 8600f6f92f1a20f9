"""A training script that knows nothing of runvitals: for the tests."""

import os
import signal
import sys

import torch
from torch import nn

torch.manual_seed(0)
network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
what = sys.argv[1]
for step in range(100):
    inputs = torch.randn(16, 8)
    optimizer.zero_grad()
    loss = (network(inputs) - inputs.sum(dim=1, keepdim=True)).square().mean()
    (loss / 2).backward()
    (loss.detach() * 0 + (network(inputs) - inputs.sum(dim=1, keepdim=True)).square().mean() / 2).backward()
    optimizer.step()
    print(f"loss {loss.item():.9g}")
    if step == 20 and what == "raise":
        raise OverflowError("the user's own")
    if step == 20 and what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if step == 20 and what == "exit":
        sys.exit(7)
print(
    "weights", *[weight.item().hex() for parameter in network.parameters() for weight in parameter.detach().flatten()]
)
print("heavy", "runvitals.catalogue" in sys.modules, "rings", os.environ.get("RUNVITALS_RUN_ATTACHED"))
