"""CSV: RFC 4180, nothing that a spreadsheet runs, texts that stay texts."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess

import pytest

from campaigndb.operations.exporter import export_leads, load_preset, named_columns, preset_names
from campaigndb.operations.exporter.presets import Layout
from tests.exporter.hard_texts import HARD, rows_of

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def exported(store, campaign_id, path, **options):
    result = export_leads(store, campaign_id, path, **options)
    rows = rows_of(path)
    assert len(rows) == result.leads
    return rows


def test_every_value_comes_back(store, campaign_id, hard_leads, tmp_path) -> None:
    rows = exported(store, campaign_id, tmp_path / "leads.csv")
    names = {row["place_id"]: row["name"] for row in rows}
    assert set(names) == set(HARD)
    leads = {lead.place_id: lead for lead in store.iter_leads(campaign_id)}
    for place_id, name in names.items():
        assert name in (leads[place_id].name, "'" + leads[place_id].name)
        assert not name.startswith(FORMULAS)
    [row] = [row for row in rows if row["place_id"] == "umlaut"]
    assert (row["postal_code"], row["zip_code"]) == ("00100", "00100")
    assert (row["rating"], row["latitude"]) == ("4.5", "60.123456789")
    assert (row["is_safe"], row["is_disposable"]) == ("true", "")
    assert json.loads(row["categories"]) == ["A, b", 'c"d']
    assert json.loads(row["hours"]) == {"monday": "8-18", "tuesday": ["9", "10"]}


def test_no_cell_of_any_preset_begins_like_a_formula_but_for_exact_phones(
    store, campaign_id, hard_leads, tmp_path, subtests
) -> None:
    for name in preset_names():
        with subtests.test(name):
            layout = load_preset(name)
            path = tmp_path / f"{name}.csv"
            rows = exported(store, campaign_id, path, layout=layout, preset=name)
            for row in rows:
                for heading, value in row.items():
                    if layout.columns[heading] == "phone" and layout.exact_phones:
                        assert value == "+358961281300"
                    else:
                        assert not value.startswith(FORMULAS)
                        assert "\n" not in value
                        assert "\r" not in value
            data = path.read_bytes()
            assert data.startswith(b"\xef\xbb\xbf") is layout.byte_order_mark
            # One line a lead.
            assert data.count(b"\r\n") == data.count(b"\n") == len(rows) + 1


def test_a_phone_that_is_more_than_a_number_is_marked_in_every_preset(
    store, campaign_id, add_lead, tmp_path
) -> None:
    add_lead("place", phone="+358 9 1+cmd|' /C calc'!A0")
    for name in preset_names():
        layout = load_preset(name)
        [row] = exported(store, campaign_id, tmp_path / f"{name}.csv", layout=layout)
        for heading, column in layout.columns.items():
            if column == "phone":
                assert row[heading].startswith("'+358")


def test_columns_of_ones_own_in_their_order(store, campaign_id, hard_leads, tmp_path) -> None:
    layout = Layout(columns=named_columns("Email=email,name,first_name"))
    rows = exported(store, campaign_id, tmp_path / "leads.csv", layout=layout)
    assert list(rows[0]) == ["Email", "name", "first_name"]
    assert (tmp_path / "leads.csv").read_bytes().startswith(b"Email,name,first_name\r\n")


def test_names_of_persons_are_split(store, campaign_id, add_lead, tmp_path) -> None:
    names = {"one": "Aino", "two": "Aino  van der Aalto", "none": None}
    for place_id, name in names.items():
        business_id = add_lead(place_id)
        if name is not None:
            store.update_enrichment_batch(
                "linkedin", [{"business_id": business_id, "person_name": name}]
            )
    layout = Layout(columns=named_columns("place_id,first_name,last_name,last_name_or_company"))
    rows = exported(store, campaign_id, tmp_path / "leads.csv", layout=layout)
    found = {row.pop("place_id"): tuple(row.values()) for row in rows}
    assert found == {
        "one": ("Aino", "", "Kauppahalli"),
        "two": ("Aino", "van der Aalto", "van der Aalto"),
        "none": ("", "", "Kauppahalli"),
    }


def test_pandas_reads_what_is_stored(store, campaign_id, hard_leads, tmp_path) -> None:
    pandas = pytest.importorskip("pandas")
    path = tmp_path / "leads.csv"
    export_leads(store, campaign_id, path)
    frame = pandas.read_csv(path, dtype={"postal_code": str, "phone": str}, keep_default_na=False)
    assert len(frame) == len(HARD)
    assert set(frame.postal_code) == {"00100"}
    assert frame.latitude.tolist() == [60.123456789] * len(HARD)
    stored = {lead.place_id: lead.name for lead in store.iter_leads(campaign_id)}
    names = dict(zip(frame.place_id, frame.name, strict=True))
    assert names["break"] == stored["break"]
    assert names["quote"] == stored["quote"]


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_libreoffice_shows_texts_as_texts(store, campaign_id, hard_leads, tmp_path) -> None:
    path = tmp_path / "leads.csv"
    export_leads(store, campaign_id, path, layout=load_preset("spreadsheet"))
    subprocess.run(
        [
            "soffice",
            "--headless",
            # Commas, double quotes, UTF-8: what its dialogue offers for the file by itself.
            "--infilter=Text - txt - csv (StarCalc):44,34,76,1",
            "--convert-to",
            "xlsx",
            "--outdir",
            tmp_path,
            path,
        ],
        check=True,
        capture_output=True,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    openpyxl = pytest.importorskip("openpyxl")
    sheet = openpyxl.load_workbook(tmp_path / "leads.xlsx").active
    heading, *rows = sheet.iter_rows(values_only=True)
    assert len(rows) == len(HARD)
    for row in rows:
        values = dict(zip(heading, row, strict=True))
        assert values["Postal code"] == "'00100"
        assert values["Phone"] == "'+358961281300"
        assert not str(values["Company"]).startswith("=")


def test_no_lead_is_a_file_with_its_headings(store, campaign_id, tmp_path) -> None:
    assert exported(store, campaign_id, tmp_path / "leads.csv") == []
    text = (tmp_path / "leads.csv").read_text(encoding="utf-8")
    assert next(csv.reader(io.StringIO(text)))[0] == "business_id"


@pytest.mark.parametrize(
    ("website", "domain"),
    [
        ("https://www.Shop.fi/contact?x=1", "shop.fi"),
        ("shop.fi", "shop.fi"),
        ("http://mail.shop.fi:8080#top", "mail.shop.fi"),
        (None, ""),
    ],
)
def test_a_company_s_domain_is_that_of_its_website(
    store, campaign_id, add_lead, tmp_path, website, domain
) -> None:
    add_lead("one", website=website)
    path = tmp_path / "leads.csv"
    rows = exported(store, campaign_id, path, layout=load_preset("lemlist"), preset="lemlist")
    assert [row["companyDomain"] for row in rows] == [domain]
