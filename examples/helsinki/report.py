"""What the demo ends with: records, lookups, leads, costs, latencies, and two checks."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich import box
from rich.columns import Columns
from rich.console import Console
from rich.table import Table
from rich.text import Text

from campaigndb.calling.catalogue import BUDGETS, FUNCTIONS, Budget
from campaigndb.calling.results import QueueStatus, WorkStatus
from campaigndb.calling.work import SERVICES
from campaigndb.operations.counted import counted
from campaigndb.operations.drift import DriftReport
from campaigndb.operations.printable import printable
from campaigndb.operations.report import Figures
from examples.helsinki.jobs import Done, Received


@dataclass(frozen=True)
class Outcome:
    """All that the demo found; `seconds` is the processes' run.

    `done` is what each process did, `billed` how many items of each service the ledger holds.
    `leads` are the first ones of the export, `look_further` commands for a look at the rest.
    """

    received: Sequence[Received]
    done: Sequence[Done]
    work: WorkStatus
    figures: Figures
    billed: Mapping[str, int]
    latencies: Mapping[str, Sequence[float]]
    retries: int
    seconds: float
    drift: DriftReport
    leads: Sequence[Mapping[str, object]]
    leads_exported: int
    look_further: Sequence[str]

    @property
    def is_clean(self) -> bool:
        return not (
            self.figures.reconciliation.discrepancies
            or self.drift.differences
            or any(self.paid_twice(service) for service in SERVICES.values())
            or self.is_overspent
        )

    @property
    def is_overspent(self) -> bool:
        return self.work.budget_left is not None and self.work.budget_left < 0

    def of_service(self, service: str) -> list[Done]:
        return [each for each in self.done if each.service == service]

    def paid_twice(self, service: str) -> int:
        """Lookups beyond the first one of the same place, business or address, as billed."""
        asked = {key for each in self.of_service(service) for key in each.lookups}
        return self.billed.get(service, 0) - len(asked)


def print_report(console: Console, outcome: Outcome) -> None:
    console.print()
    console.print(_records(outcome.received))
    console.print(_lookups(outcome))
    console.print(Columns([_funnel(outcome), _costs(outcome)], padding=(0, 4)))
    console.print(_calls(outcome.latencies))
    calls = sum(map(len, outcome.latencies.values()))
    console.print(
        f"{counted(calls, 'call')} and {counted(outcome.retries, 'retry', 'retries')} "
        f"by {len(outcome.done)} processes in {outcome.seconds:.1f} s"
    )
    _print_checks(console, outcome)
    _print_leads(console, outcome)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all values do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _table(title: str, *headings: str) -> Table:
    """The first column holds words, the others numbers; narrow enough for 80 columns."""
    table = Table(
        box=box.SIMPLE_HEAD,
        title=title,
        title_justify="left",
        title_style="bold",
        pad_edge=False,
        show_header=any(headings),
    )
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="right" if index else "left")
    return table


def _records(received: Sequence[Received]) -> Table:
    table = _table("Records", "source", "records", "new", "known", "closed since")
    for each in received:
        counts = (each.records, each.new, each.known, each.closed)
        table.add_row(each.source, *map(str, counts))
    return table


def _lookups(outcome: Outcome) -> Table:
    table = _table("Lookups", "queue", "paid", "twice", "by", "failed", "left", "")
    table.columns[-1].justify = "left"
    for queue in outcome.work.queues:
        service = SERVICES[queue.kind]
        workers = outcome.of_service(service)
        table.add_row(
            queue.kind,
            f"{outcome.billed.get(service, 0)}",
            f"{outcome.paid_twice(service)}",
            " + ".join(f"{len(each.lookups)}" for each in workers),
            f"{sum(each.failed for each in workers)}",
            f"{queue.unfinished}",
            _why_left(queue, workers),
        )
    return table


def _why_left(queue: QueueStatus, workers: Sequence[Done]) -> str:
    """Why what is left in a queue is left there: businesses, which may share an address."""
    why = []
    if queue.waiting and queue.next_due_at is not None:
        due = queue.next_due_at.astimezone(datetime.UTC)
        why.append(f"{queue.waiting} due {due:%H:%M} UTC")
    if queue.failed:
        why.append(f"{queue.failed} given up")
    if any(each.is_budget_exhausted for each in workers):
        why.append("budget spent")
    return ", ".join(why)


def _funnel(outcome: Outcome) -> Table:
    funnel = outcome.figures.funnel
    table = _table("Businesses", "", "")
    table.add_row("found", f"{funnel.found}")
    table.add_row("with an email", f"{funnel.with_email}")
    table.add_row("verified", f"{funnel.verified}")
    table.add_row("safe", f"{funnel.safe}")
    table.add_row("leads ready", f"{funnel.ready}")
    table.add_row("exported", f"{funnel.exported}")
    table.add_row("suppressed", f"{funnel.suppressed}")
    return table


def _costs(outcome: Outcome) -> Table:
    total = outcome.figures.all_campaigns
    work = outcome.work
    table = _table("Cost in USD", "", "")
    for service in SERVICES.values():
        table.add_row(service, f"{getattr(total, service):.4f}")
    table.add_row("in all", f"{total.cost:.4f}", style="bold")
    table.add_row("the budget", f"{work.budget_usd:.4f}")
    table.add_row("left of it", Text(f"{work.budget_left:.4f}", _colour(not outcome.is_overspent)))
    if total.cost_per_lead is not None:
        table.add_row("per safe lead", f"{total.cost_per_lead:.4f}")
    return table


def _colour(is_good: bool) -> str:
    return "bold green" if is_good else "bold red"


def _calls(latencies: Mapping[str, Sequence[float]]) -> Table:
    table = _table("Calls in ms", "function", "calls", "p50", "p95", "budget", "")
    table.columns[-1].justify = "left"
    for function in FUNCTIONS:
        values = latencies.get(function, [])
        if not values:
            continue
        median = percentile(values, 0.5)
        budget = BUDGETS.get(function)
        table.add_row(
            function,
            f"{len(values)}",
            f"{median:.1f}",
            f"{percentile(values, 0.95):.1f}",
            f"{budget.milliseconds}" if budget else "none",
            _judged(median, budget),
        )
    return table


def _judged(median: float, budget: Budget | None) -> Text:
    if budget is None:
        return Text()
    return Text("within", "green") if median < budget.milliseconds else Text("over", "bold red")


def _print_checks(console: Console, outcome: Outcome) -> None:
    reconciliation = outcome.figures.reconciliation
    for discrepancy in reconciliation.discrepancies:
        line = f"  {discrepancy.what}: {discrepancy.total}, the ledger says {discrepancy.ledger}"
        console.print(Text(line, "red"), soft_wrap=True)
    console.print(
        Text.assemble(
            "reconcile: ",
            (f"{reconciliation.discrepancy:.4f}", _colour(not reconciliation.discrepancies)),
            f" USD between the ledger's {counted(reconciliation.costs, 'cost')}"
            " and the campaign's totals",
        )
    )
    differences = outcome.drift.differences
    for difference in differences:
        console.print(Text(f"  {difference.line}", "red"), soft_wrap=True)
    told = counted(len(differences), "difference") if differences else "clean"
    console.print(Text.assemble("schema check: ", (told, _colour(not differences))))


def _print_leads(console: Console, outcome: Outcome) -> None:
    # No table: that would fold addresses.
    console.print(
        f"\n[bold]{counted(outcome.leads_exported, 'lead')} exported[/bold], the first ones:"
    )
    for lead in outcome.leads:
        line = "  " + ", ".join(str(value) for value in lead.values() if value)
        console.print(Text(printable(line)), soft_wrap=True)
    console.print("\nTo look further:", style="bold")
    for command in outcome.look_further:
        console.print(Text(f"  {command}"), soft_wrap=True)
