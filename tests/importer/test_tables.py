"""CSV and Excel: rows become records under the names of their header."""

import datetime
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from campaigndb.operations.importer import ImportFileError
from campaigndb.operations.importer.scraped_file import ScrapedFile


def read(path: Path, **options: Any) -> tuple[str, list[Any]]:
    file = ScrapedFile(path, lambda values: [False] * len(values), **options)
    try:
        records = list(file.records())
    finally:
        file.close()
    return file.description, [
        record.problem or (record.end.number, json.loads(record.text)) for record in records
    ]


ROWS = [
    {"Place ID": "x1", "Name": 'Café "Zürich", Bar', "Zip Code": "02116", "City": "Genève"},
    {"Place ID": "x2", "Name": "two\nlines; one, cell", "Zip Code": "00100", "City": "Köln"},
]


def written(delimiter: str, end: str = "\n") -> str:
    rows = [list(ROWS[0]), *[list(row.values()) for row in ROWS]]
    quoted = [[f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row] for row in rows]
    return "".join(delimiter.join(row) + end for row in quoted)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("delimiter", "word"), [(",", "commas"), (";", "semicolons"), ("\t", "tabs"), ("|", "bars")]
)
@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("cp1252", "Windows-1252 (assumed: it is not UTF-8)"),
    ],
)
def test_delimiters_and_encodings_are_told_by_the_content(
    tmp_path: Path, delimiter: str, word: str, encoding: str, said: str, end: str
) -> None:
    path = tmp_path / "places"
    path.write_bytes(written(delimiter, end).encode(encoding))
    assert read(path) == (f"a table with {word}, {said}", list(enumerate(ROWS, start=2)))


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "It’s 10 € – “fein”"),
        ("cp1252", "Café"),
        ("cp1251", "Ресторан на Невском и вход со двора"),
        ("cp932", "居酒屋さくら東京駅前店"),
    ],
)
@pytest.mark.parametrize("behind", [0, 200_000])
def test_what_is_not_utf_8_is_guessed_wherever_it_begins(
    tmp_path: Path, encoding: str, text: str, behind: int
) -> None:
    path = tmp_path / "places.csv"
    rows = "".join(f"a{number},ascii\n" for number in range(behind // 10))
    path.write_bytes(("id,name\n" + rows + f"z,{text}\n" * 3).encode(encoding))
    assert read(path)[1][-1][1] == {"id": "z", "name": text}
    assert read(path, encoding=encoding)[1][-1][1] == {"id": "z", "name": text}


def test_what_is_no_encoding_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "places.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ImportFileError, match="unknown encoding: klingon"):
        read(path, encoding="klingon")


def test_empty_cells_and_nan_are_left_out_and_zeros_stay(tmp_path: Path) -> None:
    path = tmp_path / "places.csv"
    path.write_text("id,zip,rating,name,,id\n1,01002,NaN,nan,x,2\n\n,00100,,Nantes,,3\n")
    assert read(path)[1] == [
        (2, {"id": "1", "zip": "01002"}),
        (4, {"id": "3", "zip": "00100", "name": "Nantes"}),
    ]


def test_a_row_with_too_many_cells_is_rejected_and_a_short_one_is_read(tmp_path: Path) -> None:
    path = tmp_path / "places.csv"
    path.write_text("id,name\n1,a,b\n2\n3,c,,\n")
    assert read(path)[1] == [
        "3 cells, but the header has 2",
        (3, {"id": "2"}),
        (4, {"id": "3", "name": "c"}),
    ]


def test_a_cell_of_a_megabyte_and_nul_are_read(tmp_path: Path) -> None:
    path = tmp_path / "places.csv"
    path.write_text("id,name\n1," + "x" * 1_000_000 + "\n2,a\0b\n")
    _, [(_, first), (_, second)] = read(path)
    assert (len(first["name"]), second["name"]) == (1_000_000, "a\ufffdb")


def test_an_excel_sheet_is_read_as_it_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "places"
    workbook = openpyxl.Workbook()
    workbook.active.title = "About"
    sheet = workbook.create_sheet("Places")
    sheet.append(["Place ID", "Zip Code", "Rating", "Seen", "Open", "Sum", "Text"])
    sheet.append(["x", 1002, 4.5, datetime.date(2026, 5, 1), True, "#N/A", "00100"])
    sheet["B2"].number_format = "00000"
    sheet["F2"].data_type = "e"
    sheet.append([None] * 7)
    sheet.append(["y", 100, 4, None, False, None, "NaN"])
    workbook.save(path)
    assert read(path) == (
        "an Excel sheet (Places)",
        [
            (
                2,
                {
                    "Place ID": "x",
                    "Zip Code": "01002",
                    "Rating": 4.5,
                    "Seen": "2026-05-01T00:00:00",
                    "Open": True,
                    "Text": "00100",
                },
            ),
            (4, {"Place ID": "y", "Zip Code": 100, "Rating": 4, "Open": False}),
        ],
    )


def test_what_only_looks_like_excel_is_named(tmp_path: Path) -> None:
    import zipfile

    path = tmp_path / "places.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    with pytest.raises(ImportFileError, match="is no Excel file that can be read"):
        read(path)
