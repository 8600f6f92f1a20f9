"""One training run: what is wrong, its loss and gradient, its speed, its layers and its ranks."""

from __future__ import annotations

from grafana.build import firing, incidents, limits, variables
from grafana.build.dashboard import annotation
from grafana.build.dashboard import dashboard as around
from grafana.build.layout import GRAPH, NUMBER, TALL, Line, Row, graphs
from grafana.build.links import Boards, to_board
from grafana.build.panels import FEWER_POINTS, MERGED, Json, columns, heatmap, override, query, stat, table, timeseries
from grafana.build.queries import HAZARD, LAYERS, NEXT_STEP, RANK, RUN, WHOLE, increase, largest, of_signal, select
from grafana.build.signal_panels import FEW, banded, of_rank, sentence_of, title_of, together
from grafana.build.units import unit_of
from runvitals.catalogue import faults, metrics, signals
from runvitals.catalogue.faults import Fault
from runvitals.catalogue.signals import Signal

_RUN = 'run="$run"'
_MANY = 20
_NEWEST_START = select(metrics.RUN_START_TIMESTAMP, RUN)


def dashboard() -> Json:
    """Return the dashboard."""
    chosen = [variables.datasource(), variables.cluster(), variables.job(), variables.run(), variables.rank()]
    rows = [
        Row("What is wrong", [Line(NUMBER, _numbers()), Line(GRAPH, [_timeline()]), Line(GRAPH, [_table()])]),
        Row("Loss, rank $rank", graphs([banded(signals.LOSS, RANK), _zscores(signals.LOSS), *_evaluation()])),
        Row("Gradient, rank $rank", graphs(_gradient())),
        Row("Optimizer, rank $rank", graphs([of_rank(signal, RANK) for signal in _OPTIMIZER], 3)),
        Row("Throughput, rank $rank", graphs(_throughput())),
        Row("Layers, rank $rank", [Line(TALL, [_unusual_layers()]), Line(TALL, [_gradient_of_layers()])]),
        Row("Ranks compared", [Line(GRAPH, [_together()]), *graphs(_ranks())]),
    ]
    description = (
        "One training run. The rank above is that of loss, gradient and layers; the last row compares all ranks."
    )
    return around(Boards.TRAINING, description, chosen, rows, [_annotation()])


_OPTIMIZER = (
    signals.LEARNING_RATE,
    signals.UPDATE_RATIO,
    signals.LOSS_SCALE,
)


def _annotation() -> Json:
    expr = f"max by (fault, category, severity) ({select(incidents.OPEN, _RUN)}) > 0"
    return annotation("Incidents", expr, "{{fault}}", "{{severity}}: open on at least one rank of the run")


def _numbers() -> list[Json]:
    hazard = select("run:runvitals_explosion_probability:max", _RUN, HAZARD)
    age = f"time() - max({select(metrics.RUN_LAST_STEP_TIMESTAMP, RUN)})"
    steps = select("run:runvitals_run_step:max", _RUN)
    return [
        stat("Step", "Newest step of the foremost rank.", [query(f"max({steps})")], "none"),
        stat("Last step ago", "Time since the newest step of any rank.", [query(age)], "s"),
        stat(
            "Steps per second",
            "Of the fastest rank.",
            [query(f"max({select('run:runvitals_run_step:deriv5m', _RUN)})")],
            "none",
        ),
        stat(
            "Ranks",
            "Ranks that are watched, and as many as the run was started with.",
            [
                query(f"count(group by (rank) ({select(metrics.RUN_STEP, RUN)}))", "watched"),
                query(f"max({select(metrics.RUN_WORLD_SIZE, RUN)})", "started with"),
            ],
            "none",
        ),
        stat("Last start", "When a rank last started.", [query(f"1000 * max({_NEWEST_START})")], "dateTimeFromNow"),
        stat(
            "Explosion within 50 steps",
            "Calibrated probability that the gradient explodes, on the rank where it is largest.",
            [query(f"max({hazard})")],
            "percentunit",
            limit=limits.of_fault(faults.GRADIENT_EXPLOSION_LIKELY, "probability"),
        ),
    ]


def _timeline() -> Json:
    return incidents.timeline(
        "Faults over time",
        "Each fault that was open in this time on any rank, by its severity.",
        incidents.worst_severity(incidents.OPEN, "fault", _RUN),
        ["fault"],
        "closed",
        Boards.RANK,
    )


def _table() -> Json:
    return incidents.table_of_open(RUN, _RUN)


def _zscores(signal: Signal) -> Json:
    kinds = {"z-score": metrics.SIGNAL_ZSCORE, "robust z-score": metrics.SIGNAL_ROBUST_ZSCORE}
    return timeseries(
        f"{title_of(signal)}: how unusual",
        "Standard deviations from the mean of the window before, robust ones from its median. None while warming up.",
        [query(f"max by (signal) ({of_signal(signal, RANK, metric)})", name) for name, metric in kinds.items()],
        "none",
        limit=limits.OUTLIER,
    )


def _evaluation() -> list[Json]:
    return [of_rank(signals.EVAL_LOSS, RANK), together("Accuracy", [signals.ACCURACY, signals.EVAL_ACCURACY], RANK)]


def _gradient() -> list[Json]:
    return [
        banded(signals.GRAD_NORM, RANK, logarithmic=True),
        _zscores(signals.GRAD_NORM),
        _probability(
            "Explosion at the next step",
            NEXT_STEP,
            "that the norm's next relative change exceeds the threshold",
            faults.GRADIENT_EXPLOSION,
        ),
        _probability(
            "Explosion within 50 steps, this rank",
            HAZARD,
            "of an explosion within 50 steps. Calibrated: a share p of the steps given p is followed by one",
            faults.GRADIENT_EXPLOSION_LIKELY,
        ),
        together("Gradient norm before and after clipping", [signals.GRAD_NORM, signals.CLIPPED_GRAD_NORM], RANK),
        of_rank(signals.GRAD_CHANGE_RATIO, RANK),
        _skipped(),
    ]


def _probability(title: str, horizon: str, meaning: str, fault: Fault) -> Json:
    return timeseries(
        title,
        f"Probability {meaning}.",
        [query(f"max by (horizon) ({select(metrics.EXPLOSION_PROBABILITY, RANK, horizon)})", "probability")],
        "percentunit",
        limit=limits.of_fault(fault, "probability"),
    )


def _skipped() -> Json:
    grown = increase(select(metrics.EXPLOSION_SKIPPED, RANK))
    return timeseries(
        "Changes of the norm that could not be formed",
        "Relative changes that the explosion probability had to leave out, by reason. Many: it rests on little.",
        [query(f"sum by (reason) ({grown})", "{{reason}}")],
        "none",
    )


def _throughput() -> list[Json]:
    return [
        together("Tokens and samples per second", [signals.TOKENS_PER_SECOND, signals.SAMPLES_PER_SECOND], RANK),
        together(
            "Where the step's time goes", [signals.STEP_SECONDS, signals.DATA_SECONDS, signals.COMPUTE_SECONDS], RANK
        ),
        of_rank(signals.MFU, RANK),
        of_rank(signals.FLOPS, RANK),
    ]


def _unusual_layers() -> Json:
    series = select(metrics.SIGNAL_ROBUST_ZSCORE, RANK, f'signal="{signals.GRAD_NORM.name}"', LAYERS)
    return heatmap(
        "How unusual is each layer's gradient",
        "Absolute robust z-score of each layer's gradient norm, by its own past: the first to light up began it.",
        [query(f"max by (layer) (abs({series}))", "{{layer}}")],
        "none",
    )


def _gradient_of_layers() -> Json:
    return heatmap(
        "Gradient norm of each layer",
        "Decimal logarithm of each layer's gradient norm: -3 is a thousandth. A gradient of exactly 0 has no cell.",
        [query(f"log10(max by (layer) ({of_signal(signals.GRAD_NORM, RANK, layer=LAYERS)}) > 0)", "{{layer}}")],
        "none",
    )


def _together() -> Json:
    return firing.of_runs(("alertname",), _RUN)


def _ranks() -> list[Json]:
    foremost, last = (select(f"run:runvitals_run_step:{name}", _RUN) for name in ("max", "min"))
    return [
        timeseries(
            "How far the slowest rank is behind",
            "Steps between the foremost and the slowest rank.",
            [query(f"max by (run) ({foremost} - {last})", "behind")],
            "none",
        ),
        _spread(),
        _over_ranks(signals.STEP_SECONDS),
        together("Slowest ranks before the first exchange", [signals.COMPUTE_SECONDS], RUN, by="rank"),
        together("Ranks that wait longest for input", [signals.DATA_SECONDS], RUN, by="rank"),
        _unusual_ranks(),
        _checksums(
            metrics.REPLICA_CHECKSUM,
            "Spread of the replicas' checksums",
            "Largest less smallest checksum of the parameters. Not 0 at the same step: the replicas differ.",
        ),
        _checksums(
            metrics.REPLICA_CHECKSUM_STEP,
            "Spread of the steps of the checksums",
            "Only where this is 0 can the checksums be compared.",
        ),
    ]


def _spread() -> Json:
    series = select("run:runvitals_signal_value:spread", _RUN, f'signal="{signals.GRAD_NORM.name}"')
    return timeseries(
        "Spread of the gradient norm over the ranks",
        "Largest less smallest. Once gradients are exchanged all ranks have one norm: if not, they drift apart.",
        [query(f"max by (run) ({series})", "spread")],
        "short",
    )


def _over_ranks(signal: Signal) -> Json:
    shares = {"median": "p50", "95 % of the ranks": "p95"}
    series = {
        name: select(f"run:runvitals_signal_mean:{share}", _RUN, f'signal="{signal.name}"')
        for name, share in shares.items()
    }
    return timeseries(
        f"{title_of(signal)} over the ranks",
        f"{sentence_of(signal)} Quantiles over all ranks, of each rank the mean of its window.",
        [query(f"max by (run) ({of_run})", name) for name, of_run in series.items()],
        unit_of(signal),
    )


_UNUSUAL = {"rank": "Rank", "Value #A": "Worst anomaly score", "Value #B": "Step", "Value #C": "Last step ago"}


def _unusual_ranks() -> Json:
    score = f"max by (rank) ({select(metrics.SIGNAL_ANOMALY_SCORE_PEAK, RUN, WHOLE)})"
    worst = f"topk({_MANY}, {score})"
    age = f"time() - max by (rank) ({select(metrics.RUN_LAST_STEP_TIMESTAMP, RUN)})"
    asked = [worst, f"max by (rank) ({select(metrics.RUN_STEP, RUN)}) and {worst}", f"{age} and {worst}"]
    return table(
        f"The {_MANY} most unusual ranks",
        "Ranks with the largest anomaly score of any signal in the last minute, at the end of the time shown.",
        [query(expr, instant=True) for expr in asked],
        "none",
        transformations=[MERGED, columns(_UNUSUAL)],
        overrides=[
            override(
                "Rank", links=[to_board(Boards.RANK, "Open this rank", {"run": "run", "rank": "__data.fields.Rank"})]
            ),
            override("Last step ago", unit="s"),
        ],
        sort_by="Worst anomaly score",
    )


def _checksums(metric: metrics.Metric, title: str, description: str) -> Json:
    series = select(metric, RUN)
    expr = f"max by (layer) ({series}) - min by (layer) ({series})"
    asked = [query(largest(FEW, expr), "difference {{layer}}")]
    return timeseries(title, description, asked, "short", points=FEWER_POINTS)
