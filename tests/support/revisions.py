"""The numbers of the newest revision and of the one before it."""

from pathlib import Path

_VERSIONS = Path(__file__).parents[2] / "alembic" / "versions"
PREVIOUS, HEAD = sorted(path.name.partition("_")[0] for path in _VERSIONS.glob("*.py"))[-2:]
