"""An import that stopped, for whatever reason, goes on after its last committed batch."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from campaigndb import CampaignStore, StoredFunctionError
from campaigndb.calling.results import BatchInserted
from campaigndb.operations.importer import ImportReport, import_files

WriteLines = Callable[..., Path]
Places = Callable[[], dict[str, Any]]


class FailingStore(CampaignStore):
    """A store whose database goes away after some batches; it counts the records it sent."""

    batches_left = 1_000_000
    sent = 0

    def insert_businesses_batch(
        self, campaign_id: Any, zip_code: str | None, businesses: Any
    ) -> BatchInserted:
        if businesses:
            if self.batches_left == 0:
                raise StoredFunctionError("The server is gone", error_code="57P01")
            self.batches_left -= 1
        result = super().insert_businesses_batch(campaign_id, zip_code, businesses)
        self.sent += result.total
        return result


@pytest.fixture
def failing_store(app_engine: Engine) -> FailingStore:
    return FailingStore(app_engine, schema="public")


@pytest.fixture
def notices() -> list[str]:
    return []


@pytest.fixture
def lines(write_lines: WriteLines) -> Path:
    """100 records of one ZIP code, every tenth of them dirty."""
    return write_lines(
        *[
            f"dirty {number}"
            if number % 10 == 9
            else {"placeId": f"place {number}", "title": f"Café {number}", "postalCode": "00100"}
            for number in range(100)
        ]
    )


@pytest.fixture
def importing(notices: list[str]) -> Iterator[Callable[..., ImportReport]]:
    def run(store: CampaignStore, path: Path, **options: Any) -> ImportReport:
        notices.clear()
        return import_files(store, [path], batch_size=9, on_notice=notices.append, **options)

    return run


def progress_files(path: Path) -> list[Path]:
    return [file for file in path.parent.iterdir() if "campaigndb-progress" in file.name]


def interrupt(
    importing: Callable[..., ImportReport], store: FailingStore, path: Path, **options: Any
) -> None:
    """Stops after 4 batches, so after line 36."""
    store.batches_left = 4
    with pytest.raises(StoredFunctionError, match="The server is gone"):
        importing(store, path, **options)
    store.batches_left = 1_000_000
    store.sent = 0


def test_it_goes_on_where_it_stopped_and_reports_the_whole_file(
    failing_store: FailingStore,
    campaign_id: uuid.UUID,
    lines: Path,
    places: Places,
    importing: Callable[..., ImportReport],
    notices: list[str],
) -> None:
    interrupt(importing, failing_store, lines, campaign_id=campaign_id)
    assert len(places()) == 33
    assert len(progress_files(lines)) == 1

    report = importing(failing_store, lines, campaign_id=campaign_id)

    assert len(places()) == 90
    # What was sent: the last batch again, as evidence, and the 54 records that were missing.
    assert failing_store.sent == 8 + 57
    assert notices == [f"continuing after line {report.continued_after}"]
    assert report.continued_after == 36
    tally = report.tally
    assert (tally.records, tally.inserted, tally.rejected, tally.skipped) == (100, 90, 10, 0)
    assert [item.number for item in tally.rejections] == list(range(10, 101, 10))
    assert progress_files(lines) == []


@pytest.mark.parametrize("batches", range(1, 10, 2))
def test_wherever_it_stops_each_place_and_each_reject_is_there_once(
    failing_store: FailingStore,
    campaign_id: uuid.UUID,
    lines: Path,
    places: Places,
    importing: Callable[..., ImportReport],
    tmp_path: Path,
    batches: int,
) -> None:
    rejects = tmp_path / "rejects.jsonl"
    for _ in range(20):
        failing_store.batches_left = batches + 1
        try:
            report = importing(failing_store, lines, campaign_id=campaign_id, rejects_path=rejects)
        except StoredFunctionError:
            with rejects.open("a") as file:
                file.write('{"line": 0, "reason": "written, but its batch was not noted"}\n')
        else:
            break

    assert report.tally.inserted == len(places()) == 90
    assert report.tally.records == 100
    rejected = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [item["line"] for item in rejected] == list(range(10, 101, 10))


def test_elements_of_an_array_are_resumed_by_their_number(
    failing_store: FailingStore,
    campaign_id: uuid.UUID,
    tmp_path: Path,
    places: Places,
    importing: Callable[..., ImportReport],
) -> None:
    path = tmp_path / "places.json"
    path.write_text(json.dumps([{"placeId": str(n), "title": "x"} for n in range(100)]))
    interrupt(importing, failing_store, path, campaign_id=campaign_id)

    report = importing(failing_store, path, campaign_id=campaign_id)

    assert (report.continued_after, report.tally.inserted, len(places())) == (36, 100, 100)
    assert failing_store.sent == 9 + 64


def test_restart_reads_from_the_beginning(
    failing_store: FailingStore,
    campaign_id: uuid.UUID,
    lines: Path,
    places: Places,
    importing: Callable[..., ImportReport],
    notices: list[str],
) -> None:
    interrupt(importing, failing_store, lines, campaign_id=campaign_id)

    report = importing(failing_store, lines, campaign_id=campaign_id, restart=True)

    assert (report.tally.inserted, report.tally.skipped, len(places())) == (57, 33, 90)
    assert notices == ["starting from the beginning"]
    assert progress_files(lines) == []


def test_a_changed_file_is_read_from_the_beginning(
    failing_store: FailingStore,
    campaign_id: uuid.UUID,
    lines: Path,
    places: Places,
    importing: Callable[..., ImportReport],
    notices: list[str],
) -> None:
    interrupt(importing, failing_store, lines, campaign_id=campaign_id)
    lines.write_text('{"placeId": "new", "title": "x"}\n' + lines.read_text())

    report = importing(failing_store, lines, campaign_id=campaign_id)

    assert "changed since the interrupted import" in notices[0]
    assert report.continued_after == 0
    assert len(places()) == 91


def test_a_database_without_what_was_imported_is_noticed(
    failing_store: FailingStore,
    owner_engine: Engine,
    campaign_id: uuid.UUID,
    lines: Path,
    places: Places,
    importing: Callable[..., ImportReport],
    notices: list[str],
) -> None:
    """Another database, or one that was emptied: going on would leave out the beginning."""
    interrupt(importing, failing_store, lines, campaign_id=campaign_id)
    with owner_engine.begin() as connection:
        connection.execute(text("delete from gmaps_businesses"))

    report = importing(failing_store, lines, campaign_id=campaign_id)

    assert "does not hold" in notices[0]
    assert report.continued_after == 0
    assert len(places()) == 90


def test_another_campaign_starts_at_the_beginning(
    failing_store: FailingStore,
    campaign_id: uuid.UUID,
    other_campaign_id: uuid.UUID,
    lines: Path,
    importing: Callable[..., ImportReport],
) -> None:
    interrupt(importing, failing_store, lines, campaign_id=campaign_id)

    report = importing(failing_store, lines, campaign_id=other_campaign_id)

    assert report.continued_after == 0
    assert (report.tally.inserted, report.tally.other_campaign) == (57, 33)
    # The first campaign's import can still go on.
    assert importing(failing_store, lines, campaign_id=campaign_id).continued_after == 36


def test_the_campaign_that_was_created_is_not_created_twice(
    failing_store: FailingStore,
    owner_engine: Engine,
    lines: Path,
    places: Places,
    importing: Callable[..., ImportReport],
) -> None:
    interrupt(importing, failing_store, lines, new_campaign="Helsinki")

    report = importing(failing_store, lines, new_campaign="Helsinki")

    with owner_engine.connect() as connection:
        campaigns = connection.execute(text("select id, name from gmaps_campaigns")).all()
    assert campaigns == [(report.campaign_id, "Helsinki")]
    assert {row.campaign_id for row in places().values()} == {report.campaign_id}
    assert report.tally.inserted == 90


def test_a_campaign_that_cannot_be_created_leaves_nothing_behind(
    store: CampaignStore, lines: Path, importing: Callable[..., ImportReport]
) -> None:
    with pytest.raises(StoredFunctionError, match="name is missing"):
        importing(store, lines, new_campaign=" ")
    assert progress_files(lines) == []


def test_what_a_killed_process_was_writing_is_removed_and_that_of_a_living_one_is_not(
    failing_store: FailingStore,
    campaign_id: uuid.UUID,
    lines: Path,
    importing: Callable[..., ImportReport],
) -> None:
    interrupt(importing, failing_store, lines, campaign_id=campaign_id)
    (saved,) = progress_files(lines)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for process in (dead.pid, os.getppid()):
        saved.with_name(f"{saved.name}.{process}").write_text("{")

    importing(failing_store, lines, campaign_id=campaign_id)

    assert [file.suffix for file in progress_files(lines)] == [f".{os.getppid()}"]


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"\xff\xfe", b'{"position": [-1, "x"]}'])
def test_an_unreadable_progress_file_is_as_none(
    failing_store: FailingStore,
    campaign_id: uuid.UUID,
    lines: Path,
    places: Places,
    importing: Callable[..., ImportReport],
    content: bytes,
) -> None:
    interrupt(importing, failing_store, lines, campaign_id=campaign_id)
    progress_files(lines)[0].write_bytes(content)

    assert importing(failing_store, lines, campaign_id=campaign_id).continued_after == 0
    assert len(places()) == 90


def test_importing_again_changes_nothing(
    store: CampaignStore,
    campaign_id: uuid.UUID,
    lines: Path,
    places: Places,
    importing: Callable[..., ImportReport],
) -> None:
    importing(store, lines, campaign_id=campaign_id)
    before = places()

    report = importing(store, lines, campaign_id=campaign_id)

    assert (report.tally.inserted, report.tally.updated, report.tally.skipped) == (0, 0, 90)
    assert places() == before


def test_the_file_itself_is_never_taken_for_its_rejects(
    store: CampaignStore,
    campaign_id: uuid.UUID,
    lines: Path,
    importing: Callable[..., ImportReport],
) -> None:
    content = lines.read_bytes()
    with pytest.raises(Exception, match="is a file to import"):
        importing(store, lines, campaign_id=campaign_id, rejects_path=lines)
    assert lines.read_bytes() == content
