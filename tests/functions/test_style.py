"""What every function's file keeps to, so that any client and any schema can use it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from pglast.parser import scan

from campaigndb.migrations.functions import head_paths, read_function
from tests.functions.cluster_rules import BODY, properties

HEADS = head_paths()
SCHEMAS = {"public", "pg_catalog", "pg_temp", "information_schema", "extensions", "auth"}


def each_head(check: Callable[[Path], None]) -> Callable[[], None]:
    """One test of all files, and not one each: those that fail are named together."""

    def test() -> None:
        broken = []
        for path in HEADS.values():
            try:
                check(path)
            except AssertionError as error:
                error.add_note(f"in {path.name}")
                broken.append(error)
        if broken:
            raise ExceptionGroup(check.__name__, broken)

    return test


@cache
def words(path: Path) -> list[str]:
    """The file's words, operators and marks, also those of the body; no texts, no comments."""
    # As bytes, for that is what the positions count. The marks of the body are spaced out.
    text = path.read_bytes().replace(b"$$", b"  ")
    return [
        text[token.start : token.end + 1].decode()
        for token in scan(text.decode())
        if token.name not in ("SCONST", "SQL_COMMENT", "C_COMMENT")
    ]


# Helpers in PL/pgSQL: RAISE for the log, plans of their own, RETURN QUERY for parallel workers,
# those that write or lock, and readers for each item that SQL could not inline either.
NOT_INLINED = {
    "adopt_business_emails",
    "advance_queue_heads",
    "batch_items",
    "caught_failure",
    "choose_business_emails",
    "claim_lookups",
    "costs_by_key",
    "count_campaign_businesses",
    "decoded_entities",
    "due_businesses",
    "email_words",
    "erased_emails",
    "fail_lookups",
    "flat_list",
    "hold_suppressions",
    "human_number",
    "lease_lookups",
    "lock_businesses",
    "open_claim",
    "open_suppressions",
    "plain_keys",
    "reclaim_lookups",
    "refuse_failures",
    "restore_leads",
    "scraped_count",
    "scraped_texts",
    "set_enrichment_verdicts",
    "settle_contacts",
    "social_page",
    "store_business_emails",
    "store_suppressions",
    "store_verifications",
    "suppress_places",
    "suppressed_emails",
    "unclaimed_businesses",
    "without_contact",
    "without_erased",
    "work_queues",
}


@each_head
def test_the_file_is_one_statement_that_begins_at_its_first_letter(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"create or replace function {path.stem}(")
    assert text.endswith("\nend;\n" if "\nbegin atomic\n" in text else "\n$$;\n")
    assert text.count("$$") == (0 if "\nbegin atomic\n" in text else 2)
    assert "\t" not in text
    assert "\r" not in text
    assert [line for line in text.splitlines() if line != line.rstrip()] == []
    assert read_function(path, "public").schema == "public"


@each_head
def test_words_are_lower_case(path: Path) -> None:
    unquoted = [word for word in words(path) if not word.startswith('"')]
    assert [word for word in unquoted if word != word.lower()] == []


@each_head
def test_no_name_is_qualified_by_a_schema(path: Path) -> None:
    found = words(path)
    qualified = [a for a, dot in pairwise(found) if dot == "." and a in SCHEMAS]
    assert qualified == []


@each_head
def test_a_function_is_for_callers_or_a_helper_and_nothing_in_between(path: Path) -> None:
    said = properties(path.read_text(encoding="utf-8"))
    if "security definer" in said:
        assert "\nset search_path from current\n" in said
        assert re.findall(r"\b(?:p_\w+)", said), "callers name parameters"
    elif "returns trigger" in said:
        # Whoever updates a row runs it, with whatever search path.
        assert "\nset search_path from current\n" in said
    else:
        # A helper with a search path of its own could not be inlined into its caller. One that
        # calls a helper within a query over tables needs it on a cluster, and is never inlined.
        if "search_path" in said:
            assert path.stem in NOT_INLINED
        assert ("language sql" in said) is (path.stem not in NOT_INLINED)


@each_head
def test_parameters_are_named_p(path: Path) -> None:
    signature = str(read_function(path, "public").signature)
    parameters = [one for one in signature.split("(", 1)[1].rstrip(")").split(",") if one]
    assert all(parameter.strip().startswith("p_") for parameter in parameters)


@each_head
def test_a_comment_says_what_it_is_for(path: Path) -> None:
    assert "\n  -- " in BODY.split(path.read_text(encoding="utf-8"), maxsplit=1)[1]


@pytest.mark.parametrize(
    "text",
    [
        "-- A comment.\ncreate or replace function named() \nreturns int language sql as $$ $$;",
        "create function named()\nreturns int language sql as $$ select 1 $$;",
        "create or replace function other()\nreturns int language sql as $$ select 1 $$;",
        "create or replace function tenant.named()\nreturns int language sql as $$ select 1 $$;",
    ],
    ids=["a comment first", "no replace", "another name", "a schema"],
)
def test_a_file_that_is_not_in_the_form_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "named.sql"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(f"{path}: must hold one")):
        read_function(path, "public")
