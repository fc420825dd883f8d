"""Where Alembic's folder is, and its configuration for callers within a program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic.config import Config
from sqlalchemy.engine import URL

_PACKAGE = Path(__file__).resolve().parents[1]
# In a checkout the folder stands beside the package; in an installed wheel inside of it.
ALEMBIC_FOLDER = next(
    folder
    for folder in (_PACKAGE.parent / "alembic", _PACKAGE / "_alembic")
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
    # Alembic itself doubles no '%' of a path. `here` is for options that somebody adds to the file;
    # where the `alembic` command reads them, it cannot be helped (see alembic.ini).
    config.file_config.set("DEFAULT", "here", _literal(ALEMBIC_INI.parent))
    config.set_main_option("script_location", _literal(ALEMBIC_FOLDER))
    # The program that calls has its own logging.
    config.attributes.update({"configure_logging": False, **attributes})
    if url is not None:
        config.attributes["url"] = url
    return config


def _literal(path: Path) -> str:
    """As the parser of the file gives it back."""
    return str(path).replace("%", "%%")
