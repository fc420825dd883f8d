"""Exports leads as CSV, JSON lines and Parquet, written by the server."""

from campaigndb.operations.exporter.errors import ExportError
from campaigndb.operations.exporter.export_run import Exported, export_leads
from campaigndb.operations.exporter.presets import (
    EVERYTHING,
    Layout,
    load_preset,
    named_columns,
    preset_names,
)

__all__ = [
    "EVERYTHING",
    "ExportError",
    "Exported",
    "Layout",
    "export_leads",
    "load_preset",
    "named_columns",
    "preset_names",
]
