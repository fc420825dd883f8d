"""`campaigndb export`, as the role that may only call the functions."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.exporter.hard_texts import rows_of


@pytest.fixture
def export(app_url, tmp_path):
    """Runs the command in a process of its own, in an empty folder."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CAMPAIGNDB_", "PG"))
    }
    environment["DATABASE_URL"] = app_url.render_as_string(hide_password=False)

    def run(*arguments, **options):
        return subprocess.run(
            [sys.executable, "-m", "campaigndb.cli", "export", *map(str, arguments)],
            text=True,
            check=False,
            cwd=tmp_path,
            env=environment,
            stderr=subprocess.PIPE,
            **{"stdout": subprocess.PIPE} | options,
        )

    return run


def test_files_by_id_by_short_id_and_by_name(export, campaign_id, add_lead, tmp_path) -> None:
    add_lead("one")
    done = export(campaign_id, "--output", "leads.csv", "--preset", "hubspot")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "campaigndb: 1 lead in leads.csv\n"
    assert rows_of(tmp_path / "leads.csv")[0]["Company name"] == "Kauppahalli"
    assert export(str(campaign_id)[:8], "-o", "leads.jsonl").returncode == 0
    assert json.loads((tmp_path / "leads.jsonl").read_text())["place_id"] == "one"
    done = export("Helsinki", "--columns", "Email=email", "--filter", "emails=any")
    assert done.stdout == "Email\none@kauppahalli.fi\n"
    assert done.stderr == "campaigndb: 1 lead\n"


def test_campaigns_of_one_name_are_told_apart(export, store, campaign_id) -> None:
    other = store.create_campaign_with_coverage({"name": "Helsinki"}).campaign_id
    done = export("Helsinki")
    assert done.returncode == 2
    assert "2 campaigns are 'Helsinki': give one's id" in done.stderr
    assert str(other) in done.stderr
    assert "there is no campaign 'Espoo'" in export("Espoo").stderr


def test_bad_input_is_one_line(export, campaign_id, tmp_path) -> None:
    for arguments, message in (
        (["--preset", "gmail"], "there is no preset gmail: hubspot, instantly"),
        (["--columns", "colour"], "there is no column 'colour'"),
        (["--filter", "emails"], "is no KEY=VALUE"),
        (["--filter", "emails=good"], "p_filter.emails is not one of safe, verified, any, none"),
        (["--filter", "mail=any"], "p_filter.mail is not one of emails"),
        (["--filter", "{"], "--filter is no JSON object"),
        (["--since", "yesterday"], "is neither last nor a time"),
        (["--preset", "hubspot", "--columns", "name"], "give one of --preset and --columns"),
    ):
        done = export(campaign_id, "-o", "x.csv", *arguments)
        assert done.returncode == 2, arguments
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_goes_away_is_no_export(export, store, campaign_id, add_lead) -> None:
    add_lead("one")
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = export(campaign_id, stdout=writer)
    finally:
        os.close(writer)
    assert done.returncode == 141
    assert done.stderr == "campaigndb: the output was not read to its end\n"
    assert store.get_campaign(campaign_id).exports == ()
