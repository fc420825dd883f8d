"""A file is there whole or not at all, and an export that was made is logged."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import uuid

import pytest
from sqlalchemy import text

from campaigndb import InvalidInputError, MissingReferenceError
from campaigndb.operations.exporter import ExportError, export_leads, named_columns
from tests.exporter.hard_texts import rows_of


def test_one_lead_an_address_unless_all_are_kept(store, campaign_id, add_lead, tmp_path) -> None:
    add_lead("first", "info@chain.fi")
    add_lead("second", "Info@Chain.fi")
    path = tmp_path / "leads.csv"
    assert export_leads(store, campaign_id, path).leads == 1
    assert [row["place_id"] for row in rows_of(path)] == ["first"]
    kept = {"duplicates": "keep"}
    assert export_leads(store, campaign_id, path, lead_filter=kept, force=True).leads == 2


def test_an_export_is_logged_with_who_when_how_many_and_which(
    store, campaign_id, add_lead, tmp_path
) -> None:
    add_lead("one")
    exported = export_leads(
        store,
        campaign_id,
        tmp_path / "leads.jsonl",
        file_format="jsonl",
        lead_filter={"emails": "any"},
        exported_by="Aino",
    )
    [logged] = store.get_campaign(campaign_id).exports
    assert (logged.id, logged.leads, logged.format, logged.exported_by) == (
        exported.export_id,
        1,
        "jsonl",
        "Aino",
    )
    assert logged.filter == {"emails": "any", "duplicates": "drop"}
    assert logged.exported_at == exported.exported_at


def test_since_last_finds_what_is_new_since_the_export_with_the_same_filter(
    store, campaign_id, add_lead, owner_engine, tmp_path
) -> None:
    def leads(**options) -> list[str]:
        path = tmp_path / "leads.csv"
        export_leads(store, campaign_id, path, since="last", force=True, **options)
        return [row["place_id"] for row in rows_of(path)]

    add_lead("old")
    assert leads() == ["old"]
    with owner_engine.begin() as connection:
        connection.execute(
            text("update gmaps_businesses set email_chosen_at = now() - interval '1 day'")
        )
    add_lead("new")
    assert leads() == ["new"]
    # Another filter has never been exported.
    assert leads(lead_filter={"emails": "any"}) == ["old", "new"]


def test_a_file_that_is_there_stays_unless_it_may_be_replaced(
    store, campaign_id, add_lead, tmp_path
) -> None:
    add_lead("one")
    path = tmp_path / "leads.csv"
    path.write_text("mine")
    with pytest.raises(ExportError, match="is there already: --force replaces it"):
        export_leads(store, campaign_id, path)
    assert path.read_text() == "mine"
    assert store.get_campaign(campaign_id).exports == ()
    export_leads(store, campaign_id, path, force=True)
    assert len(rows_of(path)) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["leads.csv"]


def test_a_full_disk_leaves_nothing_and_logs_nothing(
    store, campaign_id, add_lead, tmp_path, monkeypatch
) -> None:
    add_lead("one")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ExportError, match="cannot be written: No space left on device"):
        export_leads(store, campaign_id, tmp_path / "leads.csv")
    assert list(tmp_path.iterdir()) == []
    assert store.get_campaign(campaign_id).exports == ()


@pytest.mark.parametrize("file_format", ["csv", "jsonl", "parquet"])
def test_a_write_that_fails_in_the_middle_leaves_nothing(
    store, campaign_id, owner_engine, tmp_path, file_format
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(
            text(
                "insert into gmaps_businesses"
                " (campaign_id, place_id, name, email, email_source, is_safe, description)"
                " select cast(:id as uuid), 'p' || n, 'Place', n || '@halli.fi', 'google_maps',"
                " true, repeat(md5(n::text), 20)"
                " from generate_series(1, 5000) as n"
            ),
            {"id": campaign_id},
        )
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A file of more than this is refused, as by a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(ExportError, match="cannot be written"):
            export_leads(store, campaign_id, tmp_path / "leads", file_format=file_format)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []
    assert store.get_campaign(campaign_id).exports == ()
    # The connection is a good one again.
    assert export_leads(store, campaign_id, tmp_path / "leads").leads == 5000


def test_what_cannot_be_exported_makes_no_file(store, campaign_id, tmp_path) -> None:
    path = tmp_path / "leads.csv"
    with pytest.raises(InvalidInputError, match="is not one of emails"):
        export_leads(store, campaign_id, path, lead_filter={"email": "any"})
    with pytest.raises(MissingReferenceError):
        export_leads(store, uuid.uuid4(), path)
    with pytest.raises(ExportError, match="is a folder"):
        export_leads(store, campaign_id, tmp_path)
    for columns, message in (
        ("name,colour", "there is no column 'colour': business_id"),
        ("name,name", "the column 'name' comes twice"),
    ):
        with pytest.raises(ExportError, match=message):
            named_columns(columns)
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_leads(
    store, campaign_id, owner_engine, app_url, tmp_path
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(
            text(
                "insert into gmaps_businesses"
                " (campaign_id, place_id, name, email, email_source, is_safe, description)"
                " select cast(:id as uuid), 'p' || n, 'Place', n || '@halli.fi', 'google_maps',"
                " true, repeat(md5(n::text), 10) from generate_series(1, 40000) as n"
            ),
            {"id": campaign_id},
        )
    program = (
        "import sys, uuid\n"
        "from pathlib import Path\n"
        "from sqlalchemy import create_engine\n"
        "from campaigndb import CampaignStore\n"
        "from campaigndb.operations.exporter import export_leads\n"
        "store = CampaignStore(create_engine(sys.argv[1]), schema='public')\n"
        "def peak():\n"
        "    lines = Path('/proc/self/status').read_text().splitlines()\n"
        "    return int(next(line for line in lines if line.startswith('VmHWM')).split()[1])\n"
        "before = peak()\n"
        "done = export_leads(store, uuid.UUID(sys.argv[2]), Path(sys.argv[3]))\n"
        "after = peak()\n"
        "print(done.leads, (after - before) // 1024, after // 1024)\n"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            program,
            app_url.render_as_string(hide_password=False),
            str(campaign_id),
            str(tmp_path / "leads.csv"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    leads, grown, peak = map(int, done.stdout.split())
    assert leads == 40000
    assert (tmp_path / "leads.csv").stat().st_size > 15_000_000
    assert grown < 15
    assert peak < 100
