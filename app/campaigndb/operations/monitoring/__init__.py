"""Monitoring: statistics of a live database's functions, locks, queues, ledger and tables."""

from campaigndb.operations.monitoring.reading import StatisticsUnknownError, read_statistics
from campaigndb.operations.monitoring.statistics import (
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
