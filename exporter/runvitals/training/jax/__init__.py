"""Training loops in JAX: norms inside the jitted step, and a run that takes what the step returns.

run = watch("llama-pretrain")
state, metrics = train_step(state, batch)  # a jitted function that returns {"loss": …, "grad_norm": norms(gradients)}
run.log(metrics, step=step)
"""

from runvitals.training.jax.norms import global_norm, norms
from runvitals.training.jax.run import JaxRun, watch

__all__ = ["JaxRun", "global_norm", "norms", "watch"]
