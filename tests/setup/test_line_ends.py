"""A checkout that git makes with Windows' line ends has this project's own."""

import subprocess
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def test_no_checkout_turns_line_ends(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    options = ("-c", "core.autocrlf=true", "-c", "core.eol=crlf")
    subprocess.run(["git", *options, "clone", "--quiet", PROJECT, clone], check=True)
    listed = subprocess.run(
        ["git", *options, "ls-files", "--eol"],
        cwd=clone,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert len(listed) > 500
    assert [line for line in listed if "w/crlf" in line or "w/mixed" in line] == []
