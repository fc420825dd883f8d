"""`campaigndb stats`: statistics of functions, locks, queues, ledger, tables and indexes."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text
from sqlalchemy import Engine

from campaigndb.cli.connection import connected
from campaigndb.cli.failures import CommandFailure
from campaigndb.cli.per_tenant import per_tenant
from campaigndb.cli.terminal import (
    cell,
    for_json,
    money,
    new_table,
    output_console,
    print_json,
    printable,
)
from campaigndb.operations.counted import counted
from campaigndb.operations.monitoring import (
    LockWait,
    QueueLength,
    Statistics,
    TableStatistics,
    Unavailable,
    read_statistics,
)
from campaigndb.operations.monitoring.document import (
    QUEUE_FIGURES,
    QUEUES_SHOWN,
    as_document,
    other_queues,
)
from campaigndb.operations.monitoring.rates import Rates, rates_between
from campaigndb.settings import Settings

# Longest name that is shown; names have no limit.
LONGEST_NAME = 80
QUEUES_WATCHED = 4  # a screen has few lines
# The comparison reads the whole ledger, which is too much for every reading of --watch.
RECONCILED_EVERY_SECONDS = 30.0


def _check_for_all(options: dict[str, Any]) -> None:
    if options["prometheus"] or options["watch"]:
        raise CommandFailure("--watch and --prometheus are for one tenant at a time: --tenant NAME")


@partial(per_tenant, check_for_all=_check_for_all)
def stats(
    settings: Settings,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object; money as exact text.")
    ] = False,
    prometheus: Annotated[
        bool, typer.Option("--prometheus", help="Prometheus' text format.")
    ] = False,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            help="Repeat until Ctrl-C, with rates between two readings. With --json: one line for "
            "each reading.",
        ),
    ] = False,
    interval: Annotated[
        float, typer.Option(min=0.1, max=86_400, help="Seconds between two readings of --watch.")
    ] = 2.0,
    reconcile: Annotated[
        bool,
        typer.Option(
            help="Compare the totals with the ledger, all of which is read; with --watch every "
            f"{RECONCILED_EVERY_SECONDS:.0f} s."
        ),
    ] = True,
) -> None:
    """Show calls against their budgets, lock waits, queues, discrepancies, tables and indexes.

    It only reads. Parts that the role cannot read are reported as unavailable. A member of
    pg_monitor that may read the tables sees everything. Exit code 0: also if parts are unavailable;
    2: it could not run.
    """
    if prometheus and (as_json or watch):
        raise typer.BadParameter("goes with neither --json nor --watch", param_hint="--prometheus")
    if math.isnan(interval):  # NaN passes the comparisons with the limits
        raise typer.BadParameter("not a number", param_hint="'--interval'")
    schema = settings.schema_name
    with connected(settings) as engine:
        if watch:
            _watch(engine, schema, interval, reconcile, as_json)
            return
        found = read_statistics(engine, schema, with_reconciliation=reconcile)
    if prometheus:
        from campaigndb.operations.monitoring.prometheus import (
            as_prometheus,  # only where it is needed
        )

        print(as_prometheus(found), end="")
    elif as_json:
        print_json(as_document(found))
    else:
        output_console().print(_shown(found))


def _watch(engine: Engine, schema: str, interval: float, reconcile: bool, as_json: bool) -> None:
    try:
        if as_json:
            for found, _ in _readings(engine, schema, interval, reconcile):
                print(json.dumps(as_document(found), default=for_json), flush=True)
        elif not sys.stdout.isatty():
            for found, rates in _readings(engine, schema, interval, reconcile):
                output_console().print(_shown(found, rates, watched=True))
                sys.stdout.flush()
        else:
            console = output_console()
            with Live(console=console, auto_refresh=False, screen=True) as live:
                for found, rates in _readings(engine, schema, interval, reconcile):
                    live.update(_shown(found, rates, watched=True), refresh=True)
    except KeyboardInterrupt:
        return  # that is how it ends


def _readings(
    engine: Engine, schema: str, interval: float, reconcile: bool
) -> Iterator[tuple[Statistics, Rates | None]]:
    earlier: Statistics | None = None
    reconciled_at = float("-inf")
    while True:
        begun = time.monotonic()
        due = reconcile and begun - reconciled_at >= RECONCILED_EVERY_SECONDS
        found = read_statistics(engine, schema, with_reconciliation=due)
        if due:
            reconciled_at = begun
        elif earlier is not None:
            found = replace(found, reconciliation=earlier.reconciliation)
        yield found, rates_between(earlier, found) if earlier else None
        earlier = found
        time.sleep(max(0.0, begun + interval - time.monotonic()))


def _shown(
    found: Statistics, rates: Rates | None = None, *, watched: bool = False
) -> RenderableType:
    head = f"{found.database}, schema {found.schema}, as {found.role}, "
    parts: list[RenderableType] = [
        Text(printable(head) + found.taken_at.strftime("%Y-%m-%d %H:%M:%S %Z"), "bold"),
        _functions(found, rates, watched),
        _activity(found, rates),
        _part("lock waits", found.lock_waits, _lock_waits),
        _ledger(found),
        _part(
            "queues",
            found.queues,
            lambda queues: _queues(queues, QUEUES_WATCHED if watched else QUEUES_SHOWN),
        ),
        _part("tables", found.tables, _tables),
    ]
    if not watched:
        parts.append(_part("indexes", found.indexes, _indexes))
    parts += [Text(printable(f"note: {note}"), "dim") for note in found.notes]
    return Group(*parts)


def _part(title: str, part: Any, show: Any) -> RenderableType:
    if isinstance(part, Unavailable):
        return Text.assemble(
            f"{title}: ", ("could not tell", "yellow"), f": {printable(part.reason)}"
        )
    shown: RenderableType = show(part)
    return shown


def _titled(title: str, *columns: str, right: tuple[str, ...] = ()) -> Table:
    table = new_table(*columns, right=right)
    table.title, table.title_justify, table.title_style = title, "left", "bold"
    table.box = box.SIMPLE_HEAD
    return table


def _milliseconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1000:,.1f}"


def _functions(found: Statistics, rates: Rates | None, watched: bool) -> Table:
    now = ("calls/s", "mean now") if watched else ()
    numbers = ("calls", *now, "mean", "p95 ≤", "longest", "budget")
    table = _titled("functions (ms)", "function", *numbers, "mean is", right=numbers)
    for each in found.functions:
        rate = rates.functions.get(each.function) if rates else None
        current = (f"{rate.calls:,.1f}", _milliseconds(rate.mean_seconds)) if rate else ("–", "–")
        verdict = {
            None: Text("–"),
            True: Text("within", "green"),
            False: Text("over", "bold red"),
        }[each.within_budget]
        table.add_row(
            each.function,
            cell(each.calls),
            *(current if watched else ()),
            _milliseconds(each.mean_seconds),
            _milliseconds(each.p95_at_most),
            _milliseconds(each.longest),
            f"{each.budget.milliseconds:,}",
            verdict,
        )
    return table


def _activity(found: Statistics, rates: Rates | None) -> RenderableType:
    activity = found.activity
    if isinstance(activity, Unavailable):
        return _part("activity", activity, None)
    since = f" since {activity.since:%Y-%m-%d %H:%M}" if activity.since else ""
    line = Text(
        f"activity{since}: {counted(activity.connections, 'connection')}, "
        f"{counted(activity.commits, 'commit')}, {counted(activity.rollbacks, 'rollback')}, "
    )
    line.append(counted(activity.deadlocks, "deadlock"), "bold red" if activity.deadlocks else "")
    if rates is not None and rates.commits is not None:
        line.append(
            f"; now {rates.commits:,.1f} commits/s, {rates.rollbacks:,.1f} rollbacks/s, "
            f"{counted(rates.deadlocks or 0, 'deadlock')}"
        )
    return line


def _lock_waits(waits: Sequence[LockWait]) -> RenderableType:
    if not waits:
        return Text("lock waits: none")
    table = _titled(
        "lock waits", "waits", "for (s)", "pid", "behind", "its pid", "its state", "lock",
        right=("for (s)", "pid", "its pid"),
    )  # fmt: skip
    for wait in waits:
        lock = f"{wait.lock_type} {wait.relation or ''}".strip()
        table.add_row(
            cell(wait.blocked_statement or "hidden"),
            "–" if wait.seconds is None else f"{wait.seconds:,.1f}",
            str(wait.blocked_pid),
            cell(wait.blocking_statement or "hidden"),
            str(wait.blocking_pid),
            cell(wait.blocking_state),
            cell(lock),
        )
    return table


def _queues(queues: Sequence[QueueLength], shown: int) -> RenderableType:
    if not queues:
        return Text("queues: empty")
    numbers = ("unfinished", "held", "due", "waiting", "given up", "reserved (USD)")
    table = _titled("queues", "id", "campaign", "queue", *numbers, right=numbers)
    for queue in queues[:shown]:
        figures = [getattr(queue, name) for name in QUEUE_FIGURES[:-1]]
        names = (queue.campaign_id, _shortened(queue.campaign), queue.queue)
        table.add_row(*map(cell, (*names, *figures)), money(queue.reserved))
    rest = other_queues(queues, shown)
    if rest["queues"]:
        more = counted(rest["queues"], "more queue")
        sums = [cell(rest[name]) for name in QUEUE_FIGURES[:-1]]
        table.add_row("", more, "", *sums, money(rest["reserved"]))
    return table


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _ledger(found: Statistics) -> RenderableType:
    reconciliation = found.reconciliation
    if isinstance(reconciliation, Unavailable):
        return _part("ledger", reconciliation, None)
    count = len(reconciliation.independent)
    return Text.assemble(
        f"ledger: {counted(reconciliation.campaigns, 'campaign')}, "
        f"{counted(reconciliation.costs, 'cost')}, ",
        (
            f"{counted(count, 'discrepancy', 'discrepancies')}"
            f" ({reconciliation.discrepancy:f} USD)",
            "bold red" if count else "green",
        ),
        ": see campaigndb reconcile" if count else "",
    )


def _tables(tables: Sequence[TableStatistics]) -> Table:
    numbers = ("rows", "dead", "updates", "HOT", "MB")
    table = _titled("tables", "table", *numbers, "last vacuum", right=numbers)
    for each in tables:
        table.add_row(
            each.table,
            cell(each.live_rows),
            cell(each.dead_rows),
            cell(each.updates),
            "–" if each.hot_ratio is None else f"{each.hot_ratio:.1%}",
            _megabytes(each.bytes),
            cell(each.last_vacuum),
        )
    return table


def _indexes(indexes: Sequence[Any]) -> Table:
    table = _titled("indexes", "index", "scans", "MB", "", right=("scans", "MB"))
    for each in indexes:
        table.add_row(
            each.index,
            cell(each.scans),
            _megabytes(each.bytes),
            Text("unused", "yellow") if each.is_unused else "",
        )
    return table


def _megabytes(count: int) -> str:
    return f"{count / 1_000_000:,.2f}"
