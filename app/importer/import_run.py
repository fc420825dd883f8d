"""The import: reads records, sends them in batches, and notes after each batch how far it came."""

from __future__ import annotations

import itertools
import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.application_path.json_values import as_text
from app.errors import InvalidInputError, StoredFunctionError
from app.importer.errors import ImportFileError
from app.importer.progress_file import Progress, ProgressFile, Rejection, Tally
from app.importer.record_json import WHITE_SPACE
from app.importer.rejects_file import RejectsFile
from app.importer.scraped_file import FileFormat, Position, Record, ScrapedFile
from app.results import CampaignStatistics
from app.stored_functions import StoredFunctions

DEFAULT_BATCH_SIZE = 500
# Where ZIP codes are mixed, so many batches' records are read to find those of one ZIP code.
BATCHES_GATHERED = 10
# Well below what one jsonb value may hold, whatever the batch size.
MAX_BATCH_BYTES = 16_000_000
# Of the ids of new campaigns, each of a file's content and a campaign's name.
_NEW_CAMPAIGNS = uuid.UUID("6f0b1c1e-52f5-4c3a-9d0e-0d2f6a8f7b11")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """A finished import: what became of every record of the file, and the campaign's counts.

    `continued_after` is the line or record (`unit`) after which an interrupted import went on.
    `campaign_id` and `statistics` are None where a new campaign would have stayed empty: it was not
    created.
    """

    campaign_id: uuid.UUID | None
    unit: str
    tally: Tally
    continued_after: int
    statistics: CampaignStatistics | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportState:
    """How far a running import is. `bytes_read` of `size` bytes; `tally` so far."""

    bytes_read: int
    size: int
    position: Position
    tally: Tally


def import_file(
    store: StoredFunctions,
    path: Path,
    *,
    campaign_id: uuid.UUID | None = None,
    new_campaign: str | None = None,
    zip_code: str | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
    file_format: FileFormat | None = None,
    array: str | None = None,
    restart: bool = False,
    rejects_path: Path | None = None,
    on_progress: Callable[[ImportState], None] = lambda _: None,
    on_notice: Callable[[str], None] = lambda _: None,
) -> ImportReport:
    """Imports a file into a campaign: the one with `campaign_id`, or a new one.

    Each ZIP code's records in a batch are one transaction. An import that was interrupted, for
    whatever reason, goes on after the last batch; `restart` reads from the beginning again.
    Either way each place is stored once. A record that cannot be stored is counted and reported,
    and does not stop the others.

    Args:
        store: the stored functions.
        path: JSON lines, a JSON array, or an object with one; also compressed by gzip.
        campaign_id: the campaign that owns the new businesses.
        new_campaign: a name: the campaign is created with the first records that can be stored.
            The same file and name again, also after an interruption, are the same campaign.
        zip_code: the ZIP code that was searched; default: each record's own postal code.
        batch_size: records of one ZIP code that are sent at once.
        file_format: `jsonl` or `json`; default: told by the content.
        array: the key of the array, where a JSON object holds several.
        restart: whether to ignore how far an interrupted import came.
        rejects_path: where to write the rejected records, as JSON lines.
        on_progress: called after each batch.
        on_notice: called with what a user should know about how the import goes.

    Raises:
        ImportFileError: the file cannot be read (to its end); what was read before is stored.
        StoredFunctionError: the database failed; what was sent before is stored.
    """
    if (campaign_id is None) == (new_campaign is None):
        raise ValueError("give either campaign_id or new_campaign")
    with ExitStack() as stack:
        file = ScrapedFile(path, file_format, array)
        stack.callback(file.close)
        target = f"campaign {campaign_id}" if new_campaign is None else f"new {new_campaign}"
        progress_file = ProgressFile(path, target)
        last = progress_file.load()
        progress_file.prepare()
        if campaign_id is None:
            assert new_campaign is not None
            campaign_id = last.campaign_id if last else _id_of_new(file, new_campaign)
        progress = Progress(
            file=file.identity,
            file_format=file.format,
            array=array,
            zip_code=zip_code,
            campaign_id=campaign_id,
            position=Position(),
            evidence_from=Position(),
            tally=Tally(),
            rejects=None,
        )
        importing = _Import(store, file, progress, progress_file, batch_size, new_campaign)
        if new_campaign is None:
            # Nothing to insert, but a campaign that does not exist is an error right now.
            store.insert_businesses_batch(campaign_id, None, [])
        elif last is None:
            importing.on_campaign_found = lambda: on_notice(
                f"{path} went into the campaign {campaign_id} before: into the same one again"
            )
        if last is not None and not restart:
            if not _same_work(last, progress):
                on_notice(f"{path} or its options changed since the interrupted import")
            elif not importing.holds(last):
                on_notice("the database does not hold what the interrupted import had stored")
            else:
                importing.progress = last
        start = importing.progress.position
        if start.number:
            on_notice(f"continuing after {file.unit} {start.number:,}")
        elif last is not None:
            on_notice("starting from the beginning")
        if rejects_path is not None:
            importing.rejects = RejectsFile(rejects_path, path, importing.progress.rejects)
            stack.callback(importing.rejects.close)
        importing.run(on_progress)
        has_campaign = importing.new_campaign is None
        statistics = store.update_campaign_statistics(campaign_id) if has_campaign else None
        progress_file.remove()
        return ImportReport(
            campaign_id=campaign_id if has_campaign else None,
            unit=file.unit,
            tally=importing.progress.tally,
            continued_after=start.number,
            statistics=statistics,
        )


def _same_work(last: Progress, now: Progress) -> bool:
    compared = {"file", "file_format", "array", "zip_code", "campaign_id"}
    return last.model_dump(include=compared) == now.model_dump(include=compared)


def _id_of_new(file: ScrapedFile, name: str) -> uuid.UUID:
    """Always the same of one content and name: nothing has to remember which campaign it was.

    A second campaign of the same records would stay empty, as a place stays where it is.
    """
    content = [file.identity.size, file.identity.head_sha256, name]
    return uuid.uuid5(_NEW_CAMPAIGNS, json.dumps(content))


class _Import:
    """One run over a file; `progress` is what is committed so far.

    `new_campaign` is the name of a campaign that is still to be created.
    """

    def __init__(
        self,
        store: StoredFunctions,
        file: ScrapedFile,
        progress: Progress,
        progress_file: ProgressFile,
        batch_size: int,
        new_campaign: str | None,
    ) -> None:
        self.store = store
        self.file = file
        self.progress = progress
        self.progress_file = progress_file
        self.batch_size = batch_size
        self.new_campaign = new_campaign
        self.on_campaign_found: Callable[[], None] = lambda: None
        self.rejects: RejectsFile | None = None

    def _create_campaign(self) -> None:
        """A new campaign, once there is something for it."""
        if self.new_campaign is not None:
            created = self.store.create_campaign_with_coverage(
                {"id": self.progress.campaign_id, "name": self.new_campaign}
            )
            self.new_campaign = None
            if created.replayed:
                self.on_campaign_found()

    def holds(self, last: Progress) -> bool:
        """Whether the last batch that `last` tells of is in the database."""
        records = self.file.records(last.evidence_from)
        committed = itertools.takewhile(lambda r: r.end.number <= last.position.number, records)
        sent = (self._send(batch)[0] for batch in self._batches(committed))
        return all(tally.inserted == 0 for tally in sent)

    def run(self, on_progress: Callable[[ImportState], None]) -> None:
        for batch in self._batches(self.file.records(self.progress.position)):
            tally, rejected = self._send(batch)
            self._note(batch, tally, rejected)
            on_progress(
                ImportState(
                    bytes_read=self.file.bytes_read,
                    size=self.file.size,
                    position=self.progress.position,
                    tally=self.progress.tally,
                )
            )

    def _note(self, batch: list[Record], tally: Tally, rejected: list[tuple[Record, str]]) -> None:
        for record, reason in rejected:
            if self.rejects is not None:
                self.rejects.write(self.file.unit, record, reason)
        if tally.stored:
            self.progress.evidence_from = self.progress.position
        self.progress.position = batch[-1].end
        self.progress.tally.add(tally)
        self.progress.rejects = None if self.rejects is None else self.rejects.state()
        self.progress_file.save(self.progress)

    def _batches(self, records: Iterable[Record]) -> Iterator[list[Record]]:
        """Batches with at most the wanted number of records of each ZIP code.

        A batch ends early before a place that it has under another ZIP code: the ZIP codes are
        sent one after the other, and of two records of one place the later one has to win.
        """
        batch = _Batch()
        try:
            for record in records:
                place, zip_code = _place_id(record.value), self._zip_code(record.value)
                if place is not None and batch.zip_of_place.get(place, zip_code) != zip_code:
                    yield batch.records
                    batch = _Batch()
                batch.add(record, place, zip_code)
                if batch.is_full(self.batch_size):
                    yield batch.records
                    batch = _Batch()
        except ImportFileError:
            if batch.records:  # what could be read is stored
                yield batch.records
            raise
        if batch.records:
            yield batch.records

    def _send(self, batch: list[Record]) -> tuple[Tally, list[tuple[Record, str]]]:
        """Stores the batch, one transaction a ZIP code."""
        by_zip_code: dict[str | None, list[Record]] = {}
        rejected: list[tuple[Record, str]] = []
        for record in batch:
            problem = record.problem
            if problem is None and self.new_campaign is not None:
                problem = _surely_rejected(record.value)
            if problem is None:
                by_zip_code.setdefault(self._zip_code(record.value), []).append(record)
            else:
                rejected.append((record, problem))
        if by_zip_code:
            self._create_campaign()
        tally = Tally(records=len(batch))
        for zip_code, records in by_zip_code.items():
            self._insert(zip_code, records, tally, rejected)
        rejected.sort(key=lambda item: item[0].end.number)
        tally.rejected = len(rejected)
        tally.rejections = [
            Rejection(number=record.end.number, reason=reason) for record, reason in rejected
        ]
        return tally, rejected

    def _insert(
        self,
        zip_code: str | None,
        records: list[Record],
        tally: Tally,
        rejected: list[tuple[Record, str]],
    ) -> None:
        try:
            result = self.store.insert_businesses_batch(
                self.progress.campaign_id, zip_code, [record.value for record in records]
            )
        except StoredFunctionError as error:
            if not _is_about_a_record(error):
                raise
            if len(records) == 1:
                rejected.append((records[0], error.detail or error.error))
                return
            # One record that the database refuses as a whole: halving finds it.
            middle = len(records) // 2
            self._insert(zip_code, records[:middle], tally, rejected)
            self._insert(zip_code, records[middle:], tally, rejected)
            return
        places = [_place_id(record.value) for record in records]
        for item in result.rejected:
            rejected.append((records[item.index], item.reason))
            places[item.index] = None
        known = [place for place in places if place is not None]
        tally.repeated += len(known) - len(set(known))
        tally.inserted += result.inserted
        tally.updated += result.updated
        tally.other_campaign += result.skipped_other_campaign
        tally.skipped += result.skipped - result.skipped_other_campaign - len(result.rejected)

    def _zip_code(self, record: Any) -> str | None:
        if self.progress.zip_code is not None:
            return self.progress.zip_code
        return _postal_code(record)


@dataclass
class _Batch:
    """Records that are sent before the next ones are read."""

    records: list[Record] = field(default_factory=list)
    size: int = 0
    of_zip: Counter[str | None] = field(default_factory=Counter)
    largest: int = 0
    zip_of_place: dict[str, str | None] = field(default_factory=dict)

    def add(self, record: Record, place: str | None, zip_code: str | None) -> None:
        self.records.append(record)
        self.size += record.size
        self.of_zip[zip_code] += 1
        self.largest = max(self.largest, self.of_zip[zip_code])
        if place is not None:
            self.zip_of_place[place] = zip_code

    def is_full(self, batch_size: int) -> bool:
        return (
            self.largest >= batch_size
            or len(self.records) >= batch_size * BATCHES_GATHERED
            or self.size >= MAX_BATCH_BYTES
        )


def _is_about_a_record(error: StoredFunctionError) -> bool:
    """Invalid input, or more than a limit of the server allows (class 54)."""
    is_too_much = (error.error_code or "").startswith("54")
    return isinstance(error, InvalidInputError) or is_too_much


def _surely_rejected(record: Any) -> str | None:
    """Why the stored function will reject the record, in its words; None where it decides."""
    if not isinstance(record, dict):
        return "not a JSON object"
    if all(_is_nothing(record.get(name)) for name in ("place_id", "placeId")):
        return "no place_id"
    if all(_is_nothing(record.get(name)) for name in ("name", "title")):
        return "no name"
    return None


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip(WHITE_SPACE))


def _place_id(record: Any) -> str | None:
    """The place that the record is of, as the stored function reads it."""
    if not isinstance(record, dict):
        return None
    for value in (record.get("place_id"), record.get("placeId")):
        if isinstance(value, float):
            # JSON has its digits, and PostgreSQL writes them without an exponent.
            return _stored_text(Decimal(repr(value)))
        if isinstance(value, (str, int, Decimal)) and not isinstance(value, bool):
            return _stored_text(value)
    return None


def _postal_code(record: Any) -> str | None:
    """The record's postal code, as the stored function reads it."""
    if not isinstance(record, dict):
        return None
    value = record.get("postal_code")
    if value is None:
        value = record.get("postalCode")
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    return _stored_text(value)


def _stored_text(value: str | int | Decimal) -> str | None:
    # Without what PostgreSQL's text cannot hold: halves of surrogate pairs and NUL.
    text = (as_text(value) or "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").strip(WHITE_SPACE) or None
