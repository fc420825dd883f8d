"""Several clients calling at once, each with a connection of its own.

Up to ten are processes, for threads that are busy wait for each other's interpreter. More are
threads of ten processes, as in workers with a pool each: those of a crowd wait for the server
nearly all of the time, and a hundred interpreters at once on a few cores would measure how long
a processor takes to load each into its caches. The processes are forked from one that has imported
everything.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing.context import ForkServerProcess
from typing import Any

from benchmarks.database import Address
from benchmarks.figures import Figure, median, p99
from benchmarks.measurement import in_case
from benchmarks.turns import orders
from campaigndb.calling.errors import StoredFunctionError
from campaigndb.cli.failures import CommandFailure
from examples.helsinki.interruption import undisturbed

_PROCESSES_AT_MOST = 10
# After these a connection's plans and caches are as they stay.
_WARM_UP_CALLS = 8
_END_SECONDS = 10


@dataclass(frozen=True)
class Client:
    """One client's way of calling.

    `transactions` counts those begun so far: one a call, and one more for each retry.
    """

    call: Callable[[], object]
    transactions: Callable[[], int]


@dataclass(frozen=True)
class LoadVariant:
    """One way of doing the work from `clients` at once.

    `open_client` runs in the client's process and must be a module's own function; it is given
    the database and what `new_subject` made, such as a campaign's id. `check` is told how many
    calls succeeded on that subject, and raises where the database says otherwise. `address` is
    the way to the database where it is not the direct one.
    """

    name: str
    open_client: Callable[[Address, Any], AbstractContextManager[Client]]
    new_subject: Callable[[], Any]
    check: Callable[[Any, int], None] = lambda _subject, _calls: None
    clients: int = 1
    case: str = ""
    address: Address | None = None


@dataclass(frozen=True)
class LoadComparison:
    """Variants of the same work, each done by its clients at once for a while, in turns.

    Each is compared with the variant named `baseline` of as many clients in the same case. Where
    targets are near, the rounds are `times` as many.
    """

    name: str
    n: int
    variants: Sequence[LoadVariant]
    baseline: str
    times: int = 1


@dataclass
class ClientReport:
    """What one client did; `started` and `ended` are of the clock that processes share."""

    milliseconds: list[float] = field(default_factory=list)
    warm_up_calls: int = 0
    retries: int = 0
    lost: int = 0
    started: float = 0.0
    ended: float = 0.0


def compare_under_load(
    comparison: LoadComparison, address: Address, *, rounds: int, seconds: float
) -> list[Figure]:
    """One figure for each variant: the median of its rounds' calls per second.

    Raises:
        CommandFailure: a client failed, or the database does not hold what the calls did.
    """
    variants = comparison.variants
    reports: list[list[list[ClientReport]]] = [[] for _ in variants]
    in_turn = orders(len(variants))
    number = min(_PROCESSES_AT_MOST, max(each.clients for each in variants))
    with undisturbed(_client_processes(number)) as processes:
        for round_number in range(rounds):
            # Few rounds: orders from all over the cycle, for those that follow are much alike.
            for index in in_turn[round_number * len(in_turn) // rounds]:
                variant = variants[index]
                subject = variant.new_subject()
                task = _Task(
                    variant.open_client,
                    variant.address or address,
                    subject,
                    seconds,
                    variant.clients,
                )
                done = processes.work_on(task)
                variant.check(
                    subject, sum(len(each.milliseconds) + each.warm_up_calls for each in done)
                )
                reports[index].append(done)
    per_second = [median([_per_second(done) for done in each]) for each in reports]
    baselines = {
        (variant.case, variant.clients): each
        for variant, each in zip(variants, per_second, strict=True)
        if variant.name == comparison.baseline
    }
    figures = []
    for variant, rounds_done, calls_per_second in zip(variants, reports, per_second, strict=True):
        all_reports = [report for done in rounds_done for report in done]
        milliseconds = [each for report in all_reports for each in report.milliseconds]
        figures.append(
            Figure(
                name=comparison.name,
                variant=in_case(variant.name, variant.case),
                n=comparison.n,
                clients=variant.clients,
                baseline=in_case(comparison.baseline, variant.case),
                ratio=calls_per_second / baselines[variant.case, variant.clients],
                calls=len(milliseconds),
                per_second=calls_per_second,
                p99_ms=p99(milliseconds),
                retries=sum(report.retries for report in all_reports),
                lost=sum(report.lost for report in all_reports),
            )
        )
    return figures


def _per_second(reports: Sequence[ClientReport]) -> float:
    calls = sum(len(report.milliseconds) for report in reports)
    return calls / (
        max(report.ended for report in reports) - min(report.started for report in reports)
    )


@dataclass(frozen=True)
class _Task:
    open_client: Callable[[Address, Any], AbstractContextManager[Client]]
    address: Address
    subject: Any
    seconds: float
    clients: int


@dataclass(frozen=True)
class _Failed:
    reason: str


class _ClientProcesses:
    def __init__(
        self,
        members: list[tuple[ForkServerProcess, multiprocessing.connection.Connection[Any, Any]]],
    ) -> None:
        self._members = members

    def work_on(self, task: _Task) -> list[ClientReport]:
        """All of its clients at once: they begin when each is connected and warm."""
        connections = [connection for _, connection in self._members[: task.clients]]
        for index, connection in enumerate(connections):
            share = len(range(index, task.clients, len(connections)))
            connection.send(replace(task, clients=share))
        for connection in connections:
            self._answer(connection)
        for connection in connections:
            connection.send("start")
        return [report for connection in connections for report in self._answer(connection)]

    @staticmethod
    def _answer(connection: multiprocessing.connection.Connection[Any, Any]) -> Any:
        try:
            answer = connection.recv()
        except (EOFError, ConnectionError):
            raise CommandFailure("a client's process ended before its work did") from None
        if isinstance(answer, _Failed):
            raise CommandFailure(f"a client failed: {answer.reason}")
        return answer


@contextmanager
def _client_processes(number: int) -> Iterator[_ClientProcesses]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.command"])
    members = []
    try:
        for _ in range(number):
            ours, theirs = context.Pipe()
            process = context.Process(target=_client_process, args=(theirs,), daemon=True)
            process.start()
            theirs.close()
            members.append((process, ours))
        yield _ClientProcesses(members)
    finally:
        for _, connection in members:
            connection.close()
        for process, _ in members:
            process.join(_END_SECONDS)
            if process.is_alive():
                process.kill()
                process.join()


def _client_process(connection: multiprocessing.connection.Connection[Any, Any]) -> None:
    """Works on one task after another until the other end is closed."""
    # Ctrl-C reaches the whole group: the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        while True:
            task = connection.recv()
            try:
                with ExitStack() as opened, ThreadPoolExecutor(task.clients) as threads:
                    clients = [
                        opened.enter_context(task.open_client(task.address, task.subject))
                        for _ in range(task.clients)
                    ]
                    reports = list(threads.map(_warmed_up, clients))
                    connection.send("ready")
                    connection.recv()
                    list(threads.map(partial(_call, seconds=task.seconds), clients, reports))
                connection.send(reports)
            except Exception as error:  # noqa: BLE001 - the parent tells of any failure
                connection.send(_Failed(f"{type(error).__name__}: {error}"))
    except (EOFError, ConnectionError):
        return


def _warmed_up(client: Client) -> ClientReport:
    report = ClientReport()
    for _ in range(_WARM_UP_CALLS):
        client.call()
        report.warm_up_calls += 1
    return report


def _call(client: Client, report: ClientReport, seconds: float) -> None:
    transactions = client.transactions()
    calls = 0
    report.started = start = time.monotonic()
    deadline = start + seconds
    while start < deadline:
        calls += 1
        try:
            client.call()
        except StoredFunctionError:
            report.lost += 1
        else:
            report.milliseconds.append((time.monotonic() - start) * 1000)
        start = time.monotonic()
    report.ended = start
    report.retries = client.transactions() - transactions - calls
