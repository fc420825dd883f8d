"""Alembic's folder, and its configuration for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic.config import Config
from sqlalchemy.engine import URL

_PACKAGE = Path(__file__).resolve().parents[1]
# In a checkout the folder is next to the source root, in an installed wheel inside the package.
ALEMBIC_FOLDER = next(
    folder
    for folder in (_PACKAGE.parents[1] / "alembic", _PACKAGE / "_alembic")
    if (folder / "env.py").exists()
)
ALEMBIC_INI = next(
    path
    for path in (ALEMBIC_FOLDER.parent / "alembic.ini", ALEMBIC_FOLDER / "alembic.ini")
    if path.exists()
)


def alembic_config(url: URL | None = None, **attributes: Any) -> Config:
    """Alembic's configuration; `url` and `attributes` are passed to `env.py`."""
    config = Config(str(ALEMBIC_INI))
    # Alembic does not double '%' in paths. `here` is for options that are added to the file. If the
    # `alembic` command reads them, this cannot be fixed (see alembic.ini).
    config.file_config.set("DEFAULT", "here", _literal(ALEMBIC_INI.parent))
    config.set_main_option("script_location", _literal(ALEMBIC_FOLDER))
    # The calling program has its own logging.
    config.attributes.update({"configure_logging": False, **attributes})
    if url is not None:
        config.attributes["url"] = url
    return config


def _literal(path: Path) -> str:
    """Escapes a path for the parser of the file."""
    return str(path).replace("%", "%%")
