"""What was given comes back in a message on one line and cut: nothing forges a line of a log."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

EVIL = "1\n2026-01-01 CRITICAL root FORGED \x1b[31m\u2028\u202epassword=hunter2" + "x" * 100


def test_a_given_text_is_shown_on_one_line_of_at_most_80_characters(
    owner_engine: Engine, subtests: pytest.Subtests
) -> None:
    with owner_engine.connect() as connection:
        for given, shown in {
            "": "",
            "00100": "00100",
            "ä" * 80: "ä" * 80,
            "ä" * 81: "ä" * 79 + "…",
            "a\nb\r\tc\x7f\x85\x9b": "a?b??c???",
            EVIL: "1?2026-01-01 CRITICAL root FORGED ?[31m??password=hunter2" + "x" * 22 + "…",
        }.items():
            with subtests.test(ascii(given)[:40]):
                assert (
                    connection.scalar(text("select shown_text(:given)"), {"given": given}) == shown
                )


def test_the_servers_own_messages_are_shown_the_same_way(owner_engine: Engine) -> None:
    with owner_engine.connect() as connection:
        envelope = connection.scalar(
            text("select stored_function_failure('22P02', :message)"),
            {"message": f'invalid input syntax for type uuid: "{EVIL}"'},
        )
    for said in (envelope["error"], envelope["error_detail"]):
        assert said.endswith("x" * 22 + '…"')
        assert said.isprintable()
        assert len(said.split('"')[1]) == 80


def test_a_zip_code_that_is_not_covered_is_named_so(
    raw_call: Callable[..., Any], campaign_id: uuid.UUID
) -> None:
    envelope = raw_call(
        "update_coverage_status",
        p_campaign_id=campaign_id,
        p_zip_code=EVIL,
        p_businesses_found=1,
        p_emails_found=1,
        p_actual_cost=0,
    )
    assert envelope["error_code"] == "23503"
    prefix = f"campaign {campaign_id} has no coverage of ZIP code "
    assert envelope["error_detail"].startswith(prefix)
    assert envelope["error_detail"].isprintable()
    assert len(envelope["error_detail"].removeprefix(prefix)) == 80
