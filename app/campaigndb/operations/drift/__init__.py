"""Drift: differences between a live database and the code."""

from campaigndb.operations.drift.comparison import Difference
from campaigndb.operations.drift.drift import (
    DriftReport,
    DriftUnknownError,
    find_drift,
    refuse_worker,
)
from campaigndb.operations.drift.ignoring import IgnoreFileError, Pattern, read_ignore_file
from campaigndb.operations.drift.shadow import ShadowError

__all__ = [
    "Difference",
    "DriftReport",
    "DriftUnknownError",
    "IgnoreFileError",
    "Pattern",
    "ShadowError",
    "find_drift",
    "read_ignore_file",
    "refuse_worker",
]
