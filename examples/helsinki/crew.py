"""The processes: each an interpreter, an engine and a connection of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.engine import URL

from campaigndb import CampaignStore
from examples.helsinki.errors import DemoError
from examples.helsinki.interruption import undisturbed
from examples.helsinki.jobs import (
    FACEBOOK_ENRICHERS,
    JOBS,
    LINKEDIN_ENRICHERS,
    SCRAPER,
    Done,
    Handover,
    Job,
)
from examples.helsinki.measured_calls import measured_calls

Latencies = Mapping[str, list[float]]

# How long a process that has said its last word may take to end.
END_SECONDS = 10
# Which process a connection belongs to, for whoever looks at pg_stat_activity.
APPLICATION_NAME = "campaigndb demo:"


@dataclass(frozen=True)
class Assignment:
    """What a process needs to begin: the database as the application role sees it."""

    url: URL
    schema: str
    campaign_id: uuid.UUID
    limit: int | None


@dataclass(frozen=True)
class Ready:
    """Connected, and waiting for the others."""


@dataclass(frozen=True)
class Progress:
    """Items done, calls and retries so far."""

    done: int
    calls: int
    retries: int


@dataclass(frozen=True)
class Finished:
    """The last word of a process that did its job."""

    done: Done
    latencies: Latencies
    retries: int


@dataclass(frozen=True)
class Failed:
    """The last word of a process that did not."""

    reason: str


Message = Ready | Progress | Finished | Failed


@dataclass
class _Member:
    name: str
    process: ForkServerProcess
    messages: Connection[Any, Any]
    has_finished: bool = False


class Crew:
    """Processes that run until each has done its job, or one has failed."""

    def __init__(self, members: list[_Member], handover: Handover) -> None:
        self._members = members
        self._handover = handover
        self.started_at = time.perf_counter()

    def messages(self) -> Iterator[tuple[str, Progress | Finished]]:
        """Who says what, until all have finished. They begin together once all are ready.

        Raises:
            DemoError: a process failed or was ended; the message names it and says why.
        """
        waiting = len(self._members)
        open_members = {member.messages: member for member in self._members}
        while open_members:
            for connection in wait(list(open_members)):
                assert isinstance(connection, Connection)
                member = open_members[connection]
                try:
                    message: Message = connection.recv()
                except (EOFError, ConnectionError):
                    _check_end(member)
                    del open_members[connection]
                    continue
                if isinstance(message, Ready):
                    waiting -= 1
                    if waiting == 0:
                        self.started_at = time.perf_counter()
                        self._handover.start.set()
                    continue
                if isinstance(message, Failed):
                    raise DemoError(f"the {member.name} failed: {message.reason}")
                member.has_finished = isinstance(message, Finished)
                self._hand_over()
                yield member.name, message

    def _hand_over(self) -> None:
        """Tells those that wait for others to have finished."""
        finished = {member.name for member in self._members if member.has_finished}
        if SCRAPER in finished:
            self._handover.scraped.set()
        if finished.issuperset(FACEBOOK_ENRICHERS + LINKEDIN_ENRICHERS):
            self._handover.enriched.set()


def _check_end(member: _Member) -> None:
    member.process.join(END_SECONDS)
    code = member.process.exitcode
    if member.has_finished and code == 0:
        return
    if code is not None and code < 0:
        how = f"was ended by {signal.Signals(-code).name}"
    else:
        how = f"ended unexpectedly with exit code {code}"
    raise DemoError(f"the {member.name} {how}")


@contextmanager
def crew_at_work(assignment: Assignment) -> Iterator[Crew]:
    """Starts a process for each job; none of them outlives the block."""
    # Imported once for all of them; each then is a process of its own with its own connection.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    handover = Handover(context.Event(), context.Event(), context.Event())
    members: list[_Member] = []

    @contextmanager
    def started() -> Iterator[Crew]:
        try:
            for name in JOBS:
                receiver, sender = context.Pipe(duplex=False)
                process = context.Process(
                    target=_work, args=(name, assignment, handover, sender), name=name
                )
                members.append(_Member(name, process, receiver))
                process.start()
                # The process holds the only sending end: its death is the end of the messages.
                sender.close()
            yield Crew(members, handover)
        finally:
            _end(members)

    # A Ctrl-C on a terminal reaches every process of the command: these leave it to their parent.
    with undisturbed(started()) as crew:
        yield crew


def _end(members: list[_Member]) -> None:
    """There is nothing that they would have to tidy up: the server rolls back what was open."""
    begun = [member.process for member in members if member.process.pid is not None]
    for process in begun:
        process.kill()
    for process in begun:
        process.join(END_SECONDS)
    for member in members:
        member.messages.close()


# In the process itself


def _work(
    name: str, assignment: Assignment, handover: Handover, messages: Connection[Any, Any]
) -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        engine = create_engine(
            assignment.url,
            pool_size=1,
            max_overflow=0,
            connect_args={"application_name": f"{APPLICATION_NAME} {name}"},
        )
        with engine.connect():
            messages.send(Ready())
        handover.start.wait()
        with measured_calls() as measured:

            def report(done: int) -> None:
                messages.send(Progress(done, measured.calls, measured.retries))

            store = CampaignStore(engine, schema=assignment.schema)
            job = Job(store, assignment.campaign_id, assignment.limit, handover, report)
            done = JOBS[name](job)
        messages.send(Finished(done, measured.latencies, measured.retries))
        engine.dispose()
    except Exception as error:  # noqa: BLE001 (the parent says what it is)
        messages.send(Failed(one_line(error)))
        raise SystemExit(1) from None


def _end_with_parent() -> None:
    """A parent that was killed ends nobody: its children notice."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def one_line(error: BaseException) -> str:
    """The first line of an error's message, without SQL statements and their parameters."""
    original = getattr(error, "orig", None) or error
    lines = str(original).strip().splitlines() or [type(original).__name__]
    return lines[0]


def merged(all_latencies: list[Latencies]) -> Mapping[str, list[float]]:
    """The latencies of several processes as one."""
    together: dict[str, list[float]] = {}
    for latencies in all_latencies:
        for function, milliseconds in latencies.items():
            together.setdefault(function, []).extend(milliseconds)
    return together
