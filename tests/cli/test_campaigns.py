"""Campaigns are created, listed and shown; money is exact text for machines."""

import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from campaigndb import CampaignStore

CampaignDb = Callable[..., Any]
ID = "00000000-0000-0000-0000-000000000001"


def test_a_campaign_is_created_with_its_zip_codes(
    campaigndb: CampaignDb, tmp_path: Path, owner_engine: Engine
) -> None:
    zip_file = tmp_path / "zips.txt"
    zip_file.write_text("\ufeff00120\n\n# a comment\n 00130 \n00120\n", encoding="utf-8")

    result = campaigndb(
        *["campaign", "create", "--name", "Käse", "--id", ID, "--zip", "00100", "--zip", "00120"],
        *[
            "--zip-file",
            zip_file,
            "--keyword",
            "café",
            "--keyword",
            "bar",
            "--location",
            "Helsinki",
        ],
        "--json",
    )

    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) == {
        "campaign_id": ID,
        "zip_count": 3,
        "duplicate_zip_count": 2,
        "replayed": False,
    }
    with owner_engine.connect() as connection:
        row = connection.execute(text("select name, keywords, location from gmaps_campaigns")).one()
        zips = connection.execute(
            text("select zip_code from gmaps_campaign_coverage order by zip_code")
        )
        assert tuple(row) == ("Käse", ["café", "bar"], "Helsinki")
        assert list(zips.scalars()) == ["00100", "00120", "00130"]


def test_the_same_id_again_is_the_same_campaign(campaigndb: CampaignDb) -> None:
    first = campaigndb("campaign", "create", "--name", "x", "--id", ID)
    again = campaigndb("campaign", "create", "--name", "x", "--id", ID)
    assert first.stdout == f"The campaign {ID} was created, with 0 ZIP codes.\n"
    assert again.stdout == f"The campaign {ID} was there already, with 0 ZIP codes.\n"
    assert "\n1 campaign\n" in campaigndb("campaign", "list").stdout


def test_money_is_exact_for_machines(
    campaigndb: CampaignDb, store: CampaignStore, campaign_id: uuid.UUID
) -> None:
    for _ in range(3):
        store.track_campaign_cost(campaign_id, "facebook", 1, "333333.1001")

    listed = json.loads(campaigndb("campaign", "list", "--json").stdout)
    shown = json.loads(campaigndb("campaign", "show", campaign_id, "--json").stdout)

    assert listed[0]["id"] == shown["id"] == str(campaign_id)
    assert listed[0]["actual_cost"] == shown["facebook_cost"] == "999999.3003"
    assert shown["linkedin_enrichment_cost"] == "0.0000"
    assert (shown["cost_entries"], shown["actual_zip_count"]) == (3, 2)


def test_a_list_shows_the_newest_first_and_says_what_it_leaves_out(
    campaigndb: CampaignDb, owner_engine: Engine
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(
            text(
                "insert into gmaps_campaigns (name, status, created_at)"
                " select 'number ' || n, case n when 3 then 'paused' else 'draft' end,"
                " timestamptz '2026-01-01 00:00Z' + n * interval '1 day'"
                " from generate_series(1, 5) as n"
            )
        )

    assert [row["name"] for row in json.loads(campaigndb("campaign", "list", "--json").stdout)] == [
        f"number {number}" for number in (5, 4, 3, 2, 1)
    ]
    short = campaigndb("campaign", "list", "--limit", 2).stdout
    assert short.endswith("\n2 of 5 campaigns\n")
    assert "number 4" in short
    assert "number 3" not in short
    paused = campaigndb("campaign", "list", "--status", "paused").stdout
    assert paused.endswith("\n1 campaign\n")
    assert "number 3" in paused
    assert campaigndb("campaign", "list", "--status", "failed").stdout == "0 campaigns\n"


def test_names_are_shown_as_they_are_but_do_not_steer_the_terminal(
    campaigndb: CampaignDb, store: CampaignStore
) -> None:
    created = store.create_campaign_with_coverage({"name": "[bold]x[/bold] \x1b[31m \u202e"})
    for output in (
        campaigndb("campaign", "list").stdout,
        campaigndb("campaign", "show", created.campaign_id).stdout,
    ):
        assert "[bold]x[/bold] \ufffd[31m" in output
        assert "\x1b" not in output
        assert "\u202e" not in output


def test_a_campaign_that_does_not_exist(campaigndb: CampaignDb) -> None:
    result = campaigndb("campaign", "show", ID)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"campaigndb: there is no campaign {ID}\n"


def test_a_list_without_a_limit_streams(owner_engine: Engine) -> None:
    """Memory does not grow with the number of campaigns, in any format."""
    peak = "import resource; print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    program = f"import subprocess, sys; subprocess.run(sys.argv[1:], check=True); {peak}"
    peaks: dict[str, list[int]] = {"text": [], "json": []}
    for number in (1_000, 39_000):
        with owner_engine.begin() as connection:
            connection.execute(
                text(
                    "insert into gmaps_campaigns (name, description) select 'number ' || n,"
                    " repeat('x', 900) from generate_series(1, :number) as n"
                ),
                {"number": number},
            )
        for name, options in (("text", []), ("json", ["--json"])):
            command = [sys.executable, "-m", "campaigndb.cli", "campaign", "list", "--limit", "0"]
            output = subprocess.run(
                [sys.executable, "-c", program, *command, *options],
                stdout=subprocess.PIPE,
                check=True,
                text=True,
            ).stdout.splitlines()
            peaks[name].append(int(output[-1]) // 1024)
            listed = sum("number " in line for line in output)
            assert listed == (1_000 if number == 1_000 else 40_000)
    for few, many in peaks.values():
        assert many < few + 15, peaks


def test_a_long_list_has_its_columns_in_line(campaigndb: CampaignDb, owner_engine: Engine) -> None:
    with owner_engine.begin() as connection:
        connection.execute(
            text(
                "insert into gmaps_campaigns (name) select 'n' || n from generate_series(1, 1500) n"
            )
        )
    lines = campaigndb("campaign", "list", "--limit", "0").stdout.splitlines()
    assert lines[-1] == "1,500 campaigns"
    assert len(lines) == 1502
    assert len({line.index("draft") for line in lines[1:-1]}) == 1
    machine = json.loads(campaigndb("campaign", "list", "--limit", "0", "--json").stdout)
    assert len(machine) == 1500
    assert campaigndb(
        "campaign", "list", "--limit", "0", "--status", "failed", "--json"
    ).stdout == ("[]\n")


def test_exports_are_listed_with_their_campaign(
    campaigndb: CampaignDb, store: CampaignStore, campaign_id: uuid.UUID, tmp_path: Path
) -> None:
    path = tmp_path / "leads.csv"
    for options in (["--preset", "hubspot", "--by", "Aino"], ["--filter", "emails=any", "--force"]):
        assert campaigndb("export", campaign_id, "-o", path, *options).exit_code == 0
    shown = campaigndb("campaign", "show", campaign_id).stdout
    assert "0 leads as csv for hubspot by Aino (duplicates=drop)" in shown
    newest, oldest = json.loads(campaigndb("campaign", "show", campaign_id, "--json").stdout)[
        "exports"
    ]
    assert (newest["filter"], oldest["preset"]) == (
        {"emails": "any", "duplicates": "drop"},
        "hubspot",
    )
