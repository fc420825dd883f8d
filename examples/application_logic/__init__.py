"""What callers did before the stored functions: seven writes and a read in SQLAlchemy Core.

An example of a fallback for `campaigndb.rollout`, and the baseline of the benchmarks. It reads
records with the tables' own column names.
"""

from examples.application_logic.store import ApplicationLogic

__all__ = ["ApplicationLogic"]
