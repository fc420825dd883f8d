"""Processes that start in a moment: each is forked from one that has imported the slow parts."""

from __future__ import annotations

import multiprocessing

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(
    [
        "campaigndb",
        "sqlalchemy.ext.asyncio",
        "sqlalchemy.dialects.postgresql.psycopg",
        "alembic.config",
        "campaigndb.migrations.commands",
        "campaigndb.migrations.deploy_lock",
        "campaigndb.migrations.functions",
    ]
)
