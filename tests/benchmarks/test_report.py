"""The table says MISSED beside every target that was missed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from benchmarks.figures import Figure
from benchmarks.report import print_report


def test_a_missed_target_stands_in_its_row_and_in_a_line_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_report(
        [
            Figure(
                "insert_businesses_batch",
                "function, from records",
                1000,
                1,
                "COPY, from records",
                1.7,
                25,
                median_ms=51.0,
                ratio_limit=Decimal("1.2"),
            )
        ]
    )
    output = capsys.readouterr().out
    (row,) = [line for line in output.splitlines() if "1.70" in line]
    assert "<= 1.2 x COPY, from records MISSED" in row
    assert "0 of 1 targets met" in output
    assert (
        "insert_businesses_batch, function, from records, 1,000: "
        "<= 1.2 x COPY, from records MISSED" in output.splitlines()
    )


def test_clients_at_once_show_calls_per_second_retries_and_lost_calls(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_report(
        [
            Figure(
                "track_campaign_cost", "function", 1, 10, "function", 1.0, 200,
                per_second=1234.4, p99_ms=40.0, retries=50, lost=2,
            )
        ]
    )  # fmt: skip
    output = capsys.readouterr().out
    for text in ("1,234", "0.25 retries a call", "2 calls LOST", "0 of 0 targets met"):
        assert text in output
