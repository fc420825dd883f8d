"""What is printed for people fits the terminal's width; no id is ever cut."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from campaigndb import CampaignStore

PROJECT = Path(__file__).parents[2]
NAME = "A rather long name of a campaign in Espoo, Vantaa and Kauniainen"
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(columns: int, *arguments: str) -> list[str]:
    """The lines that the command prints on a terminal of that width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    with subprocess.Popen(
        [sys.executable, "-m", "campaigndb.cli", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=environment | {"PYTHONPATH": str(PROJECT), "TERM": "xterm"},
    ):
        os.close(theirs)
        output = b""
        try:
            while read := os.read(ours, 65_536):
                output += read
        except OSError:  # the last one on the other side has gone
            pass
    os.close(ours)
    return ESCAPES.sub("", output.decode()).splitlines()


@pytest.fixture
def campaign(store: CampaignStore, owner_engine: Engine) -> uuid.UUID:
    """Its Facebook cost is off."""
    made = store.create_campaign_with_coverage({"name": NAME}, ["00100"]).campaign_id
    store.track_campaign_cost(made, "facebook", 1, "123456.7891")
    with owner_engine.begin() as connection:
        connection.execute(text("update gmaps_campaigns set facebook_cost = 9"))
    return made


@pytest.mark.parametrize(
    ("columns", "left_out"),
    [
        (60, "status, ZIPs, businesses, emails, cost (USD), created"),
        (80, "ZIPs, emails, cost (USD), created"),
        (100, "ZIPs, emails, created"),
        (200, None),
    ],
)
def test_a_list_leaves_out_what_matters_less(
    campaign: uuid.UUID, columns: int, left_out: str | None
) -> None:
    lines = on_terminal(columns, "campaign", "list")
    table = [line for line in lines if not line.startswith("campaigndb:")]
    assert max(map(len, table)) <= columns
    assert sum(str(campaign) in line for line in lines) == 1
    assert "A rather long" in "\n".join(lines)
    assert lines[-1] == "1 campaign"
    notes = [line for line in lines if line.startswith("campaigndb:")]
    expected = f"campaigndb: the terminal is too narrow for {left_out} (--json shows all)"
    assert notes == ([] if left_out is None else [expected])
    headings = ("id", "name", "status", "ZIPs", "businesses", "emails", "cost (USD)", "created")
    for heading in headings:
        is_shown = any(re.search(rf"┃\s*{re.escape(heading)}\s*┃", line) for line in lines)
        assert is_shown == (heading not in (left_out or "").split(", "))


def test_a_very_narrow_one_has_a_line_for_each_value(campaign: uuid.UUID) -> None:
    lines = on_terminal(45, "campaign", "list")
    assert f"id: {campaign}" in lines
    assert f"name: {NAME}" in lines
    assert "cost (USD): 123456.7891" in lines


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
@pytest.mark.parametrize(
    "command", [["reconcile"], ["stats"], ["campaign", "show"]], ids=lambda value: value[0]
)
def test_no_command_cuts_an_id(
    campaign: uuid.UUID,
    add_business: Callable[..., uuid.UUID],
    columns: int,
    command: list[str],
) -> None:
    if command == ["stats"]:
        add_business("place", owner=campaign)  # waits in a queue
    arguments = [*command, str(campaign)] if "show" in command else command
    shown = "\n".join(on_terminal(columns, *arguments))
    assert str(campaign) in shown
    if command == ["reconcile"]:
        for value in ("9.0000", "123456.7891", "-123447.7891", "facebook_cost"):
            assert value in shown
