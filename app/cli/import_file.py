"""`campaigndb import`: a file of scraped records into a campaign."""

from __future__ import annotations

import sys
import uuid
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from app import CampaignStore
from app.cli.connection import connected
from app.cli.failures import FOUND_SOMETHING, INTERRUPTED, CommandFailure
from app.cli.terminal import error_console, notice, print_json, printable
from app.importer import ImportReport, ImportState
from app.importer import import_file as run_import
from app.importer.import_run import DEFAULT_BATCH_SIZE
from app.importer.progress_file import REJECTIONS_KEPT
from app.settings import get_settings
from app.wording import counted

MAX_BATCH_SIZE = 10_000


def import_file(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="JSON lines, a JSON array, or a JSON object with an array; also .gz.",
        ),
    ],
    campaign_id: Annotated[
        uuid.UUID | None, typer.Option("--campaign", help="The campaign's UUID.")
    ] = None,
    new_campaign: Annotated[
        str | None,
        typer.Option(
            "--new",
            help="Instead: the name of a campaign to create, with the first records that can be "
            "stored. The same file and name again: the same campaign.",
        ),
    ] = None,
    zip_code: Annotated[
        str | None,
        typer.Option("--zip", help="The ZIP code searched; default: each record's postal code."),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, max=MAX_BATCH_SIZE, help="Records of one ZIP code sent at once.")
    ] = DEFAULT_BATCH_SIZE,
    file_format: Annotated[
        Literal["auto", "jsonl", "json"],
        typer.Option("--format", help="auto: told by the content."),
    ] = "auto",
    array: Annotated[
        str | None, typer.Option(help="The array's key, where an object holds several.")
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Ignore how far an interrupted import came.")
    ] = False,
    rejects: Annotated[
        Path | None, typer.Option(help="Write all rejected records here, as JSON lines.")
    ] = None,
    show_rejects: Annotated[
        int, typer.Option(min=0, max=REJECTIONS_KEPT, help="So many rejections are shown.")
    ] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="The report for machines.")] = False,
) -> None:
    """Import scraped records into a campaign.

    Importing a file again changes nothing, and an interrupted import goes on where it stopped
    when the same command is given again. Records that cannot be stored are reported and do not
    stop the others.

    Exit code 0: imported, perhaps with rejected records; 1: nothing could be imported; 2: it
    could not run, or not to the end of the file.
    """
    if (campaign_id is None) == (new_campaign is None):
        raise typer.BadParameter("give one of --campaign and --new", param_hint="--campaign")
    with connected() as engine, _progress_bar() as bar:
        task = bar.add_task(printable(file.name), total=None, records="")

        def show(state: ImportState) -> None:
            records = counted(state.tally.records, "record")
            bar.update(task, completed=state.bytes_read, total=state.size, records=records)

        try:
            report = run_import(
                CampaignStore(engine, schema=get_settings().schema_name),
                file,
                campaign_id=campaign_id,
                new_campaign=new_campaign,
                zip_code=zip_code,
                batch_size=batch_size,
                file_format=None if file_format == "auto" else file_format,
                array=array,
                restart=restart,
                rejects_path=rejects,
                on_progress=show,
                on_notice=notice,
            )
        except KeyboardInterrupt:
            raise CommandFailure(
                "interrupted: the same command again goes on where it stopped", INTERRUPTED
            ) from None
    if as_json:
        _print_json(report)
    else:
        _print_report(report, show_rejects, rejects)
    if not report.tally.stored:
        raise typer.Exit(FOUND_SOMETHING)


def _progress_bar() -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[records]}", markup=False),
        console=error_console(),
        disable=not sys.stderr.isatty(),
    )


def _print_json(report: ImportReport) -> None:
    print_json(
        {
            "campaign_id": report.campaign_id,
            **report.tally.model_dump(exclude={"rejections"}),
            "rejections": [
                {report.unit: rejection.number, "reason": rejection.reason}
                for rejection in report.tally.rejections
            ],
            "continued_after": report.continued_after,
            "total_businesses": report.statistics.total_businesses if report.statistics else 0,
            "total_emails": report.statistics.total_emails if report.statistics else 0,
        }
    )


def _print_report(report: ImportReport, show_rejects: int, rejects: Path | None) -> None:
    tally = report.tally
    where = f"into the campaign {report.campaign_id}" if report.campaign_id else "into no campaign"
    print(f"{counted(tally.records, 'record')} {where}:")
    print(f"  inserted        {tally.inserted:>10,}")
    print(f"  updated         {tally.updated:>10,}")
    print(f"  skipped         {tally.skipped:>10,}  (unchanged, or repeated)")
    print(f"  other campaign  {tally.other_campaign:>10,}  (the place stays with it)")
    print(f"  rejected        {tally.rejected:>10,}")
    shown = tally.rejections[:show_rejects]
    for rejection in shown:
        print(f"    {report.unit} {rejection.number:,}: {printable(rejection.reason)}")
    if tally.rejected > len(shown):
        print(f"    and {tally.rejected - len(shown):,} more")
    if tally.rejected and rejects is None:
        print("    (--rejects FILE writes them all to a file)")
    elif tally.rejected:
        print(f"    all of them: {rejects}")
    counts = report.statistics
    if counts is None:
        print("No record can be stored: no campaign was created.")
        return
    print(
        f"The campaign has {counted(counts.total_businesses, 'business', 'businesses')} now, "
        f"{counts.total_emails:,} of them with an email."
    )
