"""Writes the revisions as files in `supabase/migrations`, for the Supabase CLI."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alembic.script import ScriptDirectory

from campaigndb.migrations.commands import offline_script
from campaigndb.migrations.configuration import alembic_config
from campaigndb.settings import Settings

# File names of migrations. The CLI applies them in the order of their numbers.
_NUMBERED = re.compile(r"(\d{14})_.*\.sql")
_OURS = re.compile(r"\d{14}_campaigndb_(\w{4})_.*\.sql")
_FORMAT = "%Y%m%d%H%M%S"


def write_migrations(folder: Path, settings: Settings, after: str = "base") -> list[Path]:
    """Writes a file for each revision after `after` without one; returns the new files.

    A new file is numbered after all existing ones, because the CLI refuses to go back. Each is one
    transaction, which fails if the schema is not at the preceding revision.

    Raises:
        ValueError: the revision `after` does not exist.
        OSError: the folder cannot be written.
    """
    scripts = ScriptDirectory.from_config(alembic_config(settings=settings))
    revisions = [*scripts.walk_revisions()][::-1]
    known = ["base", *(revision.revision for revision in revisions)]
    if after not in known:
        raise ValueError(f"there is no revision {after}: {known[1]} to {known[-1]}")
    names = [path.name for path in folder.glob("*.sql")] if folder.is_dir() else []
    written = {found[1] for found in map(_OURS.fullmatch, names) if found}
    wanted = [
        (revision, start)
        for start, revision in zip(known, revisions, strict=False)
        if known.index(start) >= known.index(after) and revision.revision not in written
    ]
    moment = datetime.now(UTC).replace(microsecond=0)
    for found in filter(None, map(_NUMBERED.fullmatch, names)):
        there = datetime.strptime(found[1], _FORMAT).replace(tzinfo=UTC)
        moment = max(moment, there + timedelta(seconds=1))
    # All scripts are made first, so that an error leaves no files behind.
    contents = {}
    for number, (revision, start) in enumerate(wanted):
        slug = re.sub(r"[^a-z0-9]+", "_", revision.doc.lower()).strip("_")[:60]
        stamp = (moment + timedelta(seconds=number)).strftime(_FORMAT)
        contents[folder / f"{stamp}_campaigndb_{revision.revision}_{slug}.sql"] = offline_script(
            "upgrade", f"{start}:{revision.revision}", settings, in_transaction=True
        )
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in contents.items():
        path.write_text(content, encoding="utf-8")
    return [*contents]
