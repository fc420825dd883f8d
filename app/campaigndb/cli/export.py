"""`campaigndb export`: a campaign's leads as CSV, JSON lines or Parquet."""

from __future__ import annotations

import datetime
import json
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from campaigndb import CampaignStore
from campaigndb.cli.connection import connected_store
from campaigndb.cli.failures import CommandFailure
from campaigndb.cli.terminal import notice, shown_count
from campaigndb.operations.counted import counted
from campaigndb.operations.exporter import (
    EVERYTHING,
    ExportError,
    Layout,
    export_leads,
    load_preset,
    named_columns,
    preset_names,
)

# Minimum number of characters of an abbreviated id.
SHORT_ID = 8
PAGE = 1000
_LISTS = ("zip_codes", "categories")


def export(
    campaign: Annotated[
        str,
        typer.Argument(
            metavar="CAMPAIGN",
            help=f"The campaign's UUID, its first {SHORT_ID} characters or more, or its name.",
        ),
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE|-", help="The file; -: standard output.")
    ] = "-",
    file_format: Annotated[
        Literal["auto", "csv", "jsonl", "parquet"],
        typer.Option("--format", help="auto: by the file's name, else CSV."),
    ] = "auto",
    preset: Annotated[
        str | None,
        typer.Option(help=f"Columns for the import page of: {', '.join(preset_names())}."),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="LIST", help="Your own columns instead, such as name,Email=email,phone."
        ),
    ] = None,
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            metavar="KEY=VALUE",
            help="emails (safe, verified, any, none), zip_codes, categories, min_rating. Separate "
            "values by commas; may be repeated. Default: safe addresses only.",
        ),
    ] = None,
    duplicates: Annotated[
        Literal["drop", "keep"],
        typer.Option(help="drop: only the first lead of each address. keep: all leads."),
    ] = "drop",
    since: Annotated[
        str | None,
        typer.Option(
            metavar="last|TIME",
            help="Only leads whose address or verdict changed since then. last: since the last "
            "export with the same filter.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    exported_by: Annotated[
        str | None, typer.Option("--by", help="Who exports, for the log. Default: the role.")
    ] = None,
) -> None:
    """Export a campaign's leads, as the role that may only call the functions.

    Closed places, suppressed contacts and addresses that are not known to be safe are left out. The
    file appears under its name when it is complete. Every export is logged; `campaigndb campaign
    show` lists them.

    Exit code 0: exported, even if there is no lead; 2: it could not run.
    """
    if preset is not None and columns is not None:
        raise typer.BadParameter("give one of --preset and --columns", param_hint="--columns")
    path = None if output == "-" else Path(output)
    chosen = _format(file_format, path)
    if path is None and chosen == "parquet" and sys.stdout.isatty():
        raise CommandFailure("Parquet is not for a terminal: --output FILE")
    layout = _layout(preset, columns)
    wanted = _filter(filters or []) | {"duplicates": duplicates}
    with connected_store() as store:
        campaign_id = find_campaign(store, campaign)
        # With a filter the number of leads is not known beforehand.
        is_plain = not filters and since is None
        total = store.get_campaign(campaign_id).leads if is_plain else None
        with shown_count("leads", total) as show:
            exported = export_leads(
                store,
                campaign_id,
                path,
                file_format=chosen,
                preset=preset,
                layout=layout,
                lead_filter=wanted,
                since=_time(since),
                force=force,
                exported_by=exported_by,
                on_progress=show,
            )
    if since == "last":
        began = exported.filter.get("since")
        notice(
            f"what changed since {began}"
            if began
            else "there was no export with this filter before: all leads"
        )
    where = "" if path is None else f" in {path}"
    notice(f"{counted(exported.leads, 'lead')}{where}")


def find_campaign(store: CampaignStore, given: str) -> uuid.UUID:
    """Finds a campaign by its id, the first characters of its id, or its name.

    Raises:
        CommandFailure: no campaign or several campaigns match.
    """
    try:
        return uuid.UUID(given)
    except ValueError:
        pass
    found = []
    after = None
    while page := store.list_campaigns(PAGE, after):
        found += [
            each
            for each in page
            if each.name == given
            or (len(given) >= SHORT_ID and str(each.campaign_id).startswith(given.lower()))
        ]
        after = page[-1].campaign_id
    if not found:
        raise CommandFailure(f"there is no campaign {given!r} (campaigndb campaign list)")
    if len(found) > 1:
        ids = ", ".join(str(each.campaign_id) for each in found[:5])
        raise CommandFailure(f"{len(found):,} campaigns are {given!r}: give one's id: {ids}")
    return found[0].campaign_id


def _format(
    given: Literal["auto", "csv", "jsonl", "parquet"], path: Path | None
) -> Literal["csv", "jsonl", "parquet"]:
    if given != "auto":
        return given
    suffix = path.suffix.lower() if path is not None else ""
    if suffix in (".jsonl", ".ndjson"):
        return "jsonl"
    return "parquet" if suffix == ".parquet" else "csv"


def _layout(preset: str | None, columns: str | None) -> Layout:
    if preset is not None:
        return load_preset(preset)
    return EVERYTHING if columns is None else Layout(columns=named_columns(columns))


def _filter(given: Sequence[str]) -> dict[str, Any]:
    """Reads `KEY=VALUE` options. The function itself checks names and values."""
    found: dict[str, Any] = {}
    for each in given:
        if each.lstrip().startswith("{"):
            try:
                found |= json.loads(each)
            except ValueError as error:
                raise ExportError(f"--filter is no JSON object: {error}") from None
            continue
        key, equals, value = each.partition("=")
        if not equals:
            raise ExportError(f"--filter {each!r} is no KEY=VALUE, such as emails=any")
        key = key.strip()
        if key in _LISTS:
            found[key] = found.get(key, []) + [part.strip() for part in value.split(",")]
        else:
            found[key] = value.strip()
    return found


def _time(given: str | None) -> datetime.datetime | str | None:
    if given is None or given == "last":
        return given
    try:
        time = datetime.datetime.fromisoformat(given)
    except ValueError:
        raise ExportError(
            f"--since {given!r} is neither last nor a time, such as 2026-01-31T09:00:00Z"
        ) from None
    return time if time.tzinfo is not None else time.replace(tzinfo=datetime.UTC)
