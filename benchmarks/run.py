"""What every benchmark is given: the database, how much to do, and whom to tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.clients import LoadComparison, compare_under_load
from benchmarks.database import Address, BenchDatabase
from benchmarks.figures import Figure
from benchmarks.measurement import Comparison, compare


@dataclass(frozen=True)
class Bench:
    """One run of the benchmarks.

    `quick` only shows that everything works: with less data and few calls its figures say
    little, and no target is judged on another amount of data than the target names. `large`
    adds what takes minutes to fill.
    """

    database: BenchDatabase
    rounds: int
    quick: bool
    large: bool
    tell: Callable[[str], None]

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    def compare(self, comparison: Comparison) -> Iterator[Figure]:
        self.tell(_described(comparison.name, comparison.n, comparison.case))
        self.database.reconnect()
        yield from compare(comparison, self.rounds)

    def compare_under_load(
        self, comparison: LoadComparison, address: Address | None = None
    ) -> Iterator[Figure]:
        """On the run's own database, or on another one."""
        clients = " and ".join(map(str, sorted({each.clients for each in comparison.variants})))
        clients += " client" if clients == "1" else " clients"
        cases = dict.fromkeys(each.case for each in comparison.variants)
        self.tell(_described(comparison.name, comparison.n, *cases, clients))
        yield from compare_under_load(
            comparison,
            address or self.database.address,
            rounds=min(self.rounds, 3) * (1 if self.quick else comparison.times),
            seconds=0.05 if self.quick else 1.0,
        )


def _described(name: str, n: int, *rest: str) -> str:
    return ", ".join([f"{name}: {n:,}", *filter(None, rest)])
