"""Which extra installs a package that a command needs."""

from __future__ import annotations

_EXTRAS = {
    "alembic": "cli",
    "alembic_utils": "cli",
    "prometheus_client": "cli",
    "psutil": "cli",
    "rich": "cli",
    "typer": "cli",
    "charset_normalizer": "cli",
    "jinja2": "report",
    "openpyxl": "excel",
    "markupsafe": "report",
    "pyarrow": "parquet",
    "pygal": "report",
    "httpx": "supabase",
    "postgrest": "supabase",
    "supabase": "supabase",
    "opentelemetry": "telemetry",
}


def missing_extra(error: ImportError) -> str | None:
    """One line that names the extra; None if no extra has the missing package."""
    package = (error.name or "").partition(".")[0]
    extra = _EXTRAS.get(package)
    if extra is None:
        return None
    return f'the package {package} is not installed: pip install "campaigndb[{extra}]"'
