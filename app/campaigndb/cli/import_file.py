"""`campaigndb import`: imports files of scraped records into a campaign."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from campaigndb.cli.connection import connected_store
from campaigndb.cli.failures import COULD_NOT_RUN, FOUND_SOMETHING, INTERRUPTED, CommandFailure
from campaigndb.cli.terminal import error_console, notice, print_json, printable
from campaigndb.operations.counted import counted
from campaigndb.operations.importer import (
    ImportReport,
    ImportState,
    ReadingOptions,
    files_in,
    import_files,
)
from campaigndb.operations.importer.import_run import DEFAULT_BATCH_SIZE
from campaigndb.operations.importer.progress_file import COUNTS, REJECTIONS_KEPT, Rejection, Tally

MAX_BATCH_SIZE = 10_000
# Time between two progress lines without a terminal, in seconds.
SECONDS_BETWEEN_LINES = 5.0

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE…",
        help="JSON, JSON lines, CSV or Excel, also compressed (gzip, zip); a folder with files; - "
        "for standard input. The format is detected by the content.",
    ),
]
Format = Annotated[
    Literal["auto", "jsonl", "json", "csv", "xlsx"],
    typer.Option("--format", help="auto: detected by the content."),
]
Array = Annotated[
    str | None,
    typer.Option(help="The key of the array of records, such as data.items. Default: detected."),
]
Encoding = Annotated[str | None, typer.Option(help="For example cp1252. Default: detected.")]


def import_file(
    files: Files,
    campaign_id: Annotated[
        uuid.UUID | None, typer.Option("--campaign", help="The campaign's UUID.")
    ] = None,
    new_campaign: Annotated[
        str | None,
        typer.Option(
            "--new",
            help="The name of a campaign to create instead. It is created with the first records "
            "that can be stored. The same file and name again mean the same campaign.",
        ),
    ] = None,
    into_existing: Annotated[
        bool,
        typer.Option(
            "--yes",
            help="If a campaign of this name already has places of the file, import into it.",
        ),
    ] = False,
    zip_code: Annotated[
        str | None,
        typer.Option("--zip", help="The ZIP code searched. Default: each record's postal code."),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, max=MAX_BATCH_SIZE, help="Number of records in a batch.")
    ] = DEFAULT_BATCH_SIZE,
    file_format: Format = "auto",
    array: Array = None,
    encoding: Encoding = None,
    restart: Annotated[
        bool,
        typer.Option(
            "--restart", help="Start over, ignoring the progress of an interrupted import."
        ),
    ] = False,
    rejects: Annotated[
        Path | None, typer.Option(help="Write all rejected records to this file, as JSON lines.")
    ] = None,
    show_rejects: Annotated[
        int, typer.Option(min=0, max=REJECTIONS_KEPT, help="Maximum number of rejections to show.")
    ] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Import scraped records into a campaign.

    Importing a file again changes nothing. If an import is interrupted, run the same command again
    to continue it. Records that cannot be stored are reported and do not stop the others.
    `campaigndb inspect` shows beforehand what would be read.

    Exit code 0: imported, even if records were rejected; 1: nothing could be imported; 2: it could
    not run, or could not read every file to its end.
    """
    if (campaign_id is None) == (new_campaign is None):
        raise typer.BadParameter("give one of --campaign and --new", param_hint="--campaign")
    with connected_store() as store, shown_progress() as show:
        try:
            report = import_files(
                store,
                list(files_in(files)),
                campaign_id=campaign_id,
                new_campaign=new_campaign,
                into_existing=into_existing,
                zip_code=zip_code,
                batch_size=batch_size,
                reading=reading_options(file_format, array, encoding),
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
    for failure in report.failures:
        notice(failure)
    if report.failures:
        raise typer.Exit(COULD_NOT_RUN)
    if not report.tally.stored:
        raise typer.Exit(FOUND_SOMETHING)


def reading_options(
    file_format: Literal["auto", "jsonl", "json", "csv", "xlsx"],
    array: str | None,
    encoding: str | None,
) -> ReadingOptions:
    """Converts the options of the command line for the importer."""
    return ReadingOptions(
        file_format=None if file_format == "auto" else file_format, array=array, encoding=encoding
    )


@contextmanager
def shown_progress() -> Iterator[Callable[[ImportState], None]]:
    """Shows the progress: a bar on a terminal, otherwise a line every few seconds."""
    if not sys.stderr.isatty():
        yield _lines_of_progress()
        return
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[records]}", markup=False),
        console=error_console(),
    ) as bar:
        task = bar.add_task("", total=None, records="")

        def show(state: ImportState) -> None:
            bar.update(
                task,
                description=printable(Path(state.name).name),
                completed=state.bytes_read,
                total=state.size,
                records=counted(state.tally.records, "record"),
            )

        yield show


def _lines_of_progress() -> Callable[[ImportState], None]:
    last = time.monotonic()

    def show(state: ImportState) -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            share = state.bytes_read * 100 // max(state.size, 1)
            notice(f"{state.name}: {counted(state.tally.records, 'record')}, {share}% read")

    return show


def _print_json(report: ImportReport) -> None:
    print_json(
        {
            "campaign_id": report.campaign_id,
            **{name: getattr(report.tally, name) for name in COUNTS},
            "rejections": [
                _rejection_json(item, name_file=len(report.files) > 1)
                for item in report.tally.rejections
            ],
            "other_campaigns": _other_campaigns(report.tally),
            "files": [{"name": file.name, "read_as": file.description} for file in report.files],
            "failures": list(report.failures),
            "continued_after": report.continued_after,
            "total_businesses": report.statistics.total_businesses if report.statistics else 0,
            "total_emails": report.statistics.total_emails if report.statistics else 0,
        }
    )


def _rejection_json(rejection: Rejection, *, name_file: bool) -> dict[str, Any]:
    file = {"file": rejection.file} if name_file else {}
    return {**file, rejection.unit: rejection.number, "reason": rejection.reason}


def _other_campaigns(tally: Tally) -> list[dict[str, Any]]:
    return [
        {"campaign_id": id_, "name": campaign.name, "places": campaign.places}
        for id_, campaign in tally.other_campaigns.items()
    ]


def _print_report(report: ImportReport, show_rejects: int, rejects: Path | None) -> None:
    tally = report.tally
    where = f"into the campaign {report.campaign_id}" if report.campaign_id else "into no campaign"
    print(f"{counted(tally.records, 'record')} {where}:")
    print(f"  inserted        {tally.inserted:>10,}")
    print(f"  updated         {tally.updated:>10,}")
    print(f"  skipped         {tally.skipped:>10,}  (unchanged, or repeated)")
    print(f"  other campaign  {tally.other_campaign:>10,}  (the place stays with it)")
    for campaign_id, campaign in tally.other_campaigns.items():
        places = counted(campaign.places, "place")
        print(f"    {places} of {printable(campaign.name)} ({campaign_id})")
    print(f"  rejected        {tally.rejected:>10,}")
    shown = tally.rejections[:show_rejects]
    for rejection in shown:
        file = f"{printable(rejection.file)}, " if len(report.files) > 1 else ""
        reason = printable(rejection.reason)
        print(f"    {file}{rejection.unit} {rejection.number:,}: {reason}")
    if tally.rejected > len(shown):
        print(f"    and {tally.rejected - len(shown):,} more")
    if tally.rejected and rejects is None:
        print("    (--rejects FILE writes them all to a file)")
    elif tally.rejected:
        print(f"    all of them: {rejects}")
    for count, what in (
        (tally.closed, f"{counted(tally.closed, 'known place')} closed."),
        (tally.first_emails, f"{counted(tally.first_emails, 'known place')} got a first email."),
        (tally.new_emails, f"{counted(tally.new_emails, 'new address', 'new addresses')}."),
    ):
        if count:
            print(what)
    for file_report in report.files:
        print(f"{printable(file_report.name)} was read as: {printable(file_report.description)}.")
    counts = report.statistics
    if counts is None:
        print("No record can be stored: no campaign was created.")
        return
    print(
        f"The campaign has {counted(counts.total_businesses, 'business', 'businesses')} now, "
        f"{counts.total_emails:,} of them with an email."
    )
