"""Whatever is raised, and wherever: a pooled connection is as it was, or is thrown away.

A signal's handler (a soft time limit, Ctrl-C) raises in the middle of a call. Here a trace function
stands for it: it raises at each instruction of the package in turn, and in SQLAlchemy and psycopg
at some of the places where Python looks for signals.
"""

from __future__ import annotations

import asyncio
import contextlib
import dis
import random
import sys
import uuid
import warnings
from collections.abc import Callable
from types import FrameType
from typing import Any

import psycopg
import pytest
import sqlalchemy
from psycopg.pq import PipelineStatus, TransactionStatus
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import StatementError
from sqlalchemy.ext.asyncio import create_async_engine

import campaigndb
from campaigndb import AsyncCampaignStore, CampaignStore, StoredFunctionError
from campaigndb.calling.retries import NO_RETRY

PACKAGE, *LIBRARIES = (module.__path__[0] for module in (campaigndb, sqlalchemy, psycopg))
# The telemetry of the tests' own SDK is not on the way of a connection.
OURS = (f"{PACKAGE}/calling/",)
THEIRS = tuple(
    f"{path}/{part}"
    for path, parts in zip(LIBRARIES, (("engine/", "pool/"), ("",)), strict=True)
    for part in parts
)


class SoftTimeLimitError(Exception):
    """What a signal's handler raises."""


# Python looks for signals behind a call, at the begin of a function and where a loop jumps back.
# Elsewhere not even a signal could raise: between a lock and the `with` that gives it back, say.
SIGNALS_AFTER = ("CALL", "RESUME", "JUMP_BACKWARD")


class Interrupter:
    """Raises at the step number `at` of what it traces; `steps` says how many there were.

    A step is any instruction of ours, or one of the libraries' where a signal's handler may run.
    """

    def __init__(self, at: int, *, ours: bool) -> None:
        self.at = at
        self.steps = 0
        self._ours = ours
        self._files = OURS if ours else THEIRS

    def __enter__(self) -> Interrupter:
        sys.settrace(self._enter_frame)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _enter_frame(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(self._files):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        may_raise = self._ours

        def step(frame: FrameType, event: str, _argument: Any) -> Any:
            nonlocal may_raise
            if event == "opcode":
                if may_raise:
                    self.steps += 1
                    if self.steps == self.at:
                        raise SoftTimeLimitError
                name = dis.opname[frame.f_code.co_code[frame.f_lasti]]
                may_raise = self._ours or name.startswith(SIGNALS_AFTER)
            return step

        return step


def calls_of(store: Any, campaign_id: uuid.UUID) -> list[Callable[[], Any]]:
    return [
        lambda: store.update_coverage_status(campaign_id, "00100", 1, 1, 1),
        lambda: store.track_campaign_cost(campaign_id, "bouncer", 1, 1),
    ]


def check(driver: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
    assert driver.autocommit is False
    assert driver.info.transaction_status == TransactionStatus.IDLE
    assert driver.pgconn.pipeline_status == PipelineStatus.OFF


def check_pool(engine: Engine) -> None:
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        check(driver)


LONG = pytest.mark.torture
# Of the libraries' places, which are some thousands: by their numbers, with a seed.
SAMPLE = 250
# What is raised, or what SQLAlchemy and the store make of it.
RAISED = (SoftTimeLimitError, StatementError, StoredFunctionError)


def chosen(steps: int, rng: random.Random, *, ours: bool) -> list[int]:
    """At which steps the call is interrupted."""
    numbers = range(1, steps + 1)
    return list(numbers) if ours else sorted(rng.sample(numbers, min(SAMPLE, steps)))


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("ours", "reset"),
    [
        pytest.param(True, "rollback", id="our_instructions"),
        pytest.param(True, None, marks=LONG, id="our_instructions_without_a_reset"),
        pytest.param(False, "rollback", marks=LONG, id="their_calls"),
        pytest.param(False, None, marks=LONG, id="their_calls_without_a_reset"),
    ],
)
def test_a_call(
    app_url: URL, campaign_id: uuid.UUID, rng: random.Random, ours: bool, reset: Any
) -> None:
    # An interrupted check-in may keep a place of the pool's: there are enough.
    engine = create_engine(app_url, pool_reset_on_return=reset, max_overflow=-1)
    store = CampaignStore(engine, schema="public", policies=NO_RETRY)
    for call in calls_of(store, campaign_id):
        call()
        with Interrupter(0, ours=ours) as counted:
            call()
        assert counted.steps > 100
        numbers = chosen(counted.steps, rng, ours=ours)
        raised = 0
        for at in numbers:
            try:
                with Interrupter(at, ours=ours):
                    call()
            except RAISED:
                raised += 1
            check_pool(engine)
        assert raised > len(numbers) * 0.8
        call()
    engine.dispose()


@pytest.mark.timeout(600)
async def test_an_asynchronous_call(app_url: URL, campaign_id: uuid.UUID) -> None:
    engine = create_async_engine(app_url, max_overflow=-1)
    store = AsyncCampaignStore(engine, schema="public", policies=NO_RETRY)
    for call in calls_of(store, campaign_id):
        await call()
        with Interrupter(0, ours=True) as counted:
            await call()
        assert counted.steps > 100
        for at in range(1, counted.steps + 1):
            with warnings.catch_warnings():
                # A connection that nobody gave back is told of, and closed.
                warnings.simplefilter("ignore")
                with contextlib.suppress(*RAISED), Interrupter(at, ours=True):
                    await call()
            async with engine.connect() as connection:
                driver: Any = (await connection.get_raw_connection()).driver_connection
                check(driver)
        await asyncio.wait_for(call(), 20)
    await engine.dispose()
