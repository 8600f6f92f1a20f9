"""The whole config, composed of the settings that the rooms declare beside their code."""

from __future__ import annotations

from typing import Literal

import msgspec

from runvitals.diagnosis.decisions import FalseAlarmSettings
from runvitals.diagnosis.settings import FaultSettings
from runvitals.exposition.settings import WebSettings
from runvitals.pipeline.pipeline import RankSettings
from runvitals.series import SeriesSettings
from runvitals.settings import Settings
from runvitals.sinks.alertmanager.settings import AlertmanagerSettings
from runvitals.sinks.settings import AdviceSettings, JournalSettings
from runvitals.sources import AnySourceSettings, default_sources


class StateSettings(Settings, frozen=True):
    """Where baselines, findings and positions are kept over a restart, and how often they are saved (seconds).

    Without a directory: $RUNVITALS_STATE_DIR, else the service's or the user's state folder.
    """

    directory: str | None = None
    interval: float = 60.0

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if not 1.0 <= self.interval <= 3600.0:
            raise ValueError(f"interval must be from 1 to 3600 seconds, not {self.interval}")


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
    false_alarms: FalseAlarmSettings = FalseAlarmSettings()
    journal: JournalSettings = JournalSettings()
    advice: AdviceSettings = AdviceSettings()
    alertmanager: AlertmanagerSettings = AlertmanagerSettings()
    state: StateSettings = StateSettings()
    log: LogSettings = LogSettings()
    tick_seconds: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if not 0.05 <= self.tick_seconds <= 60.0:
            raise ValueError(f"tick_seconds must be from 0.05 to 60, not {self.tick_seconds}")
