"""`campaigndb import`: the report, its exit codes, and going on after every kind of end."""

import json
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from campaigndb import CampaignStore

CampaignDb = Callable[..., Any]
StartProcess = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def dirty_file(tmp_path: Path) -> Path:
    path = tmp_path / "places.jsonl"
    lines = [
        json.dumps({"placeId": "1", "title": "one", "emails": ["a@example.org"]}),
        "no JSON \x1b[31m",
        json.dumps({"placeId": "2", "title": "two"}),
        json.dumps({"placeId": "1", "title": "one, again", "emails": ["a@example.org"]}),
        json.dumps({"title": "no place"}),
    ]
    path.write_text("\n".join(lines))
    return path


def count(engine: Engine, expression: str = "count(*)") -> int:
    with engine.connect() as connection:
        found = connection.execute(text(f"select {expression} from gmaps_businesses"))
        return int(found.scalar_one())


def test_the_report(campaigndb: CampaignDb, campaign_id: uuid.UUID, dirty_file: Path) -> None:
    result = campaigndb(
        "import", dirty_file, "--campaign", campaign_id, "--show-rejects", 1, "--rejects", "r.jsonl"
    )

    assert (result.exit_code, result.stderr) == (0, "")
    *counts, new_emails, read_as, last = result.stdout.splitlines()
    assert new_emails == "1 new address."
    assert read_as == f"{dirty_file} was read as: JSON lines, UTF-8."
    assert last == "The campaign has 2 businesses now, 1 of them with an email."
    assert [line.split("  (")[0].split() for line in counts] == [
        ["5", "records", "into", "the", "campaign", f"{campaign_id}:"],
        ["inserted", "2"],
        ["updated", "0"],
        ["skipped", "1"],
        ["other", "campaign", "0"],
        ["rejected", "2"],
        ["line", "2:", "not", "JSON:", "Expecting", "value", "(column", "1)"],
        ["and", "1", "more"],
        ["all", "of", "them:", "r.jsonl"],
    ]
    rejects = [json.loads(line) for line in Path("r.jsonl").read_text().splitlines()]
    assert rejects == [
        {"line": 2, "reason": "not JSON: Expecting value (column 1)", "text": "no JSON \x1b[31m"},
        {"line": 5, "reason": "no place_id", "record": {"title": "no place"}},
    ]


def test_the_report_says_what_changed_since_the_last_time(
    campaigndb: CampaignDb, campaign_id: uuid.UUID, tmp_path: Path
) -> None:
    places = [{"placeId": str(n), "title": "Kahvila"} for n in range(3)]
    before, after = tmp_path / "before.jsonl", tmp_path / "after.jsonl"
    before.write_text("\n".join(map(json.dumps, places)))
    places[0]["emails"] = "a@kahvila.fi, b@kahvila.fi"
    for place in places[1:]:
        place["permanentlyClosed"] = "true"
    after.write_text("\n".join(map(json.dumps, places)))
    first = campaigndb("import", before, "--campaign", campaign_id)
    assert "known place" not in first.stdout
    assert "new address" not in first.stdout

    result = campaigndb("import", after, "--campaign", campaign_id)

    assert (
        "2 known places closed.\n1 known place got a first email.\n2 new addresses.\n"
        in result.stdout
    )


def test_the_report_for_machines(
    campaigndb: CampaignDb, campaign_id: uuid.UUID, dirty_file: Path
) -> None:
    result = campaigndb("import", dirty_file, "--campaign", campaign_id, "--json")

    assert json.loads(result.stdout) == {
        "campaign_id": str(campaign_id),
        "records": 5,
        "inserted": 2,
        "updated": 0,
        "skipped": 1,
        "other_campaign": 0,
        "rejected": 2,
        "closed": 0,
        "first_emails": 0,
        "new_emails": 1,
        "rejections": [
            {"line": 2, "reason": "not JSON: Expecting value (column 1)"},
            {"line": 5, "reason": "no place_id"},
        ],
        "other_campaigns": [],
        "files": [{"name": str(dirty_file), "read_as": "JSON lines, UTF-8"}],
        "failures": [],
        "continued_after": 0,
        "total_businesses": 2,
        "total_emails": 1,
    }


def test_the_report_says_what_changed_since_the_last_scrape(
    campaigndb: CampaignDb, campaign_id: uuid.UUID, tmp_path: Path
) -> None:
    def import_records(*records: dict[str, Any]) -> str:
        path = tmp_path / "places.json"
        path.write_text(json.dumps(records))
        return str(campaigndb("import", path, "--campaign", campaign_id).stdout)

    first = {"placeId": "ChIJfirst", "title": "First"}
    other = {"placeId": "ChIJother", "title": "Other", "emails": ["a@other.example"]}
    assert "1 new address." in import_records(first, other)

    report = import_records(
        first | {"emails": ["a@first.example", "b@first.example"]},
        other | {"emails": ["b@other.example"], "permanentlyClosed": True},
    )

    for line in ("1 known place closed.", "1 known place got a first email.", "3 new addresses."):
        assert line in report.splitlines()


def test_a_new_campaign_is_created_and_counted(
    campaigndb: CampaignDb, owner_engine: Engine, dirty_file: Path
) -> None:
    assert campaigndb("import", dirty_file, "--new", "Helsinki").exit_code == 0
    listed = json.loads(campaigndb("campaign", "list", "--json").stdout)
    assert [(row["name"], row["total_businesses_found"]) for row in listed] == [("Helsinki", 2)]


def test_the_same_file_and_name_again_are_the_same_campaign(
    campaigndb: CampaignDb, owner_engine: Engine, dirty_file: Path
) -> None:
    first = json.loads(campaigndb("import", dirty_file, "--new", "Helsinki", "--json").stdout)
    moved = dirty_file.rename(dirty_file.with_name("moved.jsonl"))

    again = campaigndb("import", moved, "--new", "Helsinki", "--json")

    assert again.exit_code == 0
    report = json.loads(again.stdout)
    assert report["campaign_id"] == first["campaign_id"]
    assert (report["inserted"], report["other_campaign"], report["total_businesses"]) == (0, 0, 2)
    assert again.stderr == (
        f"campaigndb: {moved} went into the campaign {first['campaign_id']} before: "
        "into the same one again\n"
    )
    listed = json.loads(campaigndb("campaign", "list", "--json").stdout)
    assert [(row["name"], row["total_businesses_found"]) for row in listed] == [("Helsinki", 2)]


def test_another_file_or_name_is_another_campaign(
    campaigndb: CampaignDb, dirty_file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text('{"placeId": "3", "title": "three"}\n')
    for file, name in ((dirty_file, "Helsinki"), (other, "Helsinki"), (other, "Espoo")):
        assert campaigndb("import", file, "--new", name).stderr == ""
    assert campaigndb("campaign", "list").stdout.endswith("\n3 campaigns\n")


@pytest.mark.parametrize(
    ("content", "rejected"),
    [
        ("", 0),
        ("name,city\nx,y\n", 1),
        ('[{"title": "no place"}, {"placeId": "1", "name": " "}, 7]', 3),
    ],
)
def test_what_holds_nothing_to_store_makes_no_campaign(
    campaigndb: CampaignDb, tmp_path: Path, content: str, rejected: int
) -> None:
    path = tmp_path / "places"
    path.write_text(content)

    result = campaigndb("import", path, "--new", "Helsinki")

    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.endswith("\nNo record can be stored: no campaign was created.\n")
    assert f"rejected  {rejected:>16}\n" in result.stdout
    report = json.loads(campaigndb("import", path, "--new", "Helsinki", "--json").stdout)
    assert (report["campaign_id"], report["rejected"]) == (None, rejected)
    assert campaigndb("campaign", "list").stdout == "0 campaigns\n"
    assert [file.name for file in tmp_path.iterdir()] == ["places"]


def test_the_words_for_what_is_rejected_are_those_of_the_database(
    campaigndb: CampaignDb, campaign_id: uuid.UUID, tmp_path: Path
) -> None:
    path = tmp_path / "places.json"
    path.write_text('[{"title": "no place"}, {"placeId": "1", "name": " "}, 7]')
    into = ([f"--campaign={campaign_id}"], ["--new=Helsinki"])
    told = [json.loads(campaigndb("import", path, *where, "--json").stdout) for where in into]
    assert told[0]["rejections"] == told[1]["rejections"]


def test_a_progress_file_that_cannot_be_written_is_named_before_anything_is_stored(
    campaigndb: CampaignDb,
    monkeypatch: pytest.MonkeyPatch,
    owner_engine: Engine,
    dirty_file: Path,
) -> None:
    # Root may write everywhere.
    monkeypatch.setattr(
        "campaigndb.operations.importer.progress_file.os.access", lambda _, mode: mode != os.W_OK
    )
    monkeypatch.setenv("XDG_STATE_HOME", str(dirty_file))
    result = campaigndb("import", dirty_file, "--new", "Helsinki")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"campaigndb: the progress file {dirty_file}/campaigndb/")
    assert result.stderr.endswith(
        "(Not a directory): name another folder for it in XDG_STATE_HOME\n"
    )
    assert count(owner_engine) == 0


def test_importing_again_is_no_failure(
    campaigndb: CampaignDb, campaign_id: uuid.UUID, dirty_file: Path
) -> None:
    campaigndb("import", dirty_file, "--campaign", campaign_id)
    again = campaigndb("import", dirty_file, "--campaign", campaign_id, "--json")
    assert again.exit_code == 0
    assert json.loads(again.stdout)["inserted"] == 0


@pytest.mark.parametrize("content", ["", "name,city\nx,y\n", '[{"title": "no place"}]'])
def test_nothing_that_can_be_imported_is_exit_code_1(
    campaigndb: CampaignDb, campaign_id: uuid.UUID, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "places"
    path.write_text(content)
    result = campaigndb("import", path, "--campaign", campaign_id)
    assert (result.exit_code, result.stderr) == (1, "")
    assert "inserted                 0" in result.stdout


def test_only_places_of_another_campaign_are_exit_code_1(
    campaigndb: CampaignDb, campaign_id: uuid.UUID, dirty_file: Path
) -> None:
    campaigndb("import", dirty_file, "--new", "first")
    result = campaigndb("import", dirty_file, "--campaign", campaign_id, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["other_campaign"] == 2


def test_a_damaged_array_is_exit_code_2(
    campaigndb: CampaignDb, campaign_id: uuid.UUID, tmp_path: Path, owner_engine: Engine
) -> None:
    path = tmp_path / "places.json"
    path.write_text('[{"placeId": "1", "title": "x"}, {"placeId": ')
    result = campaigndb("import", path, "--campaign", campaign_id)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"campaigndb: {path}: after record 1 the JSON ends too early: the file is cut off; "
        f"until then stored: 1 record in {campaign_id}\n"
    )
    assert count(owner_engine) == 1


def test_a_campaign_that_does_not_exist_is_exit_code_2(
    campaigndb: CampaignDb, dirty_file: Path
) -> None:
    campaign_id = uuid.uuid4()
    result = campaigndb("import", dirty_file, "--campaign", campaign_id)
    assert result.exit_code == 2
    assert f"there is no campaign {campaign_id}" in result.stderr
    assert result.stderr.count("\n") == 1


def test_several_files_and_a_folder_go_in_and_a_damaged_one_does_not_stop_the_others(
    campaigndb: CampaignDb, campaign_id: uuid.UUID, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.csv").write_text("place_id;name;postal_code\nc1;Csv One;02116\nc2;;\n")
    (folder / "b.json").write_text('[{"placeId": "j1", "title": "x"}')
    (folder / ".hidden").write_text("x")
    (folder / "c.html").write_text("<html></html>")
    lines = tmp_path / "z.jsonl"
    lines.write_text('{"placeId": "l1", "title": "x"}\nno JSON\n')

    arguments = ["import", folder, lines, "--campaign", campaign_id, "--rejects", "r.jsonl"]
    result = campaigndb(*arguments)

    assert result.exit_code == 2
    assert result.stderr == (
        f"campaigndb: {folder}/b.json: after record 1 the JSON ends too early: the file is cut "
        f"off; until then stored: 1 record in {campaign_id}\n"
        f"campaigndb: {folder}/c.html is an HTML page, no file of records\n"
    )
    assert f"    {folder}/a.csv, row 3: no name\n    {lines}, line 2: not JSON" in result.stdout
    assert "The campaign has 3 businesses now" in result.stdout
    assert [json.loads(line) for line in Path("r.jsonl").read_text().splitlines()] == [
        {"file": f"{folder}/a.csv", "row": 3, "reason": "no name", "record": {"place_id": "c2"}},
        {
            "file": str(lines),
            "line": 2,
            "reason": "not JSON: Expecting value (column 1)",
            "text": "no JSON",
        },
    ]
    # The files that were done are not sent again; their counts are in the report of the whole.
    (folder / "b.json").write_text('[{"placeId": "j1", "title": "x"}]')
    (folder / "c.html").unlink()
    again = campaigndb(*arguments, "--json")
    assert again.exit_code == 0
    report = json.loads(again.stdout)
    assert (report["inserted"], report["rejected"], report["total_businesses"]) == (2, 2, 3)
    assert list(tmp_path.rglob("*campaigndb-progress*")) == []


def test_standard_input_is_read_and_cannot_be_resumed(
    campaigndb: CampaignDb,
    campaign_id: uuid.UUID,
    dirty_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with dirty_file.open() as file:
        monkeypatch.setattr("sys.stdin", file)
        result = campaigndb("import", "-", "--campaign", campaign_id)
    assert result.exit_code == 0
    assert result.stderr == (
        "campaigndb: standard input: an interrupted import cannot go on where it was\n"
    )
    assert "standard input was read as: JSON lines, UTF-8.\n" in result.stdout
    assert [file.name for file in dirty_file.parent.iterdir()] == [dirty_file.name]


@pytest.mark.parametrize("yes", [False, True])
def test_a_campaign_of_the_new_ones_name_with_places_of_the_file_is_offered(
    campaigndb: CampaignDb, dirty_file: Path, tmp_path: Path, yes: bool
) -> None:
    first = json.loads(campaigndb("import", dirty_file, "--new", "Helsinki", "--json").stdout)
    later = tmp_path / "later.jsonl"
    later.write_text('{"placeId": "3", "title": "three"}\n{"placeId": "2", "title": "two again"}\n')

    result = campaigndb("import", later, "--new", "Helsinki", "--json", *["--yes"][: int(yes)])

    said = f'a campaign "Helsinki" exists ({first["campaign_id"]}) and holds 1 place of {later}'
    if yes:
        assert (result.exit_code, result.stderr) == (0, f"campaigndb: {said}: into that one\n")
        report = json.loads(result.stdout)
        assert report["campaign_id"] == first["campaign_id"]
        assert (report["inserted"], report["updated"]) == (1, 1)
    else:
        assert (result.exit_code, result.stdout) == (2, "")
        offered = f"import into it with --campaign {first['campaign_id']}, or with --yes"
        assert result.stderr == f"campaigndb: {said}: {offered}\n"
    assert campaigndb("campaign", "list").stdout.endswith("\n1 campaign\n")


def test_the_campaigns_that_own_places_of_the_file_are_named(
    campaigndb: CampaignDb, campaign_id: uuid.UUID, dirty_file: Path
) -> None:
    first = json.loads(campaigndb("import", dirty_file, "--new", "first", "--json").stdout)
    shown = campaigndb("import", dirty_file, "--campaign", campaign_id)
    assert f"    2 places of first ({first['campaign_id']})\n" in shown.stdout
    report = json.loads(campaigndb("import", dirty_file, "--new", "x", "--json").stdout)
    assert report["other_campaigns"] == [
        {"campaign_id": first["campaign_id"], "name": "first", "places": 2}
    ]


def test_a_line_of_progress_is_written_where_there_is_no_terminal(
    campaigndb: CampaignDb,
    campaign_id: uuid.UUID,
    dirty_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("campaigndb.cli.import_file.SECONDS_BETWEEN_LINES", 0.0)
    result = campaigndb("import", dirty_file, "--campaign", campaign_id, "--batch-size", 3)
    assert result.stderr == (
        f"campaigndb: {dirty_file}: 3 records, 100% read\n"
        f"campaigndb: {dirty_file}: 5 records, 100% read\n"
    )


RECORDS = 3000


@pytest.fixture
def large_file(tmp_path: Path) -> Path:
    path = tmp_path / "large.jsonl"
    with path.open("w") as file:
        for number in range(RECORDS):
            record = {"placeId": f"place {number}", "title": "x", "postalCode": "00100"}
            file.write(json.dumps(record) + "\n")
    return path


@pytest.mark.parametrize(
    ("ending", "exit_code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)]
)
def test_an_import_that_is_ended_midway_is_completed_by_the_next(
    campaigndb: CampaignDb,
    campaigndb_process: StartProcess,
    owner_engine: Engine,
    store: CampaignStore,
    large_file: Path,
    ending: signal.Signals,
    exit_code: int,
) -> None:
    arguments = ["import", large_file, "--new", "Helsinki", "--batch-size", 5]
    process = campaigndb_process(*arguments)
    deadline = time.monotonic() + 60
    while count(owner_engine) < 100:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(ending)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == exit_code
    interrupted_at = count(owner_engine)
    assert 100 <= interrupted_at < RECORDS
    if ending is signal.SIGINT:
        line = "campaigndb: interrupted: the same command again goes on where it stopped\n"
        assert errors == line

    result = campaigndb(*arguments, "--json")

    report = json.loads(result.stdout)
    # The batch that was committed but not noted, if there was one, is sent again.
    assert interrupted_at - 5 <= report["continued_after"] <= interrupted_at
    first_line = result.stderr.splitlines()[0]  # lines of progress may follow
    assert first_line == f"campaigndb: continuing after line {report['continued_after']:,}"
    assert result.exit_code == 0
    assert report["records"] == RECORDS
    assert count(owner_engine) == count(owner_engine, "count(distinct place_id)") == RECORDS
    with owner_engine.connect() as connection:
        campaigns = connection.execute(
            text("select id::text, total_businesses_found from gmaps_campaigns")
        ).all()
    assert campaigns == [(report["campaign_id"], RECORDS)]
    assert list(large_file.parent.glob("*campaigndb-progress*")) == []
