"""The page in Chromium: on a phone, in dark mode, printed. The pictures stay in build/report."""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from campaigndb import CampaignStore
from tests.report.conftest import Page

MakePage = Callable[..., Page]
PICTURES = Path(__file__).parents[2] / "build" / "report"
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    # Whatever the page asks for is not there.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
DARK = "--blink-settings=preferredColorScheme=0"
LIGHT = "--blink-settings=preferredColorScheme=1"
PHONE_WIDTH = 360
# A window cannot be as narrow as a phone, a frame can. The page runs no script: its frame tells.
FRAME = """<!doctype html><body style="margin:0">
<iframe id="frame" width="{width}" height="{height}" style="border:0" srcdoc="{page}"></iframe>
<script>frame.onload = () => {{
  const view = frame.contentWindow, page = view.document
  const background = view.getComputedStyle(page.body).backgroundColor
  document.title = `${{page.documentElement.scrollWidth}} ${{view.innerWidth}} ${{background}}`
}}</script>"""


@pytest.fixture(scope="module")
def browser() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        reason = "chromium is not installed: the page is not looked at in a browser"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{reason}; .ci/run installs it")
        pytest.skip(reason)
    return found


@pytest.fixture
def chromium(browser: str, tmp_path: Path) -> Callable[..., str]:
    def run(page: Path, *options: str) -> str:
        done = subprocess.run(
            [browser, *OPTIONS, f"--user-data-dir={tmp_path / 'profile'}", *options, page.as_uri()],
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
            env={**os.environ, "HOME": str(tmp_path)},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.usefixtures("filled")
def test_the_page_fits_a_phone_turns_dark_and_prints(
    page: MakePage,
    store: CampaignStore,
    other_campaign_id: uuid.UUID,
    chromium: Callable[..., str],
    tmp_path: Path,
) -> None:
    store.create_campaign_with_coverage({"name": "Anunlikelylongword" * 8, "status": "completed"})
    store.track_campaign_cost(other_campaign_id, "linkedin", 1, "123456.7891")
    whole = tmp_path / "report.html"
    whole.write_text(page().html, encoding="utf-8")
    framed = tmp_path / "phone.html"
    framed.write_text(
        FRAME.format(
            width=PHONE_WIDTH, height=4000, page=html.escape(whole.read_text(encoding="utf-8"))
        ),
        encoding="utf-8",
    )
    PICTURES.mkdir(parents=True, exist_ok=True)

    told = re.search(r"<title>(.*?)</title>", chromium(framed, "--dump-dom", DARK))

    assert told is not None
    width, frame_width, background = told[1].split(" ", 2)
    assert int(frame_width) == PHONE_WIDTH
    assert int(width) <= PHONE_WIDTH
    assert background == "rgb(18, 22, 28)"

    for name, source, options in (
        ("desktop.png", whole, ("--window-size=1280,1800", LIGHT)),
        ("dark.png", whole, ("--window-size=1280,1800", DARK)),
        ("phone.png", framed, ("--window-size=500,4000", LIGHT)),
    ):
        picture = PICTURES / name
        picture.unlink(missing_ok=True)
        chromium(source, f"--screenshot={picture}", *options)
        assert picture.read_bytes().startswith(b"\x89PNG")
    printed = PICTURES / "report.pdf"
    printed.unlink(missing_ok=True)
    chromium(whole, "--no-pdf-header-footer", f"--print-to-pdf={printed}", DARK)
    assert printed.read_bytes().startswith(b"%PDF")
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", printed.read_bytes())) <= 3
    assert (PICTURES / "dark.png").read_bytes() != (PICTURES / "desktop.png").read_bytes()
