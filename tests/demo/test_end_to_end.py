"""What the demo reports is what the file holds, computed here a second time and another way."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from decimal import Decimal
from typing import Any

import psycopg
from sqlalchemy.engine import URL

from app.budgets import BUDGETS
from app.demo.crew import APPLICATION_NAME
from app.demo.jobs import JOBS
from app.demo.places import PLACES_FILE
from app.demo.prices import PRICES
from app.embedded_server import ensure_running, status
from app.settings import Settings

LIMIT = 130


def records(limit: int | None) -> list[dict[str, Any]]:
    lines = PLACES_FILE.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines[:limit]]


def host(record: dict[str, Any]) -> str:
    return re.sub(r"^(https?://)?(www\.)?", "", record.get("website", "")).split("/")[0].lower()


def number(output: str, label: str) -> Decimal:
    found = re.findall(rf"\b{label} +(\d+(?:\.\d+)?)", output)
    assert len(found) == 1, (label, output)
    return Decimal(found[0])


def calls(output: str) -> dict[str, int]:
    rows = re.findall(
        r"^ *(\w+) +(\d+) +[\d.]+ +[\d.]+ +\d+ +(?:within|over)", output, re.MULTILINE
    )
    return {function: int(count) for function, count in rows}


def assert_report_adds_up(output: str, limit: int | None) -> None:
    places = records(limit)
    on_facebook = [place for place in places if host(place).endswith("facebook.com")]
    with_own_site = [place for place in places if host(place) and place not in on_facebook]
    with_email = [place for place in places if place["emails"] or place in with_own_site]
    with_page = [place for place in places if place["facebooks"] or place in on_facebook]

    assert number(output, "businesses") == len(places)
    assert number(output, "(?<!verified )emails") == len(with_email)
    assert number(output, "verified emails") == len(with_email)
    assert number(output, "Facebook pages") == len(with_page)
    assert number(output, "LinkedIn profiles") == len(with_own_site)
    assert number(output, "left in the facebook queue") == 0
    assert number(output, "left in the linkedin queue") == len(places) - len(with_own_site)

    costs = {
        "google_maps": PRICES["google_maps"] * len(places),
        "facebook": PRICES["facebook"] * len(places),
        "linkedin": PRICES["linkedin"] * len(places),
        "bouncer": PRICES["bouncer"] * len(with_email),
    }
    for service, cost in costs.items():
        assert number(output, rf"(?<!the ){service}(?= +\d+\.)") == cost
    assert number(output, "in all") == sum(costs.values())

    sizes = Counter(place["postalCode"] for place in places)
    made = calls(output)
    assert set(made) == set(BUDGETS)
    assert made["create_campaign_with_coverage"] == 1
    assert made["insert_businesses_batch"] == sum(math.ceil(n / 50) for n in sizes.values())
    assert made["update_coverage_status"] == len(sizes)
    assert made["update_campaign_statistics"] == len(sizes) + 1
    assert made["update_email_verification"] == len(with_email)
    entries = re.search(r"reconcile: 0\.0000 USD between the ledger's (\d+) costs", output)
    assert entries is not None
    assert int(entries[1]) == made["track_campaign_cost"] + len(with_email)
    assert "schema check: clean" in output


def test_it_runs_twice_in_a_row_and_leaves_no_server(demo) -> None:
    code, output, errors = demo.run("--limit", str(LIMIT))
    assert (code, errors) == (0, "")
    assert_report_adds_up(output, LIMIT)
    assert demo.left_behind() == []

    # Every record of the file, and the folder as the first run left it.
    code, output, errors = demo.run()
    assert (code, errors) == (0, "")
    assert number(output, "businesses") == 916
    assert_report_adds_up(output, None)
    assert demo.left_behind() == []


def test_dirty_records_are_among_the_first() -> None:
    first = records(LIMIT)
    assert any(len(record["postalCode"]) == 6 for record in first)
    assert any(record.get("phone", "").startswith("http") for record in first)


def connect(url: URL | None) -> psycopg.Connection[Any]:
    assert url is not None
    return psycopg.connect(
        url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True
    )


def names(connection: psycopg.Connection[Any]) -> set[str]:
    return {
        name
        for (name,) in connection.execute(
            "select datname from pg_database union select rolname from pg_roles"
        )
    }


def test_a_running_server_and_its_data_stay_as_they_are(demo, settings: Settings) -> None:
    with connect(ensure_running(settings)) as connection:
        connection.execute("create table gmaps_campaigns as select 'mine' as name")
        before = names(connection)

        code, _, errors = demo.run("--limit", "1")

        assert (code, errors) == (0, "")
        assert status(settings).running
        assert connection.execute("table gmaps_campaigns").fetchall() == [("mine",)]
        assert names(connection) == before


def test_a_database_that_was_kept_is_replaced_by_the_next_run(demo, settings: Settings) -> None:
    server = ensure_running(settings)
    code, output, _ = demo.run("--limit", "2", "--keep")
    assert code == 0
    assert "kept: the database campaigndb_demo" in output
    with connect(server.set(database="campaigndb_demo")) as connection:
        assert connection.execute("select count(*) from gmaps_businesses").fetchone() == (2,)

        # Whoever is still connected does not keep the next demo from its work.
        code, output, errors = demo.run("--limit", "3")

    assert (code, errors) == (0, "")
    assert number(output, "businesses") == 3
    with connect(server) as connection:
        assert "campaigndb_demo" not in names(connection)


def test_four_processes_work_as_a_role_that_may_only_execute(demo, settings: Settings) -> None:
    server = ensure_running(settings)
    program = demo.start("--limit", "130")
    assert len(demo.workers(program)) == 4
    seen: dict[str, set[int]] = {}
    with connect(server) as connection:
        while program.poll() is None and len(seen) < 4:
            rows = connection.execute(
                "select a.application_name, a.client_port, r.rolsuper, r.rolcanlogin"
                " from pg_stat_activity as a join pg_roles as r on r.rolname = a.usename"
                " where a.datname = 'campaigndb_demo' and a.usename = 'campaigndb_demo_app'"
                " and a.application_name <> ''"
            ).fetchall()
            assert all(row[2:] == (False, True) for row in rows)
            for name, port, *_ in rows:
                seen.setdefault(name, set()).add(port)
    assert demo.end_of(program)[0] == 0
    assert seen.keys() == {f"{APPLICATION_NAME} {name}" for name in JOBS}
    assert all(len(ports) == 1 for ports in seen.values())
