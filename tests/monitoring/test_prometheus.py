"""What Prometheus reads: names, types, units, labels."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text

from campaigndb import CampaignStore
from campaigndb.operations.monitoring import QueueLength, Statistics, Unavailable
from campaigndb.operations.monitoring.prometheus import CAMPAIGNS_NAMED, as_prometheus
from campaigndb.operations.monitoring.rates import rates_between

Read = Callable[..., Statistics]


def samples_of(exposition: str) -> dict[tuple[str, ...], float]:
    return {
        (
            sample.name,
            *(text for name, text in sample.labels.items() if name not in ("database", "schema")),
        ): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
    }


def test_every_metric_has_help_a_type_and_a_name_of_its_kind(
    read: Read, store: CampaignStore, campaign_id: uuid.UUID, owner_engine: Engine
) -> None:
    store.track_campaign_cost(campaign_id, "facebook", 1, "1.5")
    with owner_engine.begin() as connection:
        connection.execute(text("update gmaps_campaigns set facebook_cost = 9"))
    exposition = as_prometheus(read())

    families = list(text_string_to_metric_families(exposition))
    assert len({family.name for family in families}) == len(families) > 15
    for family in families:
        assert family.name.startswith("campaigndb_")
        assert family.documentation
        for sample in family.samples:
            assert sample.labels["database"]
            assert sample.labels["schema"] == "public"
            assert sample.name.endswith("_total") == (family.type == "counter")
    samples = samples_of(exposition)
    assert samples["campaigndb_function_budget_seconds", "track_campaign_cost"] == 0.1
    assert samples["campaigndb_ledger_discrepancies",] == 1
    assert samples["campaigndb_ledger_discrepancy_usd",] == 7.5
    assert samples["campaigndb_part_readable", "queues"] == 1
    assert samples["campaigndb_part_readable", "statements"] == 0


def test_campaigns_beyond_a_number_are_one_series(read: Read) -> None:
    queues = [
        QueueLength(
            campaign_id=uuid.UUID(int=n),
            campaign='"\n\\',
            queue=queue,
            unfinished=unfinished,
            held=0,
            due=unfinished,
            waiting=0,
            failed=0,
            reserved=Decimal(0),
        )
        for n in range(CAMPAIGNS_NAMED + 3, 0, -1)
        for queue, unfinished in (("facebook", n), ("linkedin", 1))
    ]
    found = replace(read(), queues=queues, activity=Unavailable("no"), indexes=Unavailable("no"))
    samples = samples_of(as_prometheus(found))
    lengths = {key[1:]: value for key, value in samples.items() if key[0].endswith("_length")}
    assert len(lengths) == 2 * (CAMPAIGNS_NAMED + 1)
    assert lengths["others", "facebook"] == 1 + 2 + 3
    assert lengths["others", "linkedin"] == 3
    assert samples["campaigndb_part_readable", "activity"] == 0
    assert ("campaigndb_deadlocks_total",) not in samples


def test_rates_between_two_readings(read: Read) -> None:
    earlier = read()
    cost = replace(
        earlier.functions[3], calls=10, total_seconds=1.0, source="pg_stat_user_functions"
    )
    later = replace(
        earlier,
        taken_at=earlier.taken_at + datetime.timedelta(seconds=4),
        functions=[*earlier.functions[:3], cost, *earlier.functions[4:]],
        activity=replace(earlier.activity, commits=earlier.activity.commits + 8),
    )
    rates = rates_between(earlier, later)
    assert rates is not None
    rate = rates.functions["track_campaign_cost"]
    assert (rate.calls, rate.mean_seconds, rates.commits, rates.deadlocks) == (2.5, 0.1, 2, 0)
    # Counters that were reset in between have no rate.
    back = rates_between(
        replace(later, taken_at=earlier.taken_at),
        replace(
            later,
            functions=[replace(cost, calls=1)],
            activity=replace(later.activity, since=later.taken_at),
        ),
    )
    assert back is not None
    assert (dict(back.functions), back.commits) == ({}, None)
    assert rates_between(later, later) is None
