"""What the demo ends with: totals, costs, latencies against their budgets, and two checks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from rich import box
from rich.columns import Columns
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.budgets import BUDGETS
from app.drift import DriftReport
from app.reconciliation import Reconciliation
from app.results import CampaignStatistics
from app.wording import counted


@dataclass(frozen=True)
class Outcome:
    """All that the demo found. `costs` are USD by service, `seconds` the processes' run."""

    statistics: CampaignStatistics
    costs: Mapping[str, Decimal]
    actual_cost: Decimal
    waiting: Mapping[str, int]
    latencies: Mapping[str, Sequence[float]]
    retries: int
    processes: int
    seconds: float
    reconciliation: Reconciliation
    drift: DriftReport

    @property
    def is_clean(self) -> bool:
        return not self.reconciliation.discrepancies and not self.drift.differences


def print_report(console: Console, outcome: Outcome) -> None:
    console.print()
    console.print(Columns([_totals(outcome), _costs(outcome)], padding=(0, 4)))
    console.print(_calls(outcome.latencies))
    calls = sum(map(len, outcome.latencies.values()))
    console.print(
        f"{counted(calls, 'call')} and {counted(outcome.retries, 'retry', 'retries')} "
        f"by {outcome.processes} processes in {outcome.seconds:.1f} s"
    )
    _print_checks(console, outcome)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all values do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _totals(outcome: Outcome) -> Table:
    statistics = outcome.statistics
    table = Table(
        box=box.SIMPLE_HEAD,
        title="Totals",
        title_justify="left",
        title_style="bold",
        show_header=False,
    )
    table.add_column()
    table.add_column(justify="right")
    table.add_row("businesses", f"{statistics.total_businesses}")
    table.add_row("emails", f"{statistics.total_emails}")
    table.add_row("verified emails", f"{statistics.total_verified_emails}")
    table.add_row("Facebook pages", f"{statistics.total_facebook_pages}")
    table.add_row("LinkedIn profiles", f"{statistics.total_linkedin_profiles}")
    for queue, waiting in outcome.waiting.items():
        table.add_row(f"left in the {queue} queue", f"{waiting}")
    return table


def _costs(outcome: Outcome) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD,
        title="Cost in USD",
        title_justify="left",
        title_style="bold",
        show_header=False,
        show_footer=True,
    )
    table.add_column(footer="in all")
    table.add_column(justify="right", footer=f"{outcome.actual_cost:.4f}")
    for service, cost in outcome.costs.items():
        table.add_row(service, f"{cost:.4f}")
    return table


def _calls(latencies: Mapping[str, Sequence[float]]) -> Table:
    # Narrow enough for a terminal of 80 columns.
    table = Table(
        box=box.SIMPLE_HEAD,
        title="Calls in ms",
        title_justify="left",
        title_style="bold",
        pad_edge=False,
    )
    table.add_column("function")
    for heading in ("calls", "p50", "p95", "budget"):
        table.add_column(heading, justify="right")
    table.add_column()
    for function, budget in BUDGETS.items():
        values = latencies.get(function, [])
        if not values:
            continue
        median = percentile(values, 0.5)
        table.add_row(
            function,
            f"{len(values)}",
            f"{median:.1f}",
            f"{percentile(values, 0.95):.1f}",
            f"{budget.milliseconds}",
            Text("within", "green") if median < budget.milliseconds else Text("over", "bold red"),
        )
    return table


def _print_checks(console: Console, outcome: Outcome) -> None:
    reconciliation = outcome.reconciliation
    for discrepancy in reconciliation.discrepancies:
        line = f"  {discrepancy.what}: {discrepancy.total}, the ledger says {discrepancy.ledger}"
        console.print(Text(line, "red"), soft_wrap=True)
    console.print(
        Text.assemble(
            "reconcile: ",
            (
                f"{reconciliation.discrepancy:.4f}",
                "bold red" if reconciliation.discrepancies else "bold green",
            ),
            f" USD between the ledger's {counted(reconciliation.costs, 'cost')}"
            " and the campaign's totals",
        )
    )
    differences = outcome.drift.differences
    for difference in differences:
        console.print(Text(f"  {difference.line}", "red"), soft_wrap=True)
    console.print(
        Text.assemble(
            "schema check: ",
            (counted(len(differences), "difference"), "bold red")
            if differences
            else ("clean", "bold green"),
        )
    )
