"""A function has a place in the SQL, the callers, the tests and the documents: each is looked for.

CONTRIBUTING.md lists the places. A test that fails here names the function and the missing one.
"""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from campaigndb import AsyncCampaignStore, CampaignStore
from campaigndb.calling.catalogue import FUNCTIONS, StoredFunction

ROOT = Path(__file__).parents[2]
# The iterator's.
PAGES = ("get_businesses_for_enrichment_after", "get_enrichment_queue_page")
EVERY = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=list(FUNCTIONS))


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@EVERY
def test_it_has_its_sql(function: StoredFunction[Any]) -> None:
    path = f"app/campaigndb/functions/{function.name}.sql"
    assert (ROOT / path).exists(), f"there is no {path}"


@EVERY
def test_it_has_a_revision(function: StoredFunction[Any]) -> None:
    frozen = list((ROOT / "alembic/functions").glob(f"{function.name}.*.sql"))
    assert frozen, f"no revision has {function.name}: make revision"


@EVERY
def test_it_has_a_documented_method(function: StoredFunction[Any]) -> None:
    name = "iter_businesses_for_enrichment" if function.name in PAGES else function.name
    for store in (CampaignStore, AsyncCampaignStore):
        method = getattr(store, name, None)
        assert method is not None, f"methods_async.py has no {name}, or make generate was not run"
        documentation = inspect.getdoc(method) or ""
        assert "Raises:" in documentation, f"the docstring of {name} does not say what it raises"
        parameters = [f"p_{parameter}" for parameter in inspect.signature(method).parameters][1:]
        if function.name not in PAGES:
            assert parameters == list(function.parameters), f"{name} has other parameters"


@EVERY
def test_it_has_tests_of_its_own(function: StoredFunction[Any]) -> None:
    folder = ROOT / "tests" / function.name.removesuffix("_after")
    if list(folder.glob("test_*.py")):
        return
    # Functions that belong together have one folder, whose tests name each of them.
    tests = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("*/*.py"))
    method = "iter_businesses_for_enrichment" if function.name in PAGES else function.name
    named = (f'"{function.name}"', f".{method}(")
    assert any(name in test for test in tests for name in named), (
        f"there are no tests in tests/{function.name}, nor do others name it"
    )


@EVERY
def test_the_shared_scenarios_call_it(function: StoredFunction[Any]) -> None:
    if function.name in PAGES:
        return
    called = {
        step["function"]
        for scenario in json.loads(read("tests/vectors/calls.json"))["scenarios"]
        for step in scenario["steps"]
    }
    assert function.name in called, f"tests/vectors/calls.json does not call {function.name}"


@EVERY
def test_its_signature_heads_a_section_of_the_guide(function: StoredFunction[Any]) -> None:
    if function.name in PAGES:
        return
    headings = re.findall(r"^## (.*)$", read("docs/functions.md"), re.MULTILINE)
    assert function.signature in headings, f"docs/functions.md has no ## {function.signature}"


@EVERY
def test_the_javascript_client_has_it(function: StoredFunction[Any]) -> None:
    for path, text_of_it in (
        ("clients/javascript/supabase-db.js", f'"{function.name}"'),
        ("clients/javascript/README.md", f"`{function.name}`"),
    ):
        assert text_of_it in read(path), f"{path} does not name {function.name}"


@EVERY
def test_its_comment_is_written(function: StoredFunction[Any]) -> None:
    path = "app/campaigndb/functions/comments.toml"
    assert re.search(rf"^{function.name} = ", read(path), re.MULTILINE), (
        f"{path} has no {function.name}"
    )


@EVERY
def test_the_changelog_names_it(function: StoredFunction[Any]) -> None:
    assert function.name in read("CHANGELOG.md"), f"CHANGELOG.md does not name {function.name}"


@EVERY
def test_its_signature_is_that_of_the_database(
    function: StoredFunction[Any], owner_engine: Engine
) -> None:
    with owner_engine.connect() as connection:
        (names, defaults, settings, returns_set) = connection.execute(
            text(
                "select proargnames[1:pronargs], pronargdefaults, proconfig, proretset"
                " from pg_proc where oid = to_regproc(:name)"
            ),
            {"name": function.name},
        ).one()
    optional = [name for name, each in function.parameters.items() if each.default is not None]
    assert list(function.parameters) == names
    assert optional == names[len(names) - defaults :]
    assert function.returns_rows is returns_set
    is_serializable = "default_transaction_isolation=serializable" in (settings or [])
    assert (function.isolation_level == "SERIALIZABLE") is is_serializable


def test_what_is_made_of_the_catalogue_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.generate", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
