"""Migrating all tenants: several at once, past those that fail, and again from where it ended."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from campaigndb.migrations.commands import downgrade, upgrade
from campaigndb.migrations.configuration import alembic_config
from campaigndb.migrations.messages import describe_database_error
from campaigndb.operations.tenants.errors import TenantError
from campaigndb.operations.tenants.registry import (
    Tenant,
    get_tenant,
    owner_connection,
    shown_revision,
)
from campaigndb.operations.tenants.roles import naming_the_role, tenant_settings
from campaigndb.operations.worker_processes import ProcessDied, in_processes
from campaigndb.settings import Settings


@dataclass(frozen=True)
class Upgrade:
    """What became of one tenant.

    Attributes:
        tenant: its name.
        before: its revision before; empty for none; None where it could not be read.
        after: its revision now, which a failed one may have come to; as `before`.
        seconds: how long it took.
        failure: why it failed, in one line; None where it did not.
    """

    tenant: str
    before: str | None
    after: str | None
    seconds: float = 0.0
    failure: str | None = None

    @property
    def line(self) -> str:
        """For people and logs."""
        if self.failure is not None:
            return f"{self.tenant}: FAILED at {shown_revision(self.after)}: {self.failure}"
        if self.before == self.after:
            return f"{self.tenant}: at {shown_revision(self.after)}"
        return (
            f"{self.tenant}: {shown_revision(self.before)} -> {shown_revision(self.after)}"
            f" ({self.seconds:.1f} s)"
        )


@dataclass(frozen=True)
class _Task:
    url: URL
    settings: Settings
    tenant: Tenant
    revision: str
    app_role: str | None
    down: bool


def upgrade_tenants(
    url: URL,
    tenants: Sequence[Tenant],
    settings: Settings,
    *,
    revision: str = "head",
    jobs: int | None = None,
    app_role: str | None = None,
    down: bool = False,
) -> Iterator[Upgrade]:
    """Migrates each tenant; yields what became of it as soon as it is known.

    A tenant that is there already, with the role that it is for, is not touched: after a failure or
    an interruption the same call does the rest.

    Args:
        url: the database, as the role that migrates.
        tenants: as `list_tenants` found them.
        settings: this process's; each tenant's own are made from it.
        revision: where to.
        jobs: how many at once, each with three connections; default: `CAMPAIGNDB_TENANT_JOBS`.
        app_role: see `tenant_settings`.
        down: to go down instead of up.
    """
    scripts = ScriptDirectory.from_config(alembic_config(settings=settings))
    target = scripts.get_current_head() if revision in ("head", "heads") else revision
    tasks = []
    for tenant in tenants:
        if tenant.revision == target and _has_its_role(tenant, settings, app_role):
            yield Upgrade(tenant.name, tenant.revision, tenant.revision)
        else:
            tasks.append(_Task(url, settings, tenant, revision, app_role, down))
    jobs = jobs or settings.tenant_jobs
    for task, done in in_processes(_migrate, tasks, jobs, preload=__name__):
        if isinstance(done, ProcessDied):
            before = task.tenant.revision
            done = Upgrade(task.tenant.name, before, before, failure=str(done))
        yield done


def _has_its_role(tenant: Tenant, settings: Settings, app_role: str | None) -> bool:
    try:
        own = tenant_settings(
            tenant.name, settings, app_role=app_role, granted_roles=tenant.granted_roles
        )
    except TenantError:
        return False  # the migration says it
    return own.app_role is None or own.app_role in tenant.granted_roles


def _migrate(task: _Task) -> Upgrade:
    """In a process of its own. Whatever is wrong with one tenant is told and stops no other."""
    tenant = task.tenant
    started = time.monotonic()
    failure = None
    try:
        own = tenant_settings(
            tenant.name,
            task.settings,
            app_role=task.app_role,
            granted_roles=tenant.granted_roles,
        )
        if task.down:
            downgrade(task.url, task.revision, own, tenant=tenant.name)
        else:
            upgrade(task.url, task.revision, own, tenant=tenant.name, is_there=True)
    except DBAPIError as error:
        problem = describe_database_error(error, task.settings)
        failure = naming_the_role(problem, task.settings, task.app_role)
    except (CommandError, TenantError) as error:
        failure = " ".join(str(error).split())
    except Exception as error:  # noqa: BLE001 - a revision's code may raise anything
        failure = f"{type(error).__name__}: {' '.join(str(error).split())}"
    after, unread = _revision_now(task)
    return replace(
        Upgrade(tenant.name, tenant.revision, after),
        seconds=time.monotonic() - started,
        failure=failure or unread,
    )


def _revision_now(task: _Task) -> tuple[str | None, str | None]:
    """Its revision, and what is wrong where it cannot be read."""
    try:
        with owner_connection(task.url, task.settings) as connection:
            tenant = get_tenant(connection, task.tenant.name, task.settings)
    except TenantError as error:
        # Down to nothing it is no tenant any more.
        return ("", None) if task.down else (task.tenant.revision, str(error))
    except DBAPIError as error:
        return task.tenant.revision, " ".join(str(error.orig).split())
    return tenant.revision, tenant.problem
