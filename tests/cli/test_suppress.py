"""`campaigndb suppress`, `unsuppress` and `erase`, as the role that may only call the functions."""

from __future__ import annotations

import csv
import gzip
import json

import pytest
from openpyxl import Workbook

from campaigndb.tables import business_emails, suppressions


@pytest.fixture(autouse=True)
def as_application(app_url, monkeypatch):
    url = app_url.set(drivername="postgresql")
    monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))


def kinds(rows) -> list[str]:
    return sorted(row.kind for row in rows(suppressions))


def test_addresses_and_options_are_put_on_the_list_and_taken_off(campaigndb, rows) -> None:
    given = ["Anna@shop.fi", "--domain", "bad.fi", "--phone", "512 555 0100", "--place", "p0"]
    done = campaigndb("suppress", *given, "--reason", "asked")
    assert (done.exit_code, done.stdout) == (
        0,
        "4 suppressed, 0 known, 0 businesses changed, 0 refused\n",
    )
    assert kinds(rows) == ["domain", "email", "phone", "place"]
    assert {row.reason for row in rows(suppressions)} == {"asked"}
    assert "0 suppressed, 4 known" in campaigndb("suppress", *given).stdout
    done = campaigndb("unsuppress", *given, "eero@shop.fi")
    assert "4 unsuppressed, 1 unknown" in done.stdout
    assert kinds(rows) == []


@pytest.mark.parametrize("form", ["text", "gzip", "csv", "semicolons", "excel", "jsonl"])
def test_files(campaigndb, rows, tmp_path, form) -> None:
    path = tmp_path / f"list.{form}"
    emails = [f"a{n}@shop.fi" for n in range(7)]
    if form == "text":
        path.write_text("# who asked\r\n\r\n" + "\r\n".join(emails), encoding="utf-8-sig")
    elif form == "gzip":
        path.write_bytes(gzip.compress("\n".join(["Email", *emails]).encode()))
    elif form in ("csv", "semicolons"):
        with path.open("w", newline="") as file:
            writer = csv.writer(file, delimiter="," if form == "csv" else ";")
            writer.writerow(["Name", "E-Mail", "Reason"])
            writer.writerows(["Anna, B", email, "asked"] for email in emails)
    elif form == "excel":
        book = Workbook()
        for row in (["Email Address", "Phone"], *([email, None] for email in emails)):
            book.active.append(row)
        book.save(path)
    else:
        path.write_text("\n".join(json.dumps({"email": email, "x": 1}) for email in emails))
    done = campaigndb("suppress", path)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("7 suppressed")
    assert kinds(rows) == ["email"] * 7


@pytest.mark.parametrize(
    "text", ["a@shop.fi", "email,reason\na@shop.fi,asked", '[{"email": "a@shop.fi"}]']
)
def test_standard_input(campaigndb, rows, tmp_path, monkeypatch, text) -> None:
    path = tmp_path / "piped"
    path.write_text(text)
    with path.open() as file:
        monkeypatch.setattr("sys.stdin", file)
        done = campaigndb("suppress", "-")
    assert done.stdout.startswith("1 suppressed")
    assert kinds(rows) == ["email"]


def test_what_is_refused_is_shown_with_its_place_and_stops_no_other(campaigndb, tmp_path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("a@shop.fi\nnobody\nb@shop.fi, c@shop.fi\nd@shop.fi\n")
    done = campaigndb("suppress", path, "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout) == {
        "suppressed": 2,
        "known": 0,
        "businesses": 0,
        "failed": 2,
        "failures": [
            {"where": "line 2", "reason": "the email is not one address"},
            {"where": "line 3", "reason": "the email is not one address"},
        ],
    }


@pytest.mark.parametrize("given", ["", "  "])
def test_an_empty_value_is_refused(campaigndb, rows, given) -> None:
    done = campaigndb("suppress", given)
    assert done.exit_code == 1
    assert "it names no email, domain, phone or place" in done.stdout
    assert campaigndb("suppress", "--domain", given).exit_code == 1
    assert rows(suppressions) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [("name,city\nAnna,Turku\n", "no field called email"), ("[1, 2]", "not a JSON object")],
)
def test_a_file_that_names_nobody_is_refused(campaigndb, rows, tmp_path, text, said) -> None:
    path = tmp_path / "list.csv"
    path.write_text(text)
    done = campaigndb("suppress", path)
    assert done.exit_code == 2
    assert said in done.stderr
    assert rows(suppressions) == []


def test_a_file_that_is_not_there(campaigndb) -> None:
    done = campaigndb("suppress", "list.txt")
    assert (done.exit_code, "list.txt" in done.stderr) == (2, True)
    assert campaigndb("suppress", "--reason", "asked").exit_code == 2


def test_a_whole_provider_asks_first(campaigndb, rows) -> None:
    done = campaigndb("suppress", "a@shop.fi", "--domain", "GMail.com")
    assert done.exit_code == 2
    assert "gmail.com: everybody's addresses; --yes suppresses them" in done.stderr
    assert kinds(rows) == ["email"]
    assert campaigndb("suppress", "--domain", "gmail.com", "--yes").exit_code == 0
    assert kinds(rows) == ["domain", "email"]


def test_the_list_and_the_check(campaigndb) -> None:
    assert campaigndb("suppress", "list").stdout == "nobody is suppressed\n"
    campaigndb("suppress", "anna@shop.fi", "--domain", "bad.fi", "--reason", "asked")
    shown = campaigndb("suppress", "list").stdout
    assert "bad.fi" in shown
    assert "anna" not in shown
    assert len(json.loads(campaigndb("suppress", "list", "--json").stdout)) == 2
    [entry] = json.loads(campaigndb("suppress", "list", "--kind", "domain", "--json").stdout)
    assert (entry["value"], entry["reason"]) == ("bad.fi", "asked")
    done = campaigndb("suppress", "check", "ANNA@shop.fi", "x@mail.bad.fi", "eero@shop.fi")
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("ANNA@shop.fi: suppressed since ")
    assert lines[1].startswith("x@mail.bad.fi: suppressed by its domain since ")
    assert lines[2] == "eero@shop.fi: not suppressed"
    assert campaigndb("suppress", "check", "eero@shop.fi").exit_code == 0


def test_an_erasure_is_shown_and_confirmed(campaigndb, add_business, rows) -> None:
    add_business("place", email="anna@shop.fi")
    shown = json.loads(campaigndb("erase", "ANNA@shop.fi", "--show").stdout)
    assert [each["email"] for each in shown["tables"]["gmaps_business_emails"]] == ["anna@shop.fi"]
    done = campaigndb("erase", "anna@shop.fi")
    assert done.exit_code == 2
    assert "gmaps_businesses: 1 row" in done.stdout
    assert "--yes" in done.stderr
    assert len(rows(business_emails)) == 1
    done = campaigndb("erase", "anna@shop.fi", "--yes")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (
        0,
        "2 rows erased; what brings the address again comes without it",
    )
    assert rows(business_emails) == []
    assert [row.is_erased for row in rows(suppressions)] == [True]
    assert "0 rows erased" in campaigndb("erase", "anna@shop.fi", "--yes").stdout
    assert campaigndb("erase", "nobody", "--yes").exit_code == 2
