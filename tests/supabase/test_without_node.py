"""Without Node the tests over HTTP are left out, and the report says so; in CI they fail."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.supabase.node import _find, node

REASONS = {
    None: "Node 20 or newer is not installed",
    "v18.20.8": "Node 20 or newer is needed, and .* is v18.20.8",
}


@pytest.fixture(params=REASONS)
def reason(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A search path with no Node, or an old one."""
    monkeypatch.setenv("PATH", str(tmp_path))
    if request.param is not None:
        program = tmp_path / "node"
        program.write_text(f"#!/bin/sh\necho {request.param}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    _find.cache_clear()
    yield REASONS[request.param]
    _find.cache_clear()


def test_they_are_left_out(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with (
        pytest.warns(UserWarning, match=f"the tests over HTTP are left out: {reason}"),
        pytest.raises(pytest.skip.Exception, match=reason),
    ):
        node()


def test_ci_fails(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=f"{reason}, and CI leaves no test out"):
        node()
