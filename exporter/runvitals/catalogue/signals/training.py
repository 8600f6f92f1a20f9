"""What a training loop reports of its steps."""

from __future__ import annotations

from runvitals.catalogue.signals.signal import Signal

LOSS = Signal(
    "loss",
    "1",
    "training loss of the step",
    (
        "train_loss",
        "train/loss",
        "loss/train",
        "training_loss",
        "train loss",
        "lm loss",
        "lm_loss",
        "loss/train/total",
        "loss_metrics/global_avg_loss",
        "train/samples/train_loss",
        "train_loss_step",
        "epoch_loss",
    ),
    bad_side="high",
)
EVAL_LOSS = Signal(
    "eval_loss",
    "1",
    "loss on held-back data",
    (
        "val_loss",
        "val/loss",
        "eval/loss",
        "valid_loss",
        "validation_loss",
        "validation loss",
        "val loss",
        "loss/val",
        "loss/eval/total",
        "val/epoch_loss",
    ),
    bad_side="high",
)
GRAD_NORM = Signal(
    "grad_norm",
    "1",
    "norm of the gradient of all parameters, before clipping",
    (
        "gradient_norm",
        "grad norm",
        "grad-norm",
        "gradnorm",
        "train/grad_norm",
        "grad/norm",
        "total_grad_norm",
        "gnorm",
        "grad_2.0_norm_total",
        "l2_norm/grad/global",
        "train/grad_norm_before_clip",
    ),
    bad_side="high",
)
LEARNING_RATE = Signal(
    "learning_rate",
    "1",
    "learning rate of the step",
    (
        "lr",
        "train/lr",
        "train/learning_rate",
        "learning rate",
        "learning-rate",
        "train/samples/lr",
        "epoch_learning_rate",
    ),
)
LOSS_SCALE = Signal(
    "loss_scale",
    "1",
    "scale of mixed-precision training",
    ("loss scale", "loss-scale", "amp_scale", "grad_scale", "scaler_scale", "train/samples/loss_scale"),
)
STEP_SECONDS = Signal(
    "step_seconds",
    "seconds",
    "duration of one step",
    ("step_time", "time/step", "iteration_time", "elapsed time per iteration", "iteration-time"),
    "high",
)
EVAL_ACCURACY = Signal(
    "eval_accuracy",
    "1",
    "share of right answers on held-back data, 0 to 1",
    ("val_accuracy", "val_acc", "val/accuracy", "eval/accuracy", "validation_accuracy", "val/epoch_accuracy"),
    bad_side="low",
)
ACCURACY = Signal(
    "accuracy",
    "1",
    "share of right answers in the step, 0 to 1",
    ("acc", "train_accuracy", "train_acc", "train/accuracy", "epoch_accuracy"),
    bad_side="low",
)
CLIPPED_GRAD_NORM = Signal(
    "clipped_grad_norm",
    "1",
    "norm of the gradient of all parameters, after clipping",
    ("grad_norm_clipped", "train/grad_norm_after_clip"),
)
PARAMETER_NORM = Signal(
    "parameter_norm",
    "1",
    "norm of the parameters",
    ("params norm", "param_norm", "weight_norm", "l2_norm/param/global"),
)
PARAMETER_CHECKSUM = Signal(
    "parameter_checksum", "1", "a number that is equal on two replicas whose parameters are, such as their sum"
)
UPDATE_RATIO = Signal(
    "update_ratio",
    "1",
    "norm of the change of the parameters in the step over their norm",
    ("update_to_weight_ratio", "update_weight_ratio"),
)
GRAD_CHANGE_RATIO = Signal(
    "grad_change_ratio",
    "1",
    "norm of the gradient's change since the step before, as a vector, over the norm that it had",
)
ZERO_GRADIENT_RATIO = Signal(
    "zero_gradient_ratio", "1", "share of the gradient that is exactly 0, 0 to 1", bad_side="high"
)
DEAD_UNITS_RATIO = Signal(
    "dead_units_ratio", "1", "share of units that are 0 for every example of the step, 0 to 1", bad_side="high"
)
SATURATED_ACTIVATIONS_RATIO = Signal(
    "saturated_activations_ratio",
    "1",
    "share of activations where the derivative of their function is nearly 0, 0 to 1",
    bad_side="high",
)
ACTIVATION_MEAN = Signal("activation_mean", "1", "mean of the activations")
ACTIVATION_STDDEV = Signal("activation_stddev", "1", "standard deviation of the activations")
OUTPUT_STDDEV = Signal(
    "output_stddev", "1", "standard deviation of the network's outputs over the examples of the step", bad_side="low"
)
SKIPPED_STEPS = Signal(
    "skipped_steps_total",
    "1",
    "optimizer steps that were skipped since the start",
    ("skipped_iterations",),
    bad_side="high",
)
RECENTLY_SKIPPED_STEPS = Signal(
    "recently_skipped_steps",
    "1",
    "optimizer steps that were skipped since the last report",
    ("number of skipped iterations",),
    bad_side="high",
)
RECENT_NONFINITE_STEPS = Signal(
    "recent_nonfinite_steps",
    "1",
    "steps since the last report whose loss the trainer found to be NaN",
    ("number of nan iterations",),
    bad_side="high",
)
DATA_SECONDS = Signal(
    "data_seconds",
    "seconds",
    "time in the step that was spent waiting for its input",
    ("data_time", "time/data", "data_loading_seconds", "batch_load_time", "batch generator", "batch-generator"),
    bad_side="high",
)
COMPUTE_SECONDS = Signal(
    "compute_seconds",
    "seconds",
    "time in the step before its first collective, on this rank alone",
    bad_side="high",
)
TOKENS_PER_SECOND = Signal(
    "tokens_per_second",
    "tokens per second",
    "tokens trained on, per second",
    ("tps", "throughput(tps)", "tok/s", "tokens_per_sec", "train/tokens_per_second", "performance/tokens_per_second"),
    bad_side="low",
)
SAMPLES_PER_SECOND = Signal(
    "samples_per_second",
    "samples per second",
    "examples trained on, per second",
    (
        "train_samples_per_second",
        "samples_per_sec",
        "samples/sec",
        "samples per second",
        "imgs/sec",
        "throughput/samples_per_sec",
    ),
    bad_side="low",
)
MFU = Signal(
    "flops_utilization_ratio", "1", "share of the accelerator's peak floating point rate that is used", ("mfu",), "low"
)
EPOCH = Signal("epoch", "1", "passes over the data so far")
FLOPS = Signal(
    "flops_per_second",
    "1 per second",
    "floating point operations per second and accelerator",
    ("tflops", "throughput per gpu", "approx flops per gpu"),
    bad_side="low",
)
ACCELERATOR_MEMORY = Signal(
    "accelerator_memory_bytes", "bytes", "accelerator memory that the trainer holds", ("memallocated",), bad_side="high"
)
PEAK_MEMORY = Signal(
    "peak_memory_bytes",
    "bytes",
    "the most accelerator memory that the trainer has held",
    ("maxmemallocated", "memory/max_reserved(gib)"),
    bad_side="high",
)
PEAK_MEMORY_UTILIZATION = Signal(
    "peak_memory_utilization_ratio",
    "1",
    "share of the accelerator's memory that the trainer has held at most, 0 to 1",
    ("memory/max_reserved(%)",),
    bad_side="high",
)
