"""What an interrupted import leaves behind, so that the next one goes on where it stopped."""

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

from app.importer.errors import ImportFileError
from app.importer.scraped_file import FileIdentity, Position

# Shown at the end of an import; all of them go to the file of rejects.
REJECTIONS_KEPT = 100


class Rejection(BaseModel):
    """A record that could not be stored: the line (or the record's number), and why."""

    model_config = ConfigDict(frozen=True)

    number: int
    reason: str


class Tally(BaseModel):
    """What became of the records: inserted, updated, skipped, of another campaign or rejected.

    `skipped` are unchanged ones and, counted in `repeated` too, those that another one of the same
    place followed in their batch. `rejections` are the first ones only.
    """

    records: int = 0
    inserted: int = 0
    updated: int = 0
    skipped: int = 0
    repeated: int = 0
    other_campaign: int = 0
    rejected: int = 0
    rejections: list[Rejection] = []

    def add(self, other: Tally) -> None:
        self.records += other.records
        self.inserted += other.inserted
        self.updated += other.updated
        self.skipped += other.skipped
        self.repeated += other.repeated
        self.other_campaign += other.other_campaign
        self.rejected += other.rejected
        self.rejections += other.rejections[: REJECTIONS_KEPT - len(self.rejections)]

    @property
    def stored(self) -> int:
        """Places of the campaign that the records were of."""
        return self.inserted + self.updated + self.skipped - self.repeated


class RejectsFileState(BaseModel):
    """Which file got the rejects, and how many bytes of it are of committed batches."""

    path: Path
    size: int


class Progress(BaseModel):
    """How far an import came. All up to `position` is committed.

    `evidence_from` is where the last batch that stored something begins: sending it again must
    insert nothing, or the database is not the one that this progress is about.
    """

    file: FileIdentity
    file_format: str
    array: str | None
    zip_code: str | None
    campaign_id: uuid.UUID
    position: Position
    evidence_from: Position
    tally: Tally
    rejects: RejectsFileState | None


class ProgressFile:
    """Beside the imported file, one for each campaign; elsewhere if that folder is read-only."""

    def __init__(self, imported: Path, target: str) -> None:
        key = hashlib.sha256(f"{imported.resolve()}\n{target}".encode()).hexdigest()[:12]
        name = f"{imported.name}.{key}.campaigndb-progress"
        beside = imported.resolve().parent
        self.is_beside = os.access(beside, os.W_OK)
        self.path = (beside if self.is_beside else _state_folder()) / name

    def load(self) -> Progress | None:
        """The last progress; None if there is none that can be read."""
        try:
            with self._errors_explained("read"):
                return Progress.model_validate_json(self.path.read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return None

    def prepare(self) -> None:
        """Fails where it cannot be written: before a batch is stored rather than after it."""
        unfinished = self._unfinished()
        with self._errors_explained("written"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.touch()
            unfinished.unlink()

    def save(self, progress: Progress) -> None:
        """Whole or not at all, also when the process is killed meanwhile."""
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
                raise  # there is none
            advice = "" if self.is_beside else ": name another folder for it in XDG_STATE_HOME"
            raise ImportFileError(
                f"the progress file {self.path} cannot be {done}"
                f" ({error.strerror or error}){advice}"
            ) from None

    def remove(self) -> None:
        """Also what processes that were killed while they saved left behind."""
        self.path.unlink(missing_ok=True)
        for unfinished in self.path.parent.glob(f"{glob.escape(self.path.name)}.*"):
            process = unfinished.suffix.removeprefix(".")
            if process.isdecimal() and not psutil.pid_exists(int(process)):
                unfinished.unlink(missing_ok=True)


def _state_folder() -> Path:
    home = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(home).expanduser() / "campaigndb"
