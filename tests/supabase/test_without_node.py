"""Without Node the tests over HTTP are left out, but not in CI."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.supabase.node import node

REASONS = {
    None: "Node 20 or newer is not installed",
    "v18.20.8": "Node 20 or newer is needed, and .* is v18.20.8",
}


@pytest.fixture(params=REASONS)
def reason(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A search path with no Node, or an old one."""
    monkeypatch.setenv("PATH", str(tmp_path))
    if request.param is not None:
        program = tmp_path / "node"
        program.write_text(f"#!/bin/sh\necho {request.param}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return REASONS[request.param]


def test_they_are_left_out(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=reason):
        node.__wrapped__()


def test_ci_fails(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=f"{reason}, and CI leaves no test out"):
        node.__wrapped__()
