"""The whole config, composed of the settings that the rooms declare beside their code."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from runvitals.diagnosis.settings import FaultSettings
from runvitals.exposition.settings import WebSettings
from runvitals.pipeline.pipeline import RankSettings
from runvitals.series import SeriesSettings
from runvitals.settings import Settings
from runvitals.sources import AnySourceSettings, default_sources


class StateSettings(Settings, frozen=True):
    """Where baselines, findings and positions are kept over a restart, and how often they are saved (seconds).

    Without a directory: $RUNVITALS_STATE_DIR, else the service's or the user's state folder.
    """

    directory: str | None = None
    interval: Annotated[float, msgspec.Meta(gt=0)] = 60.0


class LogSettings(Settings, frozen=True):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class Config(Settings, frozen=True):
    """The settings of one sidecar. Everything has a default that works: an empty file is a whole config."""

    web: WebSettings = WebSettings()
    sources: list[AnySourceSettings] = msgspec.field(default_factory=default_sources)
    series: SeriesSettings = SeriesSettings()
    ranks: RankSettings = RankSettings()
    faults: dict[str, FaultSettings] = {}
    state: StateSettings = StateSettings()
    log: LogSettings = LogSettings()
    tick_seconds: Annotated[float, msgspec.Meta(ge=0.05, le=60)] = 1.0
