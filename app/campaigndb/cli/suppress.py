"""`campaigndb suppress`, `campaigndb unsuppress`: the list of contacts not to be used."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from campaigndb import CampaignStore
from campaigndb.cli.connection import connected_store
from campaigndb.cli.failures import FOUND_SOMETHING, CommandFailure
from campaigndb.cli.terminal import (
    cell,
    print_json,
    print_json_list,
    print_rows,
    shown_count,
)
from campaigndb.operations.contact_lists import Listed, contacts_in
from campaigndb.operations.counted import counted

# Contacts in a batch. Writers of addresses wait while a batch is stored.
BATCH = 5_000
PAGE = 1_000
REFUSALS_SHOWN = 10
_PROVIDER = "whole provider's domain"


class _AddByDefault(TyperGroup):
    """`suppress EMAIL` is `suppress add EMAIL`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in ("-h", "--help", *self.commands):
            args = ["add", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_AddByDefault,
    no_args_is_help=True,
    help="Remove addresses, domains, phones and places from all claims and leads: "
    "`campaigndb suppress FILE|EMAIL… [--domain …] [--phone …] [--place …] [--reason …]`.",
)

Given = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILE|EMAIL…",
        help="Addresses, or files: one address a line, or tables (CSV, Excel, JSON) with a column "
        "email, domain, phone or place_id, and optionally reason; - for standard input.",
    ),
]
Domains = Annotated[
    list[str] | None, typer.Option("--domain", help="With its subdomains; may be repeated.")
]
Phones = Annotated[list[str] | None, typer.Option("--phone", help="May be repeated.")]
Places = Annotated[list[str] | None, typer.Option("--place", help="A place_id; may be repeated.")]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]


@app.command(hidden=True)
def add(
    given: Given = None,
    domains: Domains = None,
    phones: Phones = None,
    places: Places = None,
    reason: Annotated[
        str | None,
        typer.Option(help="The reason, for contacts without one. Do not name the person."),
    ] = None,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes", help="Also suppress whole providers' domains (gmail.com), without asking."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add contacts to the list, for all campaigns. Repeating it changes nothing.

    Runs as the role that may only call the functions.

    Exit code 0: all are on the list; 1: some were refused, and are shown; 2: it could not run.
    """
    contacts = _named(given, domains, phones, places, reason)
    _change(contacts, yes=yes, as_json=as_json, remove=False)


def unsuppress(
    given: Given = None,
    domains: Domains = None,
    phones: Phones = None,
    places: Places = None,
    as_json: AsJson = False,
) -> None:
    """Remove contacts from the list. Their addresses and places are used again.

    Exit code 0: none of them is on the list any more; 1: some were refused, and are shown; 2: it
    could not run.
    """
    _change(_named(given, domains, phones, places), yes=True, as_json=as_json, remove=True)


@app.command("list")
def list_suppressed(
    kind: Annotated[str | None, typer.Option(help="email, domain, phone or place.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the list. Addresses and phones are stored as hashes only."""

    def entries(store: CampaignStore) -> Iterator[Any]:
        after = None
        while page := store.list_suppressions(kind, PAGE, after):
            yield from page
            after = page[-1].entry

    with connected_store() as store:
        found = entries(store)
        if as_json:
            print_json_list(dict(each) for each in found)
            return
        first = next(found, None)
        if first is None:
            print("nobody is suppressed")
            return
        rows = (
            (
                each.kind,
                each.value or each.entry.partition(":")[2][:12] + "…",
                each.reason,
                "erased" if each.is_erased else "",
                each.created_at,
            )
            for each in chain([first], found)
        )
        print_rows(("kind", "value or hash", "reason", "", "since"), rows)


@app.command()
def check(
    given: Given = None,
    domains: Domains = None,
    phones: Phones = None,
    places: Places = None,
    as_json: AsJson = False,
) -> None:
    """Check whether contacts are on the list, by their own entry or by their domain's.

    Exit code 0: none is; 1: some are; 2: it could not run.
    """
    is_any = False
    shown: list[dict[str, Any]] = []
    with connected_store() as store:
        for batch in _batches(_named(given, domains, phones, places)):
            for found in store.check_contacts([each.contact for each in batch]).contacts:
                is_any |= found.is_suppressed
                value = next(iter(batch[found.index].contact.values()))
                shown.append({"contact": value, **found})
    if as_json:
        print_json(
            [{name: value for name, value in each.items() if name != "index"} for each in shown]
        )
    for each in () if as_json else shown:
        print(f"{cell(each['contact'])}: {_answer(each)}")
    if is_any:
        raise typer.Exit(FOUND_SOMETHING)


def _answer(found: Mapping[str, Any]) -> str:
    if found["problem"] is not None:
        return str(found["problem"])
    if not found["is_suppressed"]:
        return "not suppressed"
    how = "erased" if found["is_erased"] else "suppressed"
    by = "" if found["by"] == found["kind"] else f" by its {found['by']}"
    reason = f" ({cell(found['reason'])})" if found["reason"] else ""
    return f"{how}{by} since {cell(found['since'])}{reason}"


def _change(contacts: Iterable[Listed], *, yes: bool, as_json: bool, remove: bool) -> None:
    counts = {"unsuppressed" if remove else "suppressed": 0, "unknown" if remove else "known": 0}
    counts |= {"businesses": 0, "failed": 0}
    refused: list[dict[str, str]] = []
    providers: list[Listed] = []
    with connected_store() as store, shown_count("contacts") as show:
        change = store.unsuppress_contacts if remove else store.suppress_contacts
        done = 0

        def send(batch: Sequence[Listed], extra: dict[str, Any], *, ask: bool) -> None:
            result = change([{**each.contact, **extra} for each in batch])
            for name in counts:
                counts[name] += result[name]
            for failure in result.failures:
                listed = batch[failure.index]
                if ask and _PROVIDER in failure.reason and "domain" in listed.contact:
                    providers.append(listed)
                    counts["failed"] -= 1
                elif len(refused) < REFUSALS_SHOWN or as_json:
                    refused.append({"where": listed.where, "reason": failure.reason})

        for batch in _batches(contacts):
            send(batch, {"whole_provider": True} if yes else {}, ask=not yes)
            show(done := done + len(batch))
    if providers:
        names = ", ".join(sorted({each.contact["domain"].lower() for each in providers}))
        if not sys.stdin.isatty():
            raise CommandFailure(
                f"{names}: everybody's addresses; --yes suppresses them all the same "
                f"({counted(counts['suppressed'], 'other contact')} suppressed)"
            )
        if typer.confirm(f"All addresses at {names} would be suppressed. Really?", err=True):
            with connected_store() as store:
                change = store.suppress_contacts
                send(providers, {"whole_provider": True}, ask=False)
    if as_json:
        print_json(counts | {"failures": refused})
    else:
        name, other = list(counts)[:2]
        print(
            f"{counts[name]:,} {name}, {counts[other]:,} {other}, "
            f"{counted(counts['businesses'], 'business', 'businesses')} changed, "
            f"{counts['failed']:,} refused"
        )
        for each in refused:
            print(f"  {each['where']}: {each['reason']}")
        if counts["failed"] > len(refused):
            print(f"  and {counts['failed'] - len(refused):,} more")
    if counts["failed"]:
        raise typer.Exit(FOUND_SOMETHING)


def _named(
    given: Sequence[str] | None,
    domains: Sequence[str] | None,
    phones: Sequence[str] | None,
    places: Sequence[str] | None,
    reason: str | None = None,
) -> Iterator[Listed]:
    """All contacts of the command line. Files are read one contact at a time."""
    if not (given or domains or phones or places):
        raise typer.BadParameter("name an address, a file, or a --domain, --phone or --place")
    said = {} if reason is None else {"reason": reason}
    for kind, values in (("domain", domains), ("phone", phones), ("place_id", places)):
        for value in values or ():
            yield Listed(f"--{kind.removesuffix('_id')} {value}", {kind: value} | said)
    for each in given or ():
        if not each.strip() or ("@" in each and not Path(each).exists()):
            yield Listed(each.strip() or "an empty text", {"email": each} | said)
            continue
        for listed in contacts_in(Path(each)):
            yield Listed(
                listed.where,
                listed.contact if "reason" in listed.contact else listed.contact | said,
            )


def _batches(listed: Iterable[Listed]) -> Iterator[list[Listed]]:
    rest = iter(listed)
    while batch := list(islice(rest, BATCH)):
        yield batch
