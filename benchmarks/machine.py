"""What the figures were measured on, in one line."""

from __future__ import annotations

import platform
from pathlib import Path

import psutil
from sqlalchemy import Engine, text


def describe_machine(engine: Engine) -> str:
    """Processor, cores, memory, system, the server's version and Python's."""
    with engine.connect() as connection:
        server = connection.execute(text("show server_version")).scalar_one().split()[0]
    gigabytes = round(psutil.virtual_memory().total / 1024**3)
    cores = psutil.cpu_count()
    return (
        f"{cores} cores of {_processor()}, {gigabytes} GB, {platform.system()}; "
        f"PostgreSQL {server}, Python {platform.python_version()}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return " ".join(value.split())
    return platform.processor() or platform.machine()
