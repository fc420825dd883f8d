"""`python -m examples.application_logic` runs, with the same results from both sides."""

import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def test_functions_and_application_code_print_the_same_results() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.application_logic"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    # The application's code counted no addresses and had no sentence to show.
    without_ids = re.sub(
        r"UUID\('[^']+'\)|(?<=new_emails=)\d+|(?<=message=)(None|'[^']*')", "…", done.stdout
    )
    by_code, by_functions = without_ids.split("100 percent by functions\n")
    assert by_code == f"0 percent by functions\n{by_functions}"
    assert by_functions.count("\n") == 6
