"""A real training run to watch: a small network learns to spell until its learning rate is raised too far.

Real text, real back-propagation, real gradients, with numpy alone. `training.steps` computes, `training.train` paces it
and logs it through the client, `command` is what `runvitals demo` runs.
"""

from runvitals.demo.command import add_arguments, main

__all__ = ["add_arguments", "main"]
