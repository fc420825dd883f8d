"""Drift: whether a live database still is what the code says."""

from app.drift.comparison import Difference
from app.drift.drift import DriftReport, DriftUnknownError, find_drift
from app.drift.ignoring import IgnoreFileError, Pattern, read_ignore_file
from app.drift.shadow import ShadowError

__all__ = [
    "Difference",
    "DriftReport",
    "DriftUnknownError",
    "IgnoreFileError",
    "Pattern",
    "ShadowError",
    "find_drift",
    "read_ignore_file",
]
