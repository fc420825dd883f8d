"""Which gate a campaign has is fixed for good: callers of different releases must meet there."""

import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine

from campaigndb import CampaignStore
from campaigndb.calling.connections import in_autocommit, settings_of
from campaigndb.calling.gate import (
    GATE_TIMEOUT,
    ON_THIS_NODE,
    gate_number,
    gate_statements,
    lock_timeout,
)
from campaigndb.tables import cost_gates
from campaigndb.tables.cost_gates import GATE_COUNT


def test_a_campaigns_gate_is_a_hash_of_its_id() -> None:
    # Changed only together with every caller: two releases at work at once would not exclude
    # each other (their costs would stay correct, and be retried).
    assert GATE_COUNT == 64
    for campaign_id, gate in [
        ("00000000-0000-0000-0000-000000000000", 21),
        ("12345678-1234-5678-1234-56781234563f", 35),
        ("12345678-1234-5678-1234-567812345640", 14),
        ("ffffffff-ffff-ffff-ffff-ffffffffffff", 26),
        ("c0ffee00-0000-4000-8000-000000000085", 15),
    ]:
        assert gate_number(uuid.UUID(campaign_id)) == gate


def random_ids() -> Iterator[uuid.UUID]:
    rng = random.Random(7)
    return (uuid.UUID(int=rng.getrandbits(128), version=4) for _ in range(64_000))


def ids_of_one_machine() -> Iterator[uuid.UUID]:
    """As `uuid.uuid1` makes them, a microsecond apart: they begin and end alike."""
    first = uuid.UUID("d5b9a3e0-1c2f-11f0-8de9-0242ac120002")
    return (
        uuid.UUID(fields=(first.time_low + 10 * number, *first.fields[1:]))
        for number in range(64_000)
    )


def ids_in_a_row() -> Iterator[uuid.UUID]:
    return (uuid.UUID(int=number) for number in range(64_000))


@pytest.mark.parametrize("ids", [random_ids, ids_of_one_machine, ids_in_a_row])
def test_campaigns_spread_evenly(ids: Callable[[], Iterator[uuid.UUID]]) -> None:
    counts = Counter(map(gate_number, ids()))
    assert len(counts) == GATE_COUNT
    assert max(counts.values()) < 1_150


def test_several_gates_are_taken_once_each_and_in_one_order() -> None:
    # At the gates 49, 47, 63 and 49.
    campaigns = [uuid.UUID(int=number) for number in (9, 3, 67, 9)]
    statements = gate_statements("public", campaigns)
    assert statements == [
        "SET LOCAL lock_timeout = 10000",
        *(
            f'LOCK TABLE "public"."gmaps_cost_gate_{number}" IN SHARE ROW EXCLUSIVE MODE'
            for number in (47, 49, 63)
        ),
    ]
    assert gate_statements("public", reversed(campaigns)) == statements


def test_the_schemas_name_is_quoted_and_the_wait_is_in_milliseconds() -> None:
    timeout, lock = gate_statements("Tenant-1", [uuid.UUID(int=0)])
    assert timeout == f"SET LOCAL lock_timeout = {GATE_TIMEOUT * 1000:.0f}"
    assert '"Tenant-1"."gmaps_cost_gate_21"' in lock


def test_a_shorter_limit_of_the_connections_own_is_left_alone() -> None:
    campaigns = [uuid.UUID(int=0)]
    for own_timeout, statements in ((0, 2), (0.001, 1), (10, 1), (10.001, 2)):
        assert len(gate_statements("public", campaigns, own_timeout=own_timeout)) == statements


@pytest.mark.parametrize(
    ("setting", "seconds"),
    [("0", 0), ("1", 0.001), ("1500", 1.5), ("10s", 10), ("90s", 90), ("2h", 7200), ("3d", 259200)],
)
def test_the_connections_own_limit_is_read_whatever_its_unit(
    owner_engine: Engine, setting: str, seconds: float
) -> None:
    with owner_engine.connect() as connection:
        connection.exec_driver_sql(f"set local lock_timeout = '{setting}'")
        assert lock_timeout(connection) == seconds


def test_on_a_cluster_the_gate_is_taken_on_the_callers_node_alone(store: CampaignStore) -> None:
    campaigns = [uuid.UUID(int=0)]
    for own_timeout in (0, 1):
        alone = gate_statements("public", campaigns, own_timeout=own_timeout)
        cluster = gate_statements("public", campaigns, own_timeout=own_timeout, on_cluster=True)
        assert cluster == [*alone[:-1], ON_THIS_NODE, alone[-1]]
    assert gate_statements("public", [], on_cluster=True) == []
    # Asked once a connection; on one server the message of a cost is as it was.
    with store.engine.connect() as connection:
        known = in_autocommit(connection, is_message=False)
        assert settings_of(connection, known).on_cluster is False


def test_without_a_campaign_there_is_nothing_to_wait_for() -> None:
    assert gate_statements("public", [None]) == []
    assert gate_statements("public", []) == []


def test_there_is_a_table_for_every_gate() -> None:
    assert [gate.name for gate in cost_gates] == [f"gmaps_cost_gate_{n:02}" for n in range(64)]
    assert not any(len(gate.columns) for gate in cost_gates)
