"""Processes: CPU, memory, descriptors, disk and network."""

from runvitals.sources.process.source import ProcessSettings, ProcessSource

__all__ = ["ProcessSettings", "ProcessSource"]
