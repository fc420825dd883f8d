"""The document of a benchmark: every figure, every target, what is slower, and plots."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from benchmarks import document
from benchmarks.document import slower_than_alternatives, write_document
from benchmarks.figures import Figure, Target
from benchmarks.memory import Memory
from campaigndb.calling.catalogue import Budget

MACHINE = "2 cores of a processor; PostgreSQL 18, Python 3.13"


def timed(variant: str, milliseconds: float, *, n: int = 1000, **more: object) -> Figure:
    return Figure(
        name="insert_businesses_batch",
        variant=variant,
        n=n,
        clients=1,
        baseline="COPY",
        ratio=milliseconds / 20,
        calls=5,
        median_ms=milliseconds,
        **more,  # type: ignore[arg-type]
    )


def counted(variant: str, clients: int, per_second: float) -> Figure:
    return Figure(
        name="track_campaign_cost",
        variant=f"{variant}, hot campaign",
        n=1,
        clients=clients,
        baseline="plain SQL, hot campaign",
        ratio=per_second / 1000,
        calls=500,
        per_second=per_second,
        retries=250,
        lost=0,
    )


FIGURES = [
    timed(
        "function",
        24.0,
        budget=Budget(200, ""),
        ratio_limit=Decimal("1.1"),
        targets=(Target("by one statement", True),),
        memory=Memory(30.0, 4.0),
        growth=0.9,
    ),
    timed("COPY", 20.0),
    timed("Core upsert", 400.0),
    timed("function, from records", 30.0),
    timed("COPY, from records", 29.9),
    # The function itself, which somebody else's index makes slower.
    timed("function, rolled back", 30.0),
    timed("without idx_businesses_queue, rolled back", 20.0),
    *[
        counted(way, clients, rate)
        for way, rate in (("function", 900.0), ("plain SQL", 1000.0))
        for clients in (1, 10)
    ],
]


@pytest.fixture
def written(tmp_path: Path) -> str:
    write_document(FIGURES, MACHINE, tmp_path / "performance.md")
    return (tmp_path / "performance.md").read_text(encoding="utf-8")


def test_a_figure_survives_json() -> None:
    size = Figure("tenants", "memory", 1, 1, "memory", 1.0, calls=5, megabytes=12.5)
    for figure in [*FIGURES, size]:
        again = Figure.from_json(json.loads(json.dumps(figure.as_json())))
        assert again.as_json() == figure.as_json()
        assert again.verdicts == figure.verdicts
        assert again.remarks == figure.remarks


def test_every_figure_the_machine_and_every_missed_target_are_named(written: str) -> None:
    assert MACHINE in written
    assert written.count("\n| function") + written.count("\n| COPY") >= 4
    assert "2 of 4 met" in written
    assert "n = 1,000, 1 client: <= 1.1 x COPY (it is 24 ms, 1.20 x COPY)" in written
    assert "n = 1,000, 1 client: ten times over" in written
    assert "grows as n^0.90, server 30 MB, client 4 MB" in written
    assert "0.50 retries a call" in written


def test_what_is_faster_is_told_and_noise_is_not() -> None:
    found = slower_than_alternatives(FIGURES)
    assert [(each.alternative.variant, each.alternative.clients) for each in found] == [
        ("COPY", 1),
        ("plain SQL, hot campaign", 1),
        ("plain SQL, hot campaign", 10),
    ]
    assert found[0].times == pytest.approx(1.2)


def test_plots_load_nothing(written: str, tmp_path: Path) -> None:
    plots = list((tmp_path / "performance").glob("*.svg"))
    assert {plot.name for plot in plots} == {
        "costs-hot-campaign.svg",
        "insert_businesses_batch.svg",
    }
    for plot in plots:
        assert f"](performance/{plot.name})" in written
        text = plot.read_text(encoding="utf-8")
        root = ElementTree.fromstring(text)
        assert not list(root.iter("{http://www.w3.org/2000/svg}script"))
        assert "https://" not in text


def test_the_command_reads_what_the_benchmark_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import typer

    source = tmp_path / "bench.json"
    source.write_text(json.dumps([each.as_json() | {"machine": MACHINE} for each in FIGURES]))
    app = typer.Typer()
    app.command()(document.main)
    target = tmp_path / "out" / "performance.md"
    result = CliRunner().invoke(app, [str(source), "--document", str(target)])
    assert result.exit_code == 0, result.output
    assert MACHINE in target.read_text(encoding="utf-8")
    source.write_text("[]")
    assert CliRunner().invoke(app, [str(source), "--document", str(target)]).exit_code == 2


def test_a_size_is_shown_as_one_and_is_no_time(tmp_path: Path) -> None:
    sizes = [
        Figure("tenants", variant, 1, 1, "function", 1.0, calls=5, megabytes=megabytes)
        for variant, megabytes in (("function", 12.5), ("other", 3.0))
    ]
    again = [Figure.from_json(each.as_json()) for each in sizes]
    write_document(again, MACHINE, tmp_path / "performance.md")
    assert "| 12.5 MB |" in (tmp_path / "performance.md").read_text(encoding="utf-8")
    assert slower_than_alternatives(again) == []
