"""The progress file of an import, from which an interrupted import continues."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

from campaigndb.operations.importer.errors import ImportFileError
from campaigndb.operations.importer.scraped_file import Position
from campaigndb.operations.importer.source_file import FileIdentity

# Maximum number of rejections kept for the report. The file of rejects has all of them.
REJECTIONS_KEPT = 100


class Rejection(BaseModel):
    """A record that could not be stored: its file, its line, row or number, and the reason."""

    model_config = ConfigDict(frozen=True)

    file: str
    unit: str
    number: int
    reason: str


class OtherCampaign(BaseModel):
    """A campaign that owns places of the file, and the number of their records."""

    name: str
    places: int = 0
    records: int = 0


class Tally(BaseModel):
    """The outcome of records: inserted, updated, skipped, of another campaign or rejected.

    `skipped` counts unchanged records and those followed by another one of the same place in their
    batch. `rejections` has only the first ones. `other_campaigns` is by the campaigns' ids, if the
    role may read them.
    """

    records: int = 0
    inserted: int = 0
    updated: int = 0
    skipped: int = 0
    other_campaign: int = 0
    rejected: int = 0
    closed: int = 0
    first_emails: int = 0
    new_emails: int = 0
    rejections: list[Rejection] = []
    other_campaigns: dict[uuid.UUID, OtherCampaign] = {}

    def add(self, other: Tally) -> None:
        """Adds the counts of another tally."""
        for count in COUNTS:
            setattr(self, count, getattr(self, count) + getattr(other, count))
        self.rejections += other.rejections[: REJECTIONS_KEPT - len(self.rejections)]
        for campaign_id, campaign in other.other_campaigns.items():
            own = self.other_campaigns.setdefault(campaign_id, OtherCampaign(name=campaign.name))
            own.places += campaign.places
            own.records += campaign.records

    @property
    def stored(self) -> int:
        """The number of records whose places are in the campaign."""
        repeated = sum(other.records - other.places for other in self.other_campaigns.values())
        return self.inserted + self.updated + self.skipped - repeated


COUNTS = tuple(name for name, field in Tally.model_fields.items() if field.annotation is int)


class RejectsFileState(BaseModel):
    """The file of rejects, and how many of its bytes belong to committed batches."""

    path: Path
    size: int


class Progress(BaseModel):
    """The progress of an import. Everything up to `position` is committed.

    `evidence_from` is the start of the last batch that stored something. If sending it again
    inserts records, the progress belongs to another database.
    """

    file: FileIdentity
    file_format: str
    array: str | None
    encoding: str
    zip_code: str | None
    campaign_id: uuid.UUID
    position: Position
    evidence_from: Position
    tally: Tally
    rejects: RejectsFileState | None


class ProgressFile:
    """A file next to the imported one, for each campaign; elsewhere if the folder is read-only."""

    def __init__(self, imported: Path, target: str) -> None:
        key = hashlib.sha256(f"{imported.resolve()}\n{target}".encode()).hexdigest()[:12]
        name = f"{imported.name}.{key}.campaigndb-progress"
        beside = imported.resolve().parent
        self.is_beside = os.access(beside, os.W_OK)
        self.path = (beside if self.is_beside else _state_folder()) / name

    def load(self) -> Progress | None:
        """The last progress; None if there is no readable one."""
        try:
            with self._errors_explained("read"):
                return Progress.model_validate_json(self.path.read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return None

    def prepare(self) -> None:
        """Checks that the file can be written, before the first batch is stored."""
        unfinished = self._unfinished()
        with self._errors_explained("written"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.touch()
            unfinished.unlink()

    def save(self, progress: Progress) -> None:
        """Replaces the file at once, so that a killed process leaves no partial file."""
        unfinished = self._unfinished()
        with self._errors_explained("written"):
            try:
                unfinished.write_text(progress.model_dump_json(), encoding="utf-8")
                unfinished.replace(self.path)
            except BaseException:
                with contextlib.suppress(OSError):
                    unfinished.unlink()
                raise

    def _unfinished(self) -> Path:
        return self.path.with_name(f"{self.path.name}.{os.getpid()}")

    @contextmanager
    def _errors_explained(self, done: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if done == "read" and isinstance(error, (FileNotFoundError, NotADirectoryError)):
                raise  # there is no file
            advice = "" if self.is_beside else ": name another folder for it in XDG_STATE_HOME"
            raise ImportFileError(
                f"the progress file {self.path} cannot be {done}"
                f" ({error.strerror or error}){advice}"
            ) from None

    def remove(self) -> None:
        """Removes the file, and unfinished files of processes that were killed."""
        self.path.unlink(missing_ok=True)
        for unfinished in self.path.parent.glob(f"{glob.escape(self.path.name)}.*"):
            process = unfinished.suffix.removeprefix(".")
            if process.isdecimal() and not psutil.pid_exists(int(process)):
                unfinished.unlink(missing_ok=True)


def _state_folder() -> Path:
    home = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(home).expanduser() / "campaigndb"
