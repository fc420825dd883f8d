"""Writes what is made from other sources: `make generate`; `--check` says what is out of date.

- The synchronous callers from the asynchronous ones (`*_async.py` of `calling` and `rollout`).
- The tables of functions in README.md and docs, and the JavaScript client's, from the catalogue.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from campaigndb.calling.catalogue import FUNCTIONS, Kind, StoredFunction
from campaigndb.calling.retries import COST_POLICY, DEFAULT_POLICY, RetryPolicy

ROOT = Path(__file__).parents[1]
# The packages with modules of both kinds.
CALLERS = (Path("app/campaigndb/calling"), Path("app/campaigndb/rollout"))
JAVASCRIPT = Path("clients/javascript/lib/catalogue.js")
# As the JavaScript client exports them.
POLICIES = {DEFAULT_POLICY: "DEFAULT_POLICY", COST_POLICY: "COST_POLICY"}

# In this order. `run_sync` calls a plain function with the connection that is not asynchronous.
TO_SYNC = (
    (r"(?m)^\s*async_scoped_session,\n", "    scoped_session,\n"),
    (r"\basync_scoped_session\[AsyncSession\]", "scoped_session[Session]"),
    (r"(?:\bawait )?\b([\w.]+)\.run_sync\((\w+)\)", r"\2(\1)"),
    (r"(?:\bawait )?\b([\w.]+)\.run_sync\((\w+), ", r"\2(\1, "),
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAwaitable\[(\w+)\]", r"\1"),
    (r"\bAwaitable, ", ""),
    (r"\b__a(iter|enter|exit)__\b", r"__\1__"),
    (r"\bAsyncIterator\b", "Iterator"),
    (r"\ban Async(Engine|Connection)\b", r"an \1"),
    (r"\bAsync(?=[A-Z])", ""),
    (r"is_async=True", "is_async=False"),
    (r"for (\w+) in ([\w.]+):\n +yield \1\n", r"yield from \2\n"),
    (r"(?<!is)_async\b", ""),
    (r"an? (Connection) or (Session)", r"a \1 or \2"),
    (
        r"from sqlalchemy\.ext\.asyncio import \(\n    Connection,\n    Engine,\n    Session,\n"
        r"    scoped_session,\n\)",
        "from sqlalchemy import Connection, Engine\n"
        "from sqlalchemy.orm import Session, scoped_session",
    ),
    (
        r"from sqlalchemy\.ext\.asyncio import Connection, Engine, Session\n",
        "from sqlalchemy import Connection, Engine\nfrom sqlalchemy.orm import Session\n",
    ),
    (r"from sqlalchemy\.ext\.asyncio import", "from sqlalchemy import"),
)


def synchronous(source: str, name: str) -> str:
    """The module without its asyncio."""
    for pattern, replacement in TO_SYNC:
        source = re.sub(pattern, replacement, source)
    source = f"# Made of {name} by `make generate`. Edit that file.\n{source}"
    for command in (["check", "--fix", "--select", "I"], ["format"]):
        options = ["--quiet", "--stdin-filename", f"{CALLERS[0]}/x.py", "-"]
        source = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *options],
            input=source,
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        ).stdout
    return source


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def isolation(function: StoredFunction[Any]) -> str:
    return function.isolation_level + (", read only" if function.read_only else "")


def summaries() -> str:
    return table(
        ["function", "does", "isolation"],
        ([f"`{f.name}`", f.summary, isolation(f)] for f in FUNCTIONS.values()),
    )


def repetitions() -> str:
    return table(["function", "why"], ([f"`{f.name}`", f.repeating] for f in FUNCTIONS.values()))


def rules() -> str:
    return table(
        ["function", "isolation", "waits at the gate of", "retried", "median within"],
        (
            [
                f"`{f.name}`",
                isolation(f),
                f"`{f.gate}`" if f.gate else "",
                f"{f.policy.attempts} attempts, {f.policy.deadline:g} s",
                f"{f.budget.milliseconds} ms, {f.budget.measured}" if f.budget else "",
            ]
            for f in FUNCTIONS.values()
        ),
    )


# Document -> the tables in it, each between `<!-- name -->` and `<!-- /name -->`.
TABLES: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"functions": summaries},
    "docs/functions.md": {"rules": rules},
    "docs/calling.md": {"repetitions": repetitions},
}


def with_tables(document: str, tables: dict[str, Callable[[], str]]) -> str:
    for name, make in tables.items():
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, found, rest = document.partition(start)
        _, ended, after = rest.partition(end)
        if not found or not ended:
            raise SystemExit(f"no {start} … {end} in a document that has it")
        document = f"{before}{start}\n{make()}\n{end}{after}"
    return document


def javascript() -> str:
    catalogue = {f.name: _for_javascript(f) for f in FUNCTIONS.values()}
    entries = json.dumps(catalogue, indent=2)
    # Names without quotes, as people write them.
    entries = re.sub(r'"(\w+)":', r"\1:", entries)
    entries = re.sub(r'"(DEFAULT_POLICY|COST_POLICY)"', r"\1", entries)
    policies = "\n\n".join(
        f"/** @type {{Readonly<import('./retries.js').RetryPolicy>}} */\n"
        f"export const {name} = Object.freeze({json.dumps(in_milliseconds(policy), indent=2)});"
        for policy, name in POLICIES.items()
    )
    policies = re.sub(r'"(\w+)":', r"\1:", policies)
    return f"""\
// The stored functions as data. Made of app/campaigndb/calling/catalogue.py by `make generate`.

/**
 * @typedef {{object}} StoredFunction
 * @property {{readonly string[]}} required the parameters without a default
 * @property {{readonly string[]}} optional the others
 * @property {{readonly string[]}} money the parameters that are an amount in USD
 * @property {{readonly string[]}} lists the parameters that are a list
 * @property {{string}} [key] where the call carries its idempotency key; `[]`: in each item
 * @property {{boolean}} oneKeyEach each item gets a key of its own
 * @property {{boolean}} returnsRows whether the answer is rows and not an envelope
 * @property {{boolean}} readOnly whether it writes nothing
 * @property {{Readonly<import("./retries.js").RetryPolicy>}} policy
 */

{policies}

/** @type {{Readonly<Record<string, StoredFunction>>}} */
export const STORED_FUNCTIONS = Object.freeze({entries});
"""


def _for_javascript(function: StoredFunction[Any]) -> dict[str, Any]:
    def named(wanted: Callable[[Any], bool]) -> list[str]:
        return [name for name, each in function.parameters.items() if wanted(each)]

    entry: dict[str, Any] = {
        "required": named(lambda each: each.default is None),
        "optional": named(lambda each: each.default is not None),
        "money": named(lambda each: each.kind is Kind.MONEY),
        "lists": named(lambda each: each.kind is Kind.LIST),
        "oneKeyEach": function.key is not None and function.key.one_each,
        "returnsRows": function.returns_rows,
        "readOnly": function.read_only,
        "policy": POLICIES[function.policy],
    }
    if function.key is not None:
        entry["key"] = function.key.path
    return entry


def in_milliseconds(policy: RetryPolicy) -> dict[str, float]:
    return {
        "attempts": policy.attempts,
        "deadlineMs": round(policy.deadline * 1000),
        "firstWaitMs": round(policy.first_wait * 1000),
        "longestWaitMs": round(policy.longest_wait * 1000),
    }


def generated() -> Iterator[tuple[Path, str]]:
    """Every file that is made, and its content."""
    for source in sorted(path for each in CALLERS for path in (ROOT / each).glob("*_async.py")):
        target = source.with_name(source.name.replace("_async", ""))
        yield target, synchronous(source.read_text(encoding="utf-8"), source.name)
    for name, tables in TABLES.items():
        path = ROOT / name
        yield path, with_tables(path.read_text(encoding="utf-8"), tables)
    yield ROOT / JAVASCRIPT, javascript()


def main(arguments: list[str]) -> int:
    stale = [
        (path, content)
        for path, content in generated()
        if not path.exists() or path.read_text(encoding="utf-8") != content
    ]
    if "--check" in arguments:
        for path, _ in stale:
            print(f"{path.relative_to(ROOT)} is out of date: make generate", file=sys.stderr)
        return 1 if stale else 0
    for path, content in stale:
        path.write_text(content, encoding="utf-8")
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
