"""`--tenant NAME` and `--all-tenants` for a command that works on one schema."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Annotated, Any

import typer

from campaigndb.cli.failures import CommandFailure, describe
from campaigndb.cli.terminal import collected_json, notice, print_json, printable
from campaigndb.embedded_server import database_url
from campaigndb.operations.tenants.registry import (
    Tenant,
    get_tenant,
    list_tenants,
    reader_connection,
)
from campaigndb.operations.tenants.roles import tenant_settings
from campaigndb.settings import Settings, get_settings

TenantOption = Annotated[
    str | None, typer.Option("--tenant", metavar="NAME", help="Run on this tenant's schema.")
]
_ALL_TENANTS = "Run on every tenant, even if some fail. The exit code is the highest one"
AllTenantsOption = Annotated[bool, typer.Option("--all-tenants", help=f"{_ALL_TENANTS}.")]
AllTenantsJsonOption = Annotated[
    bool, typer.Option("--all-tenants", help=f'{_ALL_TENANTS}. JSON is {{"tenants": […]}}.')
]


_ONE_OF_ALL = "one_of_all"


def per_tenant(
    command: Callable[..., None], check_for_all: Callable[[dict[str, Any]], None] = lambda _: None
) -> Callable[..., None]:
    """Adds the two options to a command.

    The command's first parameter is `settings: Settings`, which is filled in; its `schema_name` and
    `app_role` are the tenant's. The command must print JSON by `print_json`. If it has a parameter
    `one_of_all`, that is the tenant's name when the command runs for all tenants, else None.
    `check_for_all` is called once, before the first of all tenants. It refuses options that work
    for none of them, or a database.
    """

    @functools.wraps(command)
    def run(*, tenant: str | None, all_tenants: bool, **options: Any) -> None:
        settings = get_settings()
        if tenant is not None and all_tenants:
            raise CommandFailure("say --tenant NAME or --all-tenants")
        if all_tenants:
            check_for_all(options)
            _on_all(command, settings, options, filled_in)
        elif tenant is not None:
            with reader_connection(database_url(settings), settings) as connection:
                found = get_tenant(connection, tenant, settings, with_revisions=False)
            command(_settings_of(found, settings), **filled_in(None), **options)
        else:
            command(settings, **filled_in(None), **options)

    signature = inspect.signature(command, eval_str=True)

    def filled_in(one_of_all: str | None) -> dict[str, Any]:
        return {_ONE_OF_ALL: one_of_all} if _ONE_OF_ALL in signature.parameters else {}

    parameters = {
        name: each
        for name, each in signature.parameters.items()
        if name not in ("settings", _ONE_OF_ALL)
    }
    for_all = AllTenantsJsonOption if "as_json" in parameters else AllTenantsOption
    for name, annotation, default in (
        ("tenant", TenantOption, None),
        ("all_tenants", for_all, False),
    ):
        parameters[name] = inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
        )
    run.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[
            each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters.values()
        ]
    )
    run.__annotations__ = {name: each.annotation for name, each in parameters.items()}
    return run


def _on_all(
    command: Callable[..., None],
    settings: Settings,
    options: dict[str, Any],
    filled_in: Callable[[str | None], dict[str, Any]],
) -> None:
    with reader_connection(database_url(settings), settings) as connection:
        tenants = list_tenants(connection, settings, with_revisions=False)
    if not tenants:
        # Otherwise a check of no tenant would look like a check without findings.
        raise CommandFailure("the database has no tenants (CAMPAIGNDB_TENANT_PREFIX says whose)")
    is_json = bool(options.get("as_json")) or options.get("output_format") == "json"
    told: list[dict[str, Any]] = []
    worst = 0
    for tenant in tenants:
        if not is_json:
            print(f"tenant {tenant.name}", flush=True)
        documents: list[Any] = []
        try:
            with collected_json(documents) if is_json else nullcontext():
                command(_settings_of(tenant, settings), **filled_in(tenant.name), **options)
        except typer.Exit as end:
            worst = max(worst, end.exit_code)
        except Exception as error:  # noqa: BLE001 - every failure is a line, and the next one's turn
            line, exit_code = describe(error)
            worst = max(worst, exit_code)
            notice(f"tenant {tenant.name}: {line}")
            documents = [*documents, {"error": printable(line)}]
        told.append({"tenant": tenant.name} | dict(_members(documents)))
    if is_json:
        print_json({"tenants": told})
    if worst:
        raise typer.Exit(worst)


def _members(documents: list[Any]) -> Iterator[tuple[str, Any]]:
    """The members of one tenant's JSON. If a command prints a list, it is called `items`."""
    for document in documents:
        yield from document.items() if isinstance(document, dict) else [("items", document)]


def _settings_of(tenant: Tenant, settings: Settings) -> Settings:
    return tenant_settings(tenant.name, settings, granted_roles=tenant.granted_roles)
