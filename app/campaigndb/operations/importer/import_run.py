"""The import: reads records, sends them in batches, and saves its progress after each batch."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from campaigndb import CampaignStore
from campaigndb.calling.errors import InvalidInputError, StoredFunctionError
from campaigndb.calling.json_codec import JsonText
from campaigndb.calling.results import BatchInserted, CampaignCreated, CampaignStatistics
from campaigndb.calling.store import BoundStore
from campaigndb.operations.counted import counted
from campaigndb.operations.importer.errors import ImportFileError, ImportRefusedError
from campaigndb.operations.importer.known_places import KnownPlaces
from campaigndb.operations.importer.progress_file import (
    REJECTIONS_KEPT,
    Progress,
    ProgressFile,
    Rejection,
    Tally,
)
from campaigndb.operations.importer.records_place import Judge
from campaigndb.operations.importer.rejects_file import RejectsFile
from campaigndb.operations.importer.scraped_file import FileFormat, Position, Record, ScrapedFile
from campaigndb.operations.importer.source_file import STANDARD_INPUT

DEFAULT_BATCH_SIZE = 1_000
# Maximum size of a batch. Up to three batches are in memory at once.
MAX_BATCH_BYTES = 4_000_000
# Namespace of the ids of new campaigns, which are made from a file's content and a name.
_NEW_CAMPAIGNS = uuid.UUID("6f0b1c1e-52f5-4c3a-9d0e-0d2f6a8f7b11")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """A file's detected format and the outcome of its records.

    `continued_after` is the line, row or record (`unit`) after which an interrupted import
    continued.
    """

    name: str
    description: str
    unit: str
    tally: Tally
    continued_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """A finished import: its files, the outcome of all records, and the campaign's counts.

    `failures` are the files that could not be read to their end. `campaign_id` and `statistics` are
    None if a new campaign would have stayed empty and was not created.
    """

    campaign_id: uuid.UUID | None
    files: tuple[FileReport, ...]
    failures: tuple[str, ...]
    tally: Tally
    statistics: CampaignStatistics | None

    @property
    def continued_after(self) -> int:
        """Where the first file was continued."""
        return self.files[0].continued_after if self.files else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportState:
    """The progress of a file: `bytes_read` of `size`, and its `tally` so far."""

    name: str
    bytes_read: int
    size: int
    position: Position
    tally: Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingOptions:
    """How the files are read; None to detect it by their content."""

    file_format: FileFormat | None = None
    array: str | None = None
    encoding: str | None = None

    def open(self, path: Path, judge: Judge) -> ScrapedFile:
        """Opens a file to read its records with these options."""
        return ScrapedFile(
            path,
            judge,
            file_format=self.file_format,
            array=self.array,
            encoding=self.encoding,
        )


@dataclass(kw_only=True)
class _Target:
    """The campaign. `new_name` is set if it still has to be created."""

    campaign_id: uuid.UUID
    new_name: str | None


def import_files(
    store: CampaignStore,
    paths: Sequence[Path],
    *,
    campaign_id: uuid.UUID | None = None,
    new_campaign: str | None = None,
    into_existing: bool = False,
    zip_code: str | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
    reading: ReadingOptions = ReadingOptions(),
    restart: bool = False,
    rejects_path: Path | None = None,
    on_progress: Callable[[ImportState], None] = lambda _: None,
    on_notice: Callable[[str], None] = lambda _: None,
) -> ImportReport:
    """Imports files into a campaign: the one with `campaign_id`, or a new one.

    Each batch is one transaction. An interrupted import continues after the last batch; `restart`
    reads from the beginning again. In both cases each place is stored once. A record that cannot be
    stored is counted and reported, and does not stop the others. Nor does a file that cannot be
    read, if there are several.

    Args:
        store: the stored functions.
        paths: files with JSON, CSV or Excel data; `-` is standard input.
        campaign_id: the campaign that owns the new businesses.
        new_campaign: the name of a campaign that is created with the first records that can be
            stored. The same files and name again, also after an interruption, mean the same
            campaign.
        into_existing: if another campaign of this name owns places of the file, import into it.
        zip_code: the ZIP code that was searched; default: each record's postal code.
        batch_size: the number of records in a batch.
        reading: how the files are read.
        restart: whether to ignore the progress of an interrupted import.
        rejects_path: where to write the rejected records, as JSON lines.
        on_progress: called after each batch.
        on_notice: called with messages for the user.

    Raises:
        ImportFileError: the only file cannot be read (to its end), or a campaign with the new
            name owns places of it. Earlier batches are stored.
        StoredFunctionError: the database failed. Earlier batches are stored.
    """
    if (campaign_id is None) == (new_campaign is None):
        raise ValueError("give either campaign_id or new_campaign")
    if campaign_id is not None:
        # Inserts nothing, but fails at once if the campaign does not exist.
        store.insert_businesses_batch(campaign_id, None, [])
    places = KnownPlaces(store)
    target: _Target | None = None
    reports: list[FileReport] = []
    failures: list[str] = []
    progress_files: list[ProgressFile] = []
    with ExitStack() as stack:
        rejects = None
        if rejects_path is not None:
            rejects = RejectsFile(rejects_path, paths, name_files=len(paths) > 1)
            stack.callback(rejects.close)
        for path in paths:
            progress_file = None
            last = None
            if path == STANDARD_INPUT:
                on_notice("standard input: an interrupted import cannot go on where it was")
            else:
                name = f"campaign {campaign_id}" if campaign_id else f"new {new_campaign}"
                progress_file = ProgressFile(path, name)
            try:
                with closing(reading.open(path, places.judge)) as file:
                    if progress_file is not None:
                        last = progress_file.load()
                        progress_file.prepare()
                        progress_files.append(progress_file)
                    if target is None:
                        known = campaign_id or (last.campaign_id if last else None)
                        new_id = known or _id_of_new(file, str(new_campaign))
                        target = _Target(campaign_id=new_id, new_name=new_campaign)
                    importing = _FileImport(
                        store=store,
                        places=places,
                        file=file,
                        target=target,
                        progress_file=progress_file,
                        batch_size=batch_size,
                        into_existing=into_existing,
                        array=reading.array,
                        zip_code=zip_code,
                        rejects=rejects,
                        is_first_try=last is None,
                        on_notice=on_notice,
                    )
                    start = importing.start(last, restart=restart, is_first=path == paths[0])
                    importing.run(on_progress)
                    reports.append(importing.report(start))
            except ImportFileError as error:
                if len(paths) == 1 or isinstance(error, ImportRefusedError):
                    raise
                failures.append(str(error))
    tally = Tally()
    for report in reports:
        tally.add(report.tally)
    exists = target is not None and target.new_name is None
    in_campaign = target.campaign_id if target is not None and exists else None
    statistics = None if in_campaign is None else store.update_campaign_statistics(in_campaign)
    if not failures:
        for progress_file in progress_files:
            progress_file.remove()
    return ImportReport(
        campaign_id=in_campaign,
        files=tuple(reports),
        failures=tuple(failures),
        tally=tally,
        statistics=statistics,
    )


def _id_of_new(file: ScrapedFile, name: str) -> uuid.UUID:
    """The id of a new campaign, made from the file's content and the name.

    The same file and name give the same campaign. A second campaign would stay empty, because a
    place stays in its campaign.
    """
    identity = file.source.identity
    return uuid.uuid5(_NEW_CAMPAIGNS, json.dumps([identity.size, identity.head_sha256, name]))


@dataclass(frozen=True, slots=True)
class Batch:
    """The records of a batch, and the text that is sent. Records with a problem are not sent."""

    records: list[Record]
    sent: list[Record]
    text: JsonText
    bytes_read: int

    @classmethod
    def of(cls, records: list[Record], bytes_read: int) -> Batch:
        """Makes a batch of these records."""
        sent = [record for record in records if record.problem is None]
        return cls(records, sent, _joined(sent), bytes_read)


def batches(
    file: ScrapedFile, records: Iterable[Record], batch_size: int = DEFAULT_BATCH_SIZE
) -> Iterator[Batch]:
    """The file's records in batches.

    Raises:
        ImportFileError: the rest of the file cannot be read. The batches before it were yielded.
    """
    batch: list[Record] = []
    size = 0
    try:
        for record in records:
            batch.append(record)
            size += record.size
            if len(batch) >= batch_size or size >= MAX_BATCH_BYTES:
                yield Batch.of(batch, file.source.bytes_read)
                batch, size = [], 0
    except ImportFileError:
        if batch:
            yield Batch.of(batch, file.source.bytes_read)
        raise
    if batch:
        yield Batch.of(batch, file.source.bytes_read)


@dataclass(kw_only=True)
class _FileImport:
    """One run over a file. `progress` is what has been committed."""

    store: CampaignStore
    places: KnownPlaces
    file: ScrapedFile
    target: _Target
    progress_file: ProgressFile | None
    batch_size: int
    into_existing: bool
    array: str | None
    zip_code: str | None
    rejects: RejectsFile | None
    is_first_try: bool
    on_notice: Callable[[str], None]

    def start(self, last: Progress | None, *, restart: bool, is_first: bool) -> Position:
        """Where an interrupted import of the file stopped, or the beginning."""
        self.progress = self._no_progress()
        name = self.file.name
        if last is not None and not restart:
            if not _same_work(last, self.progress):
                self.on_notice(f"{name} or its options changed since the interrupted import")
            elif not self._holds(last):
                self.on_notice("the database does not hold what the interrupted import had stored")
            else:
                self.progress = last
        start = self.progress.position
        if start.number:
            self.on_notice(f"continuing after {self.file.unit} {start.number:,}")
        elif last is not None:
            self.on_notice("starting from the beginning")
        if self.rejects is not None:
            self.rejects.go_on_after(self.progress.rejects, is_first=is_first)
        return start

    def run(self, on_progress: Callable[[ImportState], None]) -> None:
        try:
            records = self.file.records(self.progress.position)
            given = batches(self.file, records, self.batch_size)
            for batch in _made_ahead(given):
                tally, rejected = self._send(batch)
                self._note(batch, tally, rejected)
                on_progress(
                    ImportState(
                        name=self.file.name,
                        bytes_read=batch.bytes_read,
                        size=self.file.source.size,
                        position=self.progress.position,
                        tally=self.progress.tally,
                    )
                )
        except ImportRefusedError:
            raise
        except ImportFileError as error:
            raise ImportFileError(f"{error}; {self._stored_until_now()}") from None
        except StoredFunctionError:
            if self.progress.position.records:
                position = f"{self.file.unit} {self.progress.position.number:,}"
                self.on_notice(
                    f"{self.file.name}: stopped after {position}; {self._stored_until_now()}"
                )
            raise

    def report(self, start: Position) -> FileReport:
        return FileReport(
            name=self.file.name,
            description=self.file.description,
            unit=self.file.unit,
            tally=self.progress.tally,
            continued_after=start.number,
        )

    def _no_progress(self) -> Progress:
        return Progress(
            file=self.file.source.identity,
            file_format=self.file.format,
            array=self.array,
            encoding=self.file.source.encoding,
            zip_code=self.zip_code,
            campaign_id=self.target.campaign_id,
            position=Position(),
            evidence_from=Position(),
            tally=Tally(),
            rejects=None,
        )

    def _holds(self, last: Progress) -> bool:
        """Whether the last batch of an interrupted import is in the database."""
        records = self.file.records(last.evidence_from)
        committed = itertools.takewhile(lambda r: r.end.records <= last.position.records, records)
        sent = (self._send(batch)[0] for batch in batches(self.file, committed, self.batch_size))
        return all(tally.inserted == 0 for tally in sent)

    def _send(self, batch: Batch) -> tuple[Tally, list[tuple[Record, str]]]:
        """Stores the batch in one transaction."""
        rejected = [(record, record.problem) for record in batch.records if record.problem]
        tally = Tally(records=len(batch.records))
        if batch.sent:
            self._insert(batch.sent, batch.text, tally, rejected)
        rejected.sort(key=lambda item: item[0].end.records)
        tally.rejected = len(rejected)
        tally.rejections = [self._rejection(*item) for item in rejected[:REJECTIONS_KEPT]]
        return tally, rejected

    def _insert(
        self,
        records: list[Record],
        text: JsonText,
        tally: Tally,
        rejected: list[tuple[Record, str]],
    ) -> None:
        try:
            result = self._call(text)
        except StoredFunctionError as error:
            if not _is_about_a_record(error):
                raise
            if len(records) == 1:
                rejected.append((records[0], error.detail or error.error))
                return
            # The database refuses a record as a whole. Bisection finds it.
            middle = len(records) // 2
            for half in (records[:middle], records[middle:]):
                self._insert(half, _joined(half), tally, rejected)
            return
        rejected += [(records[item.index], item.reason) for item in result.rejected]
        tally.inserted += result.inserted
        tally.updated += result.updated
        tally.other_campaign += result.skipped_other_campaign
        tally.skipped += result.skipped - result.skipped_other_campaign - len(result.rejected)
        for name in ("closed", "first_emails", "new_emails"):
            setattr(tally, name, getattr(tally, name) + getattr(result, name))
        if result.skipped_other_campaign:
            owners = self.places.owners(text)
            owners.pop(self.target.campaign_id, None)
            tally.add(Tally(other_campaigns=owners))

    def _call(self, text: JsonText) -> BatchInserted:
        if self.target.new_name is not None:
            self._prefer_existing(self.target.new_name, text)
        name = self.target.new_name
        if name is None:
            return self.store.insert_businesses_batch(self.target.campaign_id, self.zip_code, text)

        def create_and_insert(store: BoundStore) -> tuple[CampaignCreated, BatchInserted]:
            created = store.create_campaign_with_coverage(
                {"id": self.target.campaign_id, "name": name}
            )
            result = store.insert_businesses_batch(self.target.campaign_id, self.zip_code, text)
            if len(result.rejected) == result.total:
                raise _NothingToStoreError(result)
            return created, result

        try:
            created, result = self.store.run_in_transaction(
                create_and_insert, isolation_level="READ COMMITTED"
            )
        except _NothingToStoreError as nothing:
            return nothing.result
        self.target.new_name = None
        if created.replayed and self.is_first_try:
            self.on_notice(
                f"{self.file.name} went into the campaign {self.target.campaign_id} before: "
                "into the same one again"
            )
        return result

    def _prefer_existing(self, name: str, text: JsonText) -> None:
        """Uses an existing campaign of the new name that owns places of the batch."""
        owners = self.places.owners(text)
        own = self.target.campaign_id
        found = [id_ for id_, owner in owners.items() if owner.name == name]
        if not found or own in found:
            return
        campaign_id, places = found[0], owners[found[0]].places
        said = (
            f'a campaign "{name}" exists ({campaign_id}) and holds'
            f" {counted(places, 'place')} of {self.file.name}"
        )
        if not self.into_existing:
            raise ImportRefusedError(
                f"{said}: import into it with --campaign {campaign_id}, or with --yes"
            )
        self.on_notice(f"{said}: into that one")
        self.target.campaign_id = self.progress.campaign_id = campaign_id
        self.target.new_name = None

    def _note(self, batch: Batch, tally: Tally, rejected: list[tuple[Record, str]]) -> None:
        if self.rejects is not None:
            for record, reason in rejected:
                self.rejects.write(record, self._rejection(record, reason))
        if tally.stored:
            self.progress.evidence_from = self.progress.position
        self.progress.position = batch.records[-1].end
        self.progress.tally.add(tally)
        self.progress.rejects = None if self.rejects is None else self.rejects.state()
        if self.progress_file is not None:
            self.progress_file.save(self.progress)

    def _rejection(self, record: Record, reason: str) -> Rejection:
        return Rejection(
            file=self.file.name, unit=self.file.unit, number=record.end.number, reason=reason
        )

    def _stored_until_now(self) -> str:
        stored = self.progress.tally.stored
        if not stored:
            return "nothing of it was stored"
        return f"until then stored: {counted(stored, 'record')} in {self.target.campaign_id}"


class _NothingToStoreError(Exception):
    """Rolls back the creation of a campaign if all its records are rejected."""

    def __init__(self, result: BatchInserted) -> None:
        super().__init__()
        self.result = result


def _made_ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Reads the next batch while the caller sends the current one."""
    with ThreadPoolExecutor(1, "import-reader") as reader:
        upcoming = reader.submit(next, batches, None)
        while (batch := upcoming.result()) is not None:
            upcoming = reader.submit(next, batches, None)
            yield batch


def _joined(records: Iterable[Record]) -> JsonText:
    return JsonText(f"[{','.join(record.text for record in records)}]")


def _same_work(last: Progress, now: Progress) -> bool:
    compared = {"file", "file_format", "array", "encoding", "zip_code", "campaign_id"}
    return last.model_dump(include=compared) == now.model_dump(include=compared)


def _is_about_a_record(error: StoredFunctionError) -> bool:
    """Whether the error is invalid input, or exceeds a limit of the server (class 54)."""
    if error.function == "create_campaign_with_coverage":
        return False
    is_too_much = (error.error_code or "").startswith("54")
    return isinstance(error, InvalidInputError) or is_too_much
