"""The rejected records as JSON lines: `line` (or `record`), `reason`, and what was rejected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from app.importer.errors import ImportFileError
from app.importer.progress_file import RejectsFileState
from app.importer.scraped_file import Record


class RejectsFile:
    """Goes on after what `state` says is of committed batches, if it is the same file."""

    def __init__(self, path: Path, imported: Path, state: RejectsFileState | None) -> None:
        self.path = path.resolve()
        if self.path == imported.resolve():
            raise ImportFileError(f"{path} is the file to import: name another one for the rejects")
        size = self.path.stat().st_size if self.path.is_file() else 0
        is_continued = state is not None and state.path == self.path and state.size <= size
        self._file = self.path.open("r+b" if is_continued else "wb")
        if is_continued and state is not None:
            self._file.truncate(state.size)
            self._file.seek(state.size)

    def write(self, unit: str, record: Record, reason: str) -> None:
        rejected: dict[str, Any] = {unit: record.end.number, "reason": reason}
        if record.problem is None:
            rejected["record"] = record.value
        else:
            rejected["text"] = record.text
        # ASCII: what a record holds may be no valid Unicode. Decimals as their text.
        try:
            line = json.dumps(rejected, default=str)
        except RecursionError:  # it may be what it was rejected for
            line = json.dumps({unit: record.end.number, "reason": reason})
        self._file.write(line.encode("ascii") + b"\n")

    def state(self) -> RejectsFileState:
        """The file's state with all that was written so far."""
        self._file.flush()
        return RejectsFileState(path=self.path, size=self._file.tell())

    def close(self) -> None:
        self._file.close()
