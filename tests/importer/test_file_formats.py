"""What a file is is told by its content: JSON in all its wrappers, tables, packed or not."""

import gzip
import io
import json
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigndb.operations.importer import ImportFileError, json_stream
from campaigndb.operations.importer.scraped_file import ScrapedFile

RECORDS = [
    {"placeId": "1", "title": 'Käse, ]}[{ " \\ \n', "reviews": [{"text": "x"}]},
    {"placeId": "2", "title": "\U0001f600", "location": {"lat": 60.1, "lng": -24.5e-3}},
    {"placeId": "3", "title": "three", "count": 12345678901234567890},
]
META = {"search_metadata": {"id": "1"}, "search_parameters": {"q": "x"}}


def is_place(value: dict[str, Any]) -> bool:
    return "placeId" in value and "title" in value


def judge(values: list[dict[str, Any]]) -> list[bool]:
    """As the database does it."""
    return list(map(is_place, values))


def read(path: Path, **options: Any) -> tuple[str, list[Any]]:
    file = ScrapedFile(path, judge, **options)
    try:
        records = list(file.records())
    finally:
        file.close()
    assert [record.problem for record in records if record.problem] == []
    return file.description.partition(", ")[0], [json.loads(record.text) for record in records]


def dump(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def lines(records: list[Any]) -> str:
    return "\n".join(dump(record) for record in records)


# What is written, and what it is taken for.
WRITTEN: dict[str, tuple[str, str]] = {
    "lines": ("JSON lines", lines(RECORDS) + "\n"),
    "lines without a line break at the end": ("JSON lines", lines(RECORDS)),
    "lines of Windows": ("JSON lines", lines(RECORDS).replace("\n", "\r\n") + "\r\n"),
    "lines with blank ones": ("JSON lines", "\n \n" + lines(RECORDS).replace("\n", "\n\n")),
    "lines with a byte order mark": ("JSON lines", "\ufeff" + lines(RECORDS)),
    "lines of n8n": (
        "JSON lines",
        lines([{"json": record, "pairedItem": {"item": 0}} for record in RECORDS]),
    ),
    "pages of results as lines": (
        "JSON lines",
        lines([META | {"local_results": RECORDS[:2]}, META | {"local_results": RECORDS[2:]}]),
    ),
    "an array": ("JSON", dump(RECORDS)),
    "an array over several lines": ("JSON", dump(RECORDS, indent=2)),
    "an array with a byte order mark": ("JSON", "\ufeff" + dump(RECORDS)),
    "an array with one record a line": ("JSON", "[\n" + ",\n".join(map(dump, RECORDS)) + "]"),
    "arrays one behind the other": ("JSON", dump(RECORDS[:1]) + "\n" + dump(RECORDS[1:])),
    "arrays in an array": ("JSON", dump([RECORDS[:1], RECORDS[1:]])),
    "objects one behind the other": ("JSON", "\n".join(dump(each, 2) for each in RECORDS)),
    "an object with an array": ("JSON", dump({"total": 3, "items": RECORDS, "x": 1})),
    "an object over several lines": (
        "JSON",
        dump({"query": {"zip": ["00100"]}, "tags": ["a", 1], "items": RECORDS}, 1),
    ),
    "an object with another array before": (
        "JSON",
        dump({"filters": [{"name": "Rating"}] * 9, "local_results": RECORDS}, 1),
    ),
    "an object with arrays in an array": ("JSON", dump({"status": "OK", "data": [RECORDS]})),
    "an object in an object": ("JSON", dump({"data": {"items": RECORDS, "next": None}})),
    "an object of n8n for each": ("JSON", dump([{"json": record} for record in RECORDS])),
    "an object whose array is far behind": ("JSON", dump({"log": ["x" * 99] * 9999, "r": RECORDS})),
}


def packed(text: str, how: str) -> bytes:
    if how == "gzip":
        return gzip.compress(text.encode())
    if how == "zip":
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("folder/", "")
            archive.writestr("folder/places", text)
            archive.writestr("__MACOSX/folder/._places", "x")
        return file.getvalue()
    if how == "no":
        return text.encode()
    return text.removeprefix("\ufeff").encode(how)


@pytest.mark.parametrize("suffix", [".json", ""])
@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("how", ["no", "gzip", "zip", "utf-16", "utf-16-le", "utf-16-be"])
def test_the_format_is_told_by_the_content(
    tmp_path: Path, name: str, suffix: str, how: str
) -> None:
    kind, text = WRITTEN[name]
    path = tmp_path / f"places{suffix}"
    path.write_bytes(packed(text, how))

    assert read(path) == (kind, RECORDS)


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("key", [None, "place_results"])
def test_a_single_record_is_read(tmp_path: Path, indent: int | None, key: str | None) -> None:
    record = RECORDS[0] | {"peopleAlsoSearch": RECORDS[1:]}
    path = tmp_path / "place.json"
    path.write_text(dump(record if key is None else META | {key: record}, indent))
    assert read(path) == ("JSON", [record])


def test_the_array_of_records_is_chosen_by_content_and_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "places.json"
    images = [{"url": "x"}]
    path.write_text(dump({"images": images, "found": {"places": RECORDS}}))
    file = ScrapedFile(path, judge)
    assert file.description == "JSON, records under found.places, UTF-8"
    file.close()
    assert read(path, array="found.places")[1] == RECORDS
    assert read(path, array="images")[1] == images
    file = ScrapedFile(path, judge, array="shops")
    assert [record.problem for record in file.records()] == ["an object without shops"]
    file.close()


@pytest.mark.parametrize("text", ["", "\n\n", "[]", " [ ] ", "{}", '{"items": []}', '{"i":\n[]}'])
def test_no_records_are_no_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "places.json"
    path.write_text(text)
    said = "JSON without records" if text.strip() else "an empty file"
    assert read(path) == (said, [])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(-1e9, 1e9) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    values=st.lists(st.dictionaries(st.text(), json_values, max_size=4), max_size=5),
    indent=st.none() | st.integers(0, 2),
    escaped=st.booleans(),
    chunk=st.integers(1, 40),
    keys=st.lists(st.text(), max_size=2),
)
def test_any_array_is_read_whole_however_it_is_cut_into_chunks(
    monkeypatch: pytest.MonkeyPatch,
    values: list[Any],
    indent: int | None,
    escaped: bool,
    chunk: int,
    keys: list[str],
) -> None:
    document: Any = values
    for key in reversed(keys):
        document = {f"not {key}": [1, {}], key: document}
    text = json.dumps(document, indent=indent, ensure_ascii=escaped)
    with monkeypatch.context() as patch:
        patch.setattr(json_stream, "CHUNK_LENGTH", chunk)
        found = list(json_stream.JsonStream(io.StringIO(text).read).records(tuple(keys)))
    assert [item.value for item in found] == values


def test_a_large_file_is_not_held_in_memory(tmp_path: Path) -> None:
    record = json.dumps({"placeId": "1", "title": "x" * 4000})
    for name, text in (
        ("places.jsonl", (record + "\n") * 4_000),
        ("places.json", "[" + ",".join([record] * 4_000) + "]"),
        ("wrapped.json", '{"items": [' + ",".join([record] * 4_000) + "]}"),
        ("places.csv", "placeId,title\n" + ("1," + "x" * 4000 + "\n") * 4_000),
    ):
        path = tmp_path / name
        path.write_text(text)
        file = ScrapedFile(path, judge)
        tracemalloc.start()
        try:
            assert sum(1 for _ in file.records()) == 4_000
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            file.close()
        assert peak < 10_000_000 < path.stat().st_size


WHOLE = dump(RECORDS)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (WHOLE[:-30], "after record 2 the JSON ends too early: the file is cut off"),
        (WHOLE[:-1], "after record 3 the JSON ends too early: the file is cut off"),
        (WHOLE[:-1] + ",]", "after record 3 comes a comma and then no other record"),
        (WHOLE[:-1] + ";]", r"after record 3 it is not JSON: Expecting ',' or '\]'"),
        (
            "<!DOCTYPE html><html><title>502\n Bad Gateway</title>",
            r'is an HTML page \("502 Bad Gateway"\), no file of records',
        ),
        ("<?xml version='1.0'?><x/>", "is an XML document, no file of records"),
        (
            '{"error": {"type": "no-token", "message": "Authentication token was not provided"}}',
            "holds an API's error and no records: Authentication token was not provided",
        ),
        (
            '{"error_message": "The API key is invalid.", "results": [], "status": "DENIED"}',
            "holds an API's error and no records: The API key is invalid.",
        ),
        ('{\n"total": 1,\n"names": ["x"]}', "holds no record of a place, and no array of them"),
        ("Dear sir or madam,\n", "is neither JSON nor a table"),
        (gzip.compress(WHOLE.encode())[:-6], "the packed data ends too early: the file is cut off"),
        (b"\x1f\x8b but no gzip", "damaged packed data"),
        (b"PK\x03\x04 but no zip", "damaged packed data"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "is an old Excel file"),
    ],
)
def test_each_kind_of_damage_has_its_own_sentence(
    tmp_path: Path, content: str | bytes, sentence: str
) -> None:
    path = tmp_path / "places.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ImportFileError, match=sentence) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("end", range(1, len(WHOLE), 7))
def test_a_file_that_was_cut_off_is_an_error_after_its_whole_records(
    tmp_path: Path, end: int
) -> None:
    path = tmp_path / "places.json"
    path.write_text(WHOLE[:end])
    found: list[Any] = []
    file = ScrapedFile(path, judge)
    with pytest.raises(ImportFileError, match="the file is cut off"):
        found.extend(json.loads(record.text) for record in file.records())
    file.close()
    assert found == RECORDS[: len(found)]


def test_a_line_that_was_cut_off_is_rejected_with_that_reason(tmp_path: Path) -> None:
    path = tmp_path / "places.jsonl"
    path.write_text(lines(RECORDS)[:-20])
    file = ScrapedFile(path, judge)
    *whole, last = file.records()
    file.close()
    assert [record.problem for record in whole] == [None, None]
    assert last.problem is not None
    assert last.problem.endswith("; the file ends here: is it cut off?")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: None, "No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_opened_is_named(
    tmp_path: Path, make: Callable[[Path], Any], message: str
) -> None:
    path = tmp_path / "places.json"
    make(path)
    with pytest.raises(ImportFileError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_a_zip_of_several_files_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "places.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.json", WHOLE)
        archive.writestr("b.json", WHOLE)
    with pytest.raises(ImportFileError, match="holds 2 files: unpack it"):
        read(path)
