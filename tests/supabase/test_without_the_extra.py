"""Who lacks the packages of the extra `supabase` is told its name."""

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "module", ["campaigndb.http.supabase_store", "campaigndb.http.gmaps_supabase_manager"]
)
@pytest.mark.parametrize("missing", ["httpx", "postgrest", "supabase"])
def test_the_extra_is_named(module: str, missing: str) -> None:
    code = f"import sys\nsys.modules[{missing!r}] = None\nimport {module}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ModuleNotFoundError: the stores over HTTP need the extra ")
    assert "campaigndb[supabase]" in last
    assert missing in last
