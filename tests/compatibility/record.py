"""Writes this release's calls beside this file: `.venv/bin/python -m tests.compatibility.record`"""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import create_engine

from campaigndb import __version__
from campaigndb.embedded_server import temporary_server
from campaigndb.migrations.commands import upgrade
from campaigndb.settings import Settings
from tests.compatibility.recording import Recording, record

FOLDER = Path(__file__).parent


def recording_path(release: str) -> Path:
    return FOLDER / f"calls_{release}.json"


def as_text(recording: Recording) -> str:
    return json.dumps(recording, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    with temporary_server(Settings(_env_file=None)) as server:
        upgrade(server.url, settings=Settings(_env_file=None))
        engine = create_engine(server.url)
        recording = record(engine, __version__)
        engine.dispose()
    path = recording_path(__version__)
    path.write_text(as_text(recording), encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
