"""Writes this release's calls beside this file: `.venv/bin/python -m tests.compatibility.record`"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from sqlalchemy import create_engine

from app.embedded_server import temporary_server
from app.migrations.commands import upgrade
from app.settings import Settings
from tests.compatibility.recording import Recording, record

FOLDER = Path(__file__).parent
VERSION: str = tomllib.loads((FOLDER.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]["version"]


def recording_path(release: str) -> Path:
    return FOLDER / f"calls_{release}.json"


def as_text(recording: Recording) -> str:
    return json.dumps(recording, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    with temporary_server(Settings(_env_file=None)) as server:
        upgrade(server.url, settings=Settings(_env_file=None))
        engine = create_engine(server.url)
        recording = record(engine, VERSION)
        engine.dispose()
    path = recording_path(VERSION)
    path.write_text(as_text(recording), encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
