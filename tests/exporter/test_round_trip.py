"""What was exported is imported elsewhere, and nothing that a column holds is lost."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from campaigndb.operations.exporter import Layout, export_leads
from campaigndb.operations.importer import import_files
from campaigndb.tables import businesses
from tests.exporter.hard_texts import HARD, rows_of

# The ids of the database, and the times at which it stored or changed something.
OWN = {"business_id", "campaign_id", "created_at", "scraped_at", "changed_at"}
ALL = {"emails": "any", "duplicates": "keep"}
VERDICTS = (
    {"status": "deliverable", "score": "97.50", "is_free_email": True, "is_role_based": False},
    {"status": "risky", "score": 40, "is_disposable": True, "is_safe": False},
    {"status": "undeliverable", "is_role_based": True},
    {"status": "unknown"},
    None,
)


@pytest.fixture
def full_leads(store, campaign_id, add_business, helsinki_places) -> int:
    """Leads with everything that a column can hold; returns how many."""
    ids = {}
    for place_id, text in HARD.items():
        ids[place_id] = add_business(
            place_id,
            email=f"Info@{place_id}.fi",
            cid=f"12345678901234{len(ids):05}",
            name=text,
            address=text,
            city=text,
            state=text,
            # Not the one that was searched.
            postal_code="00999",
            country="FI",
            latitude=60.123456789,
            longitude=-24.95,
            phone="+358961281300",
            website="https://kauppahalli.fi/?a=1,2",
            category=text,
            categories=[text, "A, b", 'c"d'],
            description=text,
            rating=4.50,
            reviews_count=91,
            price_level="$$",
            hours=[{"day": text, "hours": ["9", 10.5], "open": True, "breaks": 0}],
            business_status="operational",
            facebook_url=f"https://www.facebook.com/{place_id}",
            linkedin_url=f"https://www.linkedin.com/company/{place_id}",
            instagram_url=f"https://www.instagram.com/{place_id}",
            twitter_url=f"https://twitter.com/{place_id}",
        )
    # Texts that look like what they are not.
    ids["nan"] = add_business("nan", name="NaN", email="nan@shop.fi", city='["a"]')
    ids["zeros"] = add_business("zeros", name="007", email="zeros@shop.fi", postal_code="00007")
    for kind in ("facebook", "linkedin"):
        result = store.update_enrichment_batch(
            kind,
            [
                {
                    "business_id": business_id,
                    "phone_numbers": [f"+35896128{number:04}", "=1+1", "09 1, 2"],
                    # One address that the page brings, one that the person brings.
                    **({"emails": [f"{kind}@{place_id}.fi"]} if place_id in ("plus", "at") else {}),
                    **(
                        {"page_name": text, "page_likes": 9433, "page_followers": 0}
                        if kind == "facebook"
                        else {
                            "person_name": text,
                            "person_title": text,
                            "person_profile_url": "https://www.linkedin.com/in/aino-virtanen",
                            "company_name": text,
                        }
                    ),
                }
                for number, (place_id, text) in enumerate(HARD.items())
                if (business_id := ids[place_id])
            ],
        )
        assert result.failed == 0
    store.set_lead_texts(
        [
            {"business_id": ids[place_id], "icebreaker": text, "subject_line": text}
            for place_id, text in HARD.items()
        ]
    )
    leads = list(store.iter_leads(campaign_id, {"emails": "any"}))
    for number, lead in enumerate(leads):
        verdict = VERDICTS[number % len(VERDICTS)]
        if verdict:
            store.update_email_verification(lead.business_id, lead.email, verdict)
    store.insert_businesses_batch(campaign_id, "00100", helsinki_places[:50])
    return len(list(store.iter_leads(campaign_id, {"emails": "any"})))


@pytest.fixture
def elsewhere(owner_engine):
    """Leaves a database that has nothing of what was exported."""

    def empty() -> None:
        with owner_engine.begin() as connection:
            connection.exec_driver_sql("delete from gmaps_campaigns")

    return empty


def lines_of(path) -> list[dict[str, Any]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line, parse_float=Decimal) for line in lines]


def leads_of(path) -> dict[str, dict[str, Any]]:
    read = lines_of if path.suffix == ".jsonl" else rows_of
    return {
        record["place_id"]: {name: value for name, value in record.items() if name not in OWN}
        for record in read(path)
    }


@pytest.mark.parametrize("file_format", ["csv", "jsonl"])
def test_what_was_imported_is_exported_as_it_was(
    store, campaign_id, full_leads, elsewhere, rows, tmp_path, file_format
) -> None:
    first, second = (tmp_path / f"{name}.{file_format}" for name in ("first", "second"))
    exported = export_leads(store, campaign_id, first, file_format=file_format, lead_filter=ALL)
    assert exported.leads == full_leads
    hours = {row.place_id: row.hours for row in rows(businesses) if row.email}
    elsewhere()

    report = import_files(store, [first], new_campaign="Elsewhere")

    assert (report.tally.inserted, report.tally.rejected) == (full_leads, 0)
    new_campaign = next(iter(store.list_campaigns())).campaign_id
    export_leads(store, new_campaign, second, file_format=file_format, lead_filter=ALL)
    before, after = leads_of(first), leads_of(second)
    assert after.keys() == before.keys()
    for place_id, lead in before.items():
        assert after[place_id] == lead
    # A file shows a text and the JSON that it is alike.
    assert {row.place_id: row.hours for row in rows(businesses)} == hours
    columns = set(next(iter(before.values())))
    assert not {
        name for name in columns if all(lead[name] in (None, "", []) for lead in before.values())
    }


def test_chosen_columns_come_back_where_they_tell_that_they_were_exported(
    store, campaign_id, full_leads, elsewhere, rows, tmp_path
) -> None:
    path = tmp_path / "leads.csv"
    names = (
        "business_id",
        "changed_at",
        "place_id",
        "name",
        "email",
        "bouncer_status",
        "icebreaker",
    )
    layout = Layout(columns={name: name for name in names})
    export_leads(store, campaign_id, path, layout=layout, lead_filter=ALL)
    before = {row.place_id: row for row in rows(businesses)}
    elsewhere()
    import_files(store, [path], new_campaign="Elsewhere")
    for row in rows(businesses):
        old = before[row.place_id]
        assert (row.name, row.email, row.bouncer_status, row.icebreaker) == (
            old.name, old.email, old.bouncer_status, old.icebreaker
        )  # fmt: skip
