"""Monitoring: what a live database tells of its functions, locks, queues, ledger and tables."""

from app.monitoring.reading import StatisticsUnknownError, read_statistics
from app.monitoring.statistics import (
    DatabaseStatistics,
    FunctionStatistics,
    IndexStatistics,
    LockWait,
    QueueLength,
    Statistics,
    TableStatistics,
    Unavailable,
)

__all__ = [
    "DatabaseStatistics",
    "FunctionStatistics",
    "IndexStatistics",
    "LockWait",
    "QueueLength",
    "Statistics",
    "StatisticsUnknownError",
    "TableStatistics",
    "Unavailable",
    "read_statistics",
]
