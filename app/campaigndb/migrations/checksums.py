"""`alembic/SHA256SUMS`: a revision or frozen copy never changes from its release on.

One line a file, as `sha256sum` writes it, oldest revision first: a new revision's lines come at
the end. Lines are released once the main branch or the newest tag has them. Until then `seal`
refreshes them. `sha256sum -c SHA256SUMS` works without this project.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from campaigndb.migrations.configuration import ALEMBIC_FOLDER

SUMS_PATH = ALEMBIC_FOLDER / "SHA256SUMS"
# Names of the main branch: the origin's default branch, else the usual names.
MAIN_BRANCHES = ("origin/HEAD", "origin/main", "main")

_LINE = re.compile(r"(?P<digest>[0-9a-f]{64})  (?P<name>functions/[^/]+\.sql|versions/[^/]+\.py)")
# Variables that a git hook sets for its own repository and folder.
_OF_A_HOOK = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"}

# File name within alembic/ -> SHA-256 of its bytes.
Sums = Mapping[str, str]


class ChecksumError(Exception):
    """The sums cannot be compared or must not be written; one line that says why."""


@dataclass(frozen=True)
class Released:
    """The lines that must not change any more."""

    sums: Sums = field(default_factory=dict)
    # The commits with these lines, oldest first. If there are none, `doubt` says why they are not
    # known. With commits, `doubt` says what is missing.
    commits: tuple[str, ...] = ()
    doubt: str | None = None


def released(against: str | None = None) -> Released:
    """The lines of the main branch where this one left it and of the newest tag; or of `against`.

    Raises ChecksumError if `against` cannot be compared.
    """
    if against is not None:
        base = _merge_base(against)
        if base is None:
            raise ChecksumError(
                f"{against} is no commit that this one has a history with: fetch all of it "
                "(git fetch --unshallow; fetch-depth: 0; GIT_DEPTH: 0)"
            )
        return Released(_sums_of(base), (base,))
    head = _git("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if head is None:
        return Released(doubt="there is no git history here")
    tag = _git("describe", "--tags", "--abbrev=0", "--match", "v[0-9]*")
    base = next((found for name in MAIN_BRANCHES if (found := _merge_base(name))), None)
    if base == head:  # on the main branch: the lines before its last commit
        base = _git("rev-parse", "--verify", "--quiet", "HEAD^1^{commit}") or base
    # The last commit takes precedence: the tag if the main branch contains it, else the base.
    is_on_main = tag is not None and base is not None and _is_ancestor(tag, base)
    commits = tuple(c for c in ((base, tag) if is_on_main else (tag, base)) if c)
    sums: dict[str, str] = {}
    for commit in commits:
        sums |= _sums_of(commit)
    if base is None:
        return Released(sums, commits, "the main branch is not in this clone")
    if base == head and tag is None:
        return Released(sums, commits, "this is the main branch itself, and it has no tag")
    return Released(sums, commits)


def _is_ancestor(commit: str, of: str) -> bool:
    return _git("merge-base", commit, of) == _git("rev-parse", f"{commit}^{{commit}}")


def problems(released: Released) -> Iterator[str]:
    """Every file that differs from its line, and every invalid line."""
    if not SUMS_PATH.exists():
        yield f"{_shown(SUMS_PATH.name)} is missing: restore it, or make seal"
        return
    text = SUMS_PATH.read_text(encoding="utf-8")
    lines = dict(_parsed(text))
    malformed = [line for line in text.splitlines() if _LINE.fullmatch(line) is None]
    for line in malformed:
        yield f"{_shown(SUMS_PATH.name)}: not a line of sha256sum for a file here: {line!r}"
    if not malformed and text != _rendered(lines):
        yield f"{_shown(SUMS_PATH.name)}: lines out of order, or there twice: make seal"
    files = current_sums()
    for name in sorted({*files, *lines, *released.sums}, key=_order):
        problem = _problem(name, files.get(name), lines.get(name), released)
        if problem is not None:
            yield f"{_shown(name)}: {problem}"


def _problem(name: str, file: str | None, line: str | None, released: Released) -> str | None:
    if name in released.sums:
        return _problem_of_released(name, file, line, released)
    if file == line:
        return None
    if file is None:
        return "has a line in SHA256SUMS and is not there: restore it; if never released, make seal"
    if line is None:
        return "has no line in SHA256SUMS: make seal"
    if not released.commits:
        return (
            "changed since its line in SHA256SUMS was written: restore it, and put the change into"
            " a new revision"
        )
    return "changed since its line in SHA256SUMS was written, and is not released: make seal"


def _problem_of_released(
    name: str, file: str | None, line: str | None, released: Released
) -> str | None:
    sealed = released.sums[name]
    holder = next(c for c in reversed(released.commits) if _sums_of(c).get(name) == sealed)
    if file != sealed:
        verb = "was removed" if file is None else "changed"
        return (
            f"{verb} after its release: restore it (git checkout {holder[:12]} -- {_shown(name)}),"
            " and put the change into a new revision (make revision)"
        )
    if line != sealed:
        verb = "was removed from" if line is None else "changed in"
        return f"its released line {verb} SHA256SUMS: restore it ({sealed}  {name})"
    return None


def add(paths: Iterable[Path]) -> None:
    """Appends the lines of new files."""
    sums = dict(_parsed(_text()))
    _write(sums | {path.relative_to(ALEMBIC_FOLDER).as_posix(): _digest(path) for path in paths})


def seal(released: Released) -> list[str]:
    """Refreshes the lines of unreleased files; returns the names whose lines changed.

    Raises ChecksumError, with nothing written, if a released file changed.
    """
    before, after = dict(_parsed(_text())), current_sums()
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    protected = released.sums if released.commits else before
    for name, sealed in protected.items():
        if after.get(name) != sealed:
            why = "is released" if released.commits else f"may be released ({released.doubt})"
            raise ChecksumError(
                f"{_shown(name)} changed and {why}: restore it, and put the change into a new"
                " revision (make revision); see also --against"
            )
    _write(after)
    return sorted(changed, key=_order)


def current_sums() -> dict[str, str]:
    """The sums of the existing revisions and frozen copies."""
    paths = (*ALEMBIC_FOLDER.glob("functions/*.sql"), *ALEMBIC_FOLDER.glob("versions/*.py"))
    return {path.relative_to(ALEMBIC_FOLDER).as_posix(): _digest(path) for path in paths}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _text() -> str:
    return SUMS_PATH.read_text(encoding="utf-8") if SUMS_PATH.exists() else ""


def _parsed(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if match := _LINE.fullmatch(line):
            yield match["name"], match["digest"]


def _order(name: str) -> tuple[str, str]:
    """Sorts by revision: `functions/<name>.<revision>.sql`, `versions/<revision>_<words>.py`."""
    file_name = name.rsplit("/", 1)[-1]
    if name.startswith("functions/"):
        return (file_name.split(".")[1], name)
    return (file_name.split("_")[0].removesuffix(".py"), name)


def _rendered(sums: Sums) -> str:
    return "".join(f"{sums[name]}  {name}\n" for name in sorted(sums, key=_order))


def _write(sums: Sums) -> None:
    SUMS_PATH.write_text(_rendered(sums), encoding="utf-8", newline="\n")


def _shown(name: str) -> str:
    return f"{ALEMBIC_FOLDER.name}/{name}"


def _sums_of(commit: str) -> Sums:
    return dict(_parsed(_git("show", f"{commit}:./{SUMS_PATH.name}") or ""))


def _merge_base(name: str) -> str | None:
    return _git("merge-base", "HEAD", name)


def _git(*arguments: str) -> str | None:
    """The output of a git command, or None if it fails."""
    git = shutil.which("git")
    if git is None:
        return None
    done = subprocess.run(
        [git, *arguments],
        cwd=ALEMBIC_FOLDER,
        env={name: value for name, value in os.environ.items() if name not in _OF_A_HOOK},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else None
