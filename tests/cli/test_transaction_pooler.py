"""Commands behind PgBouncer in transaction mode leave the server's connections as they were."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from psycopg.sql import SQL, Identifier
from sqlalchemy.engine import URL

from campaigndb.operations.tenants.errors import TenantError
from campaigndb.operations.tenants.lifecycle import create_tenant
from campaigndb.operations.tenants.registry import owner_session
from campaigndb.settings import get_settings
from tests.cli.conftest import CampaignDb
from tests.faults.pooler import PROGRAM, pgbouncer
from tests.faults.workers import without_encryption
from tests.migrations.catalog import connect
from tests.migrations.databases import new_database, new_role

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="the program pgbouncer is not installed")

SCHEMA = "zz"
TENANT = "acme"
# What a client can leave behind it; `role` is not in pg_settings.
SESSION = """
    -- The pooler itself gives each client the name that it has said.
    select name, setting from pg_settings
    where source = 'session' and name <> 'application_name'
    union all
    select 'role', current_setting('role')
    union all
    select 'prepared', count(*)::text from pg_prepared_statements
    union all
    select 'locked', count(*)::text from pg_locks
    where pid = pg_backend_pid() and locktype = 'advisory'
    order by 1
"""
SERVER_PROCESS = "select pg_backend_pid()"


@dataclass(frozen=True)
class Pooled:
    """A database with the schema, one tenant, a campaign; and its only connection's address."""

    url: URL
    pooled: URL
    campaign_id: str

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """As the pooler's next client."""
        with connect(self.pooled, prepare_threshold=None) as connection:
            return connection.execute(query).fetchall()

    @contextmanager
    def unchanged_session(self) -> Iterator[Callable[[str], None]]:
        process, session = self.ask(SERVER_PROCESS), self.ask(SESSION)

        def check(what: str) -> None:
            assert self.ask(SESSION) == session, what
            # Of the same server connection: a new one would show nothing.
            assert self.ask(SERVER_PROCESS) == process, what

        yield check
        check("afterwards")


@pytest.fixture
def behind_pooler(
    server_url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, campaigndb: CampaignDb
) -> Iterator[Pooled]:
    number = uuid.uuid4().hex[:8]
    with (
        new_role(server_url, f"owner_{number}", "nologin") as owner,
        new_database(server_url) as url,
    ):
        with connect(url) as connection:
            connection.execute(
                SQL("grant create on database {} to {}").format(
                    Identifier(url.database or ""), Identifier(owner)
                )
            )
        monkeypatch.setenv("CAMPAIGNDB_SCHEMA", SCHEMA)
        monkeypatch.setenv("CAMPAIGNDB_OWNER_ROLE", owner)
        monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
        assert campaigndb("db", "migrate").exit_code == 0
        create_tenant(url, TENANT, get_settings())
        campaign_id = str(uuid.uuid4())
        campaigndb("campaign", "create", "--name", "Helsinki", "--id", campaign_id)
        (tmp_path / "records.jsonl").write_text(
            "".join(
                f'{{"place_id": "p{n}", "name": "A", "postal_code": "0010{n % 9}"}}\n'
                for n in range(40)
            )
        )
        with pgbouncer(url, pool_size=1) as port:
            pooled = without_encryption(url, port)
            monkeypatch.setenv("DATABASE_URL", pooled.render_as_string(hide_password=False))
            yield Pooled(url, pooled, campaign_id)


COMMANDS = (
    "reconcile",
    "reconcile --repair",
    f"reconcile --tenant {TENANT}",
    "reconcile --all-tenants",
    "stats",
    "report --html report.html --no-drift",
    "rollout show",
    "rollout set all 50",
    "campaign list",
    "campaign show {campaign_id}",
    "campaign create --name Espoo --zip 02100",
    "import records.jsonl --campaign {campaign_id} --batch-size 4",
    "tenant list",
)
REFUSED = (
    "db migrate",
    "tenant create fresh",
    f"tenant drop {TENANT} --yes",
)


def test_the_next_client_finds_the_session_as_it_was(
    behind_pooler: Pooled, campaigndb: CampaignDb
) -> None:
    with behind_pooler.unchanged_session() as check:
        for command in COMMANDS:
            result = campaigndb(*command.format(campaign_id=behind_pooler.campaign_id).split())
            assert (result.exit_code, result.stderr) == (0, ""), command
            check(command)


def test_what_needs_a_session_is_refused_in_a_line_and_changes_nothing(
    behind_pooler: Pooled, campaigndb: CampaignDb
) -> None:
    with behind_pooler.unchanged_session() as check:
        for command in REFUSED:
            result = campaigndb(*command.split())
            assert (result.exit_code, result.stdout) == (2, ""), command
            [line] = result.stderr.splitlines()
            assert "leads to a transaction pooler" in line
            check(command)
    with connect(behind_pooler.url) as connection:
        schemas = connection.execute(
            "select nspname from pg_namespace where nspname in ('acme', 'fresh')"
        )
        assert schemas.fetchall() == [(TENANT,)]


def test_moving_a_tenant_is_refused(behind_pooler: Pooled) -> None:
    with (
        behind_pooler.unchanged_session(),
        pytest.raises(TenantError, match="leads to a transaction pooler"),
        owner_session(behind_pooler.pooled, get_settings()),
    ):
        pass


def test_drift_makes_its_shadow_elsewhere(behind_pooler: Pooled, campaigndb: CampaignDb) -> None:
    """The role may create databases, but the pooler would lead to none of them."""
    with behind_pooler.unchanged_session():
        result = campaigndb("drift")
        assert (result.exit_code, result.stderr) == (0, "")
        assert "no drift" in result.stdout
