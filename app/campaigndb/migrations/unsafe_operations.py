"""Checks the SQL of revisions by squawk, with the excuses of each revision.

A revision excuses a rule with the reason why the operation is safe there:

    SQUAWK_EXCUSES = {"ban-drop-column": "nothing has read it since 1.2"}

An excuse without a reason, or for a rule that squawk does not report, is a problem too.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from alembic.script import Script

from campaigndb.migrations.commands import offline_script
from campaigndb.settings import Settings

# The oldest supported version. Operations that are safe there are safe in later ones.
POSTGRESQL_VERSION = "15"
# The scripts contain their own transactions. Configuration files in parent folders are ignored.
OPTIONS = ("--pg-version", POSTGRESQL_VERSION, "--config", "/dev/null", "--reporter", "json")

# A finding as squawk reports it: `rule_name`, `message`, `help`, `line` (from 0), …
Finding = Mapping[str, Any]


class SquawkError(Exception):
    """squawk is missing or does not work, so unsafe operations were not checked."""


def problems(revisions: Sequence[Script], settings: Settings) -> Iterator[str]:
    """Unsafe operations in upgrades without an excuse, and unused excuses.

    Downgrades are not checked, because they drop what the upgrades created.
    """
    scripts: dict[str, str] = {}
    for revision in revisions:
        steps = f"{revision.down_revision or 'base'}:{revision.revision}"
        try:
            scripts[revision.revision] = offline_script("upgrade", steps, settings)
        except Exception as error:  # noqa: BLE001 - a revision's code may raise anything
            yield f"{revision.revision}: gives no offline SQL: {type(error).__name__}: {error}"
    found = run_squawk(scripts)
    for revision in revisions:
        number = revision.revision
        if number in scripts:
            excuses = getattr(revision.module, "SQUAWK_EXCUSES", {})
            yield from _problems_of(number, scripts[number], found[number], excuses)


def _problems_of(
    number: str, script: str, findings: Sequence[Finding], excuses: Mapping[str, Any]
) -> Iterator[str]:
    by_rule: dict[str, list[Finding]] = {}
    for finding in findings:
        by_rule.setdefault(finding["rule_name"], []).append(finding)
    for rule, (first, *others) in by_rule.items():
        if rule not in excuses:
            where = " ".join(script.splitlines()[first["line"]].split())
            more = f" and {len(others)} more" if others else ""
            advice = " ".join(part for part in (first["message"], first["help"]) if part)
            yield f"{number}: {rule}: {where!r}{more}: {advice} (or SQUAWK_EXCUSES, with a reason)"
    for rule, reason in excuses.items():
        if rule not in by_rule:
            yield f"{number}: SQUAWK_EXCUSES: squawk does not report {rule!r}: remove it"
        elif not isinstance(reason, str) or not reason.strip():
            yield f"{number}: SQUAWK_EXCUSES: {rule!r} has no reason"


def run_squawk(scripts: Mapping[str, str]) -> dict[str, list[Finding]]:
    """squawk's findings in each script, by the script's name."""
    squawk = _program()
    found: dict[str, list[Finding]] = {name: [] for name in scripts}
    if not scripts:
        return found
    with tempfile.TemporaryDirectory() as folder:
        for name, script in scripts.items():
            (Path(folder) / f"{name}.sql").write_text(script, encoding="utf-8")
        try:
            done = subprocess.run(
                [squawk, *OPTIONS, *(f"{name}.sql" for name in scripts)],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            findings = json.loads(done.stdout)
        except (OSError, ValueError) as error:
            raise SquawkError(
                f"squawk does not work here, unsafe operations were not looked for: {error}"
            ) from error
    for finding in findings:
        found[Path(finding["file"]).stem].append(finding)
    return found


def _program() -> str:
    beside = Path(sys.executable).with_name("squawk")
    program = str(beside) if beside.exists() else shutil.which("squawk")
    if program is None:
        raise SquawkError(
            "squawk is not installed, unsafe operations were not looked for: make setup installs"
            " it (squawk-cli has programs for Linux with glibc, macOS and Windows)"
        )
    return program
