"""What the demo reports is what the file holds, computed here a second time and another way."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import URL

from campaigndb.calling.catalogue import FUNCTIONS
from campaigndb.embedded_server import ensure_running, status
from campaigndb.settings import Settings
from examples.helsinki.command import CAMPAIGN_ID, SUPPRESSED
from examples.helsinki.crew import APPLICATION_NAME
from examples.helsinki.database import APP_ROLE, OWNER_ROLE
from examples.helsinki.jobs import JOBS
from examples.helsinki.outside_services import ask_bouncer, ask_facebook
from examples.helsinki.places import PLACES_FILE
from examples.helsinki.prices import PRICES
from examples.helsinki.purchased_files import CLOSED, IN_OUTSCRAPER, IN_TABLE

# Whole demos, one after the other, beside whatever else the machine does.
pytestmark = pytest.mark.timeout(300)
LIMIT = 130
Record = dict[str, Any]


def records(limit: int | None) -> list[Record]:
    lines = PLACES_FILE.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines[:limit]]


def host(record: Record) -> str:
    return re.sub(r"^(https?://)?(www\.)?", "", record.get("website", "")).split("/")[0].lower()


def has_page(record: Record) -> bool:
    # The bare host is no page.
    return bool(
        record["facebooks"] or re.search(r"facebook\.com/.", record.get("website", "").lower())
    )


def has_own_site(record: Record) -> bool:
    return bool(host(record)) and not host(record).endswith("facebook.com")


def ids(places: Iterable[Record]) -> set[str]:
    return {place["placeId"] for place in places}


def bouncer_status(email: str) -> str:
    asked = SimpleNamespace(business_id=None, email=email)
    return str(ask_bouncer(asked)["status"])  # type: ignore[arg-type]


def verified_addresses(place: Record) -> list[str]:
    """Those that are verified one after the other, until one is good or will be asked again."""
    guess = [f"info@{host(place)}"] if has_own_site(place) else []
    asked: list[str] = []
    for email in map(str.lower, [*place["emails"], *guess]):
        if email in asked:
            continue
        asked.append(email)
        if bouncer_status(email) in ("deliverable", "unknown"):
            break
    return asked


def number(output: str, label: str) -> Decimal:
    found = re.findall(rf"(?:^|  ) ?{label} +(\d+(?:\.\d+)?)", output, re.MULTILINE)
    assert len(found) == 1, (label, output)
    return Decimal(found[0])


def queue(output: str, kind: str) -> SimpleNamespace:
    """A row of the lookups' table."""
    found = re.search(
        rf"^ {kind} +(\d+) +(\d+) +(\d+(?: \+ \d+)?) +(\d+) +(\d+)(.*)$", output, re.MULTILINE
    )
    assert found is not None, (kind, output)
    paid, twice, by, failed, left, why = found.groups()
    return SimpleNamespace(
        paid=int(paid),
        twice=int(twice),
        workers=[int(each) for each in by.split(" + ")],
        failed=int(failed),
        left=int(left),
        why=why.strip(),
    )


def calls(output: str) -> dict[str, int]:
    rows = re.findall(
        r"^ *(\w+) +(\d+) +[\d.]+ +[\d.]+ +(?:\d+ +(?:within|over)|none\b)", output, re.MULTILINE
    )
    return {function: int(count) for function, count in rows}


def assert_records_add_up(output: str, places: list[Record]) -> None:
    in_table, in_outscraper = ids(places[IN_TABLE]), ids(places[IN_OUTSCRAPER])
    closed = ids(places[IN_OUTSCRAPER][CLOSED]) & in_table
    known_then = in_table & in_outscraper
    known_at_last = in_table | in_outscraper
    for source, *counts in (
        (r"bought\.csv \(a table with semicolons, UTF-8\)", len(in_table), len(in_table), 0, 0),
        (
            r"outscraper\.json \(JSON, records under data, UTF-8\)",
            len(in_outscraper),
            len(in_outscraper - known_then),
            len(known_then),
            len(closed),
        ),
        (
            "Apify, by the scraper",
            len(places),
            len(places) - len(known_at_last),
            len(known_at_last),
            0,
        ),
    ):
        row = rf"^ {source} +" + " +".join(map(str, counts)) + " *$"
        assert re.search(row, output, re.MULTILINE), (row, output)


def assert_lookups_are_paid_once(output: str, limit: int | None) -> None:
    for kind in ("coverage", "facebook", "linkedin", "verification"):
        row = queue(output, kind)
        assert row.paid == sum(row.workers)
        assert row.twice == 0
        assert len(row.workers) == (1 if kind == "coverage" else 2)
    places = records(limit)
    out = ids(places[IN_OUTSCRAPER][CLOSED]) | ids(places[SUPPRESSED])
    open_places = [place for place in places if place["placeId"] not in out]

    with_page = [place for place in open_places if has_page(place)]
    row = queue(output, "facebook")
    failed = sum("error" in ask_facebook(business(place)) for place in with_page)
    assert (row.paid, row.failed, row.left) == (len(with_page), failed, failed)
    if failed:
        assert re.fullmatch(rf"{failed} due \d\d:\d\d UTC", row.why)

    row = queue(output, "linkedin")
    failed = sum(not has_own_site(place) for place in open_places)
    assert (row.paid, row.failed, row.left) == (len(open_places), failed, failed)
    assert re.fullmatch(rf"{failed} due \d\d:\d\d UTC", row.why)


def business(place: Record) -> Any:
    fields = dict.fromkeys(("facebook_url", "email", "phone", "address", "website"))
    return SimpleNamespace(
        business_id=None, place_id=place["placeId"], name=place["title"], **fields
    )


def assert_report_adds_up(output: str, limit: int | None) -> None:
    places = records(limit)
    assert_records_add_up(output, places)
    assert_lookups_are_paid_once(output, limit)
    assert number(output, "found") == len(places)
    assert number(output, "suppressed") == len(places[SUPPRESSED])
    assert number(output, "safe") == number(output, "verified")

    in_all = Decimal(0)
    for kind, service in (
        ("coverage", "google_maps"),
        ("facebook", "facebook"),
        ("linkedin", "linkedin"),
        ("verification", "bouncer"),
    ):
        cost = PRICES[service] * queue(output, kind).paid
        assert re.search(rf"\b{service} +{cost:.4f}\b", output)
        in_all += cost
    assert number(output, "in all") == in_all
    assert number(output, "the budget") == in_all + number(output, "left of it")
    assert number(output, "per safe lead") == round(in_all / number(output, "leads ready"), 4)

    made = calls(output)
    assert set(made) <= set(FUNCTIONS)
    assert made["update_coverage_status"] == len({place["postalCode"] for place in places})
    entries = re.search(r"reconcile: 0\.0000 USD between the ledger's (\d+) costs", output)
    assert entries is not None
    assert int(entries[1]) == made["track_campaign_cost"]
    assert "schema check: clean" in output

    exported = re.search(r"\n([1-9]\d*) leads exported, the first ones:\n(  .*@.*\n){3}\n", output)
    assert exported is not None
    assert number(output, "exported") == int(exported[1])
    for command in (
        "campaigndb db url",
        f"campaigndb work status {CAMPAIGN_ID}",
        "campaigndb report",
        "campaigndb export Helsinki",
    ):
        assert command in output


def test_it_runs_twice_in_a_row_and_leaves_no_server(demo) -> None:
    code, output, errors = demo.run("--limit", str(LIMIT))
    assert (code, errors) == (0, "")
    assert_report_adds_up(output, LIMIT)
    assert demo.left_behind() == []

    # Within the budget every address is verified, and so the leads are known.
    places = records(LIMIT)
    out = ids(places[IN_OUTSCRAPER][CLOSED]) | ids(places[SUPPRESSED])
    asked = [
        email
        for place in places
        if place["placeId"] not in out
        for email in verified_addresses(place)
    ]
    safe = {email for email in asked if bouncer_status(email) == "deliverable"}
    row = queue(output, "verification")
    assert row.paid == len(set(asked))
    assert row.failed == sum(bouncer_status(email) == "unknown" for email in set(asked))
    assert number(output, "exported") == len(safe)

    # Every record of the file, and the folder as the first run left it.
    code, output, errors = demo.run()
    assert (code, errors) == (0, "")
    assert number(output, "found") == 916
    assert_report_adds_up(output, None)
    assert demo.left_behind() == []
    # What is left does not pay for another lookup, and the demo says so.
    assert 0 <= number(output, "left of it") < PRICES["bouncer"]
    assert queue(output, "verification").why.endswith("budget spent")
    row = queue(output, "verification")
    assert row.left > row.failed


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


def assert_the_report_is_clean(settings: Settings, url: URL) -> None:
    """Of a database that was kept, by the command that the demo names."""
    environment = {
        "DATABASE_URL": url.set(drivername="postgresql").render_as_string(hide_password=False),
        "CAMPAIGNDB_OWNER_ROLE": OWNER_ROLE,
        "CAMPAIGNDB_APP_ROLE": APP_ROLE,
        "CAMPAIGNDB_DATA_DIR": str(settings.data_dir),
    }
    done = subprocess.run(
        [sys.executable, "-m", "campaigndb.cli", "report", "--json"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    figures = json.loads(done.stdout)
    assert (figures["ledger"], figures["drift"]) == ([], [])
    counted = [each for each in figures["functions"] if each["calls"]]
    assert counted
    assert all(each["within_budget"] for each in counted)
    assert figures["funnel"]["exports"] == 1


def test_a_database_that_was_kept_is_replaced_by_the_next_run(demo, settings: Settings) -> None:
    server = ensure_running(settings)
    code, output, _ = demo.run("--limit", "2", "--keep")
    assert code == 0
    assert "kept: the database campaigndb_demo" in output
    assert_the_report_is_clean(settings, server.set(database="campaigndb_demo"))
    with connect(server.set(database="campaigndb_demo")) as connection:
        assert connection.execute("select count(*) from gmaps_businesses").fetchone() == (2,)

        # Whoever is still connected does not keep the next demo from its work.
        code, output, errors = demo.run("--limit", "3")

    assert (code, errors) == (0, "")
    assert number(output, "found") == 3
    with connect(server) as connection:
        assert "campaigndb_demo" not in names(connection)


def test_the_processes_work_as_a_role_that_may_only_execute(demo, settings: Settings) -> None:
    server = ensure_running(settings)
    program = demo.start("--limit", "130")
    assert len(demo.workers(program)) == len(JOBS)
    seen: dict[str, set[int]] = {}
    with connect(server) as connection:
        while program.poll() is None and len(seen) < len(JOBS):
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
