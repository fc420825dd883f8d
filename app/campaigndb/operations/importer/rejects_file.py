"""Writes rejected records as JSON lines: position, reason and record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from campaigndb.operations.importer.errors import ImportFileError
from campaigndb.operations.importer.progress_file import Rejection, RejectsFileState
from campaigndb.operations.importer.scraped_file import Record


class RejectsFile:
    """The file of rejects. `name_files`: whether each line names the record's file."""

    def __init__(self, path: Path, imported: Sequence[Path], *, name_files: bool) -> None:
        self.path = path.resolve()
        if self.path in [file.resolve() for file in imported]:
            raise ImportFileError(f"{path} is a file to import: name another one for the rejects")
        self._name_files = name_files
        self._file = self.path.open("ab")

    def go_on_after(self, state: RejectsFileState | None, *, is_first: bool) -> None:
        """Removes lines of uncommitted batches, or all lines at the first file without a state."""
        is_known = state is not None and state.path == self.path and state.size <= self._size()
        if is_known and state is not None:
            self._file.truncate(state.size)
        elif is_first:
            self._file.truncate(0)

    def write(self, record: Record, rejection: Rejection) -> None:
        """Appends a record with its position and the reason."""
        where: dict[str, object] = {"file": rejection.file} if self._name_files else {}
        where |= {rejection.unit: rejection.number, "reason": rejection.reason}
        line = json.dumps(where)
        if record.problem is None or record.problem == "not a JSON object":
            # The text is JSON, so line breaks can only be between tokens.
            text = record.text.replace("\n", " ").replace("\r", " ")
            line = f'{line[:-1]}, "record": {text}}}'
        else:
            line = f'{line[:-1]}, "text": {json.dumps(record.text)}}}'
        self._file.write(line.encode("utf-8", "replace") + b"\n")

    def state(self) -> RejectsFileState:
        """The file's current state."""
        return RejectsFileState(path=self.path, size=self._size())

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _size(self) -> int:
        self._file.flush()
        return self.path.stat().st_size
