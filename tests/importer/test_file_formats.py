"""JSON lines, arrays and objects with an array are read alike, as a stream."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.importer import ImportFileError, json_stream
from app.importer.scraped_file import Position, ScrapedFile

RECORDS = [
    {"placeId": "1", "title": 'Käse, ]}[{ " \\ \n', "reviews": [{"text": "x"}]},
    {"placeId": "2", "title": "\U0001f600", "location": {"lat": 60.1, "lng": -24.5e-3}},
    {"placeId": "3", "title": "three", "count": 12345678901234567890},
]


def read(path: Path, **options: Any) -> tuple[str, list[Any]]:
    file = ScrapedFile(path, **options)
    try:
        records = list(file.records(Position()))
    finally:
        file.close()
    assert all(record.problem is None for record in records)
    return file.format, [record.value for record in records]


def lines(records: list[Any]) -> str:
    return "\n".join(json.dumps(record, ensure_ascii=False) for record in records)


WRITTEN: dict[str, tuple[str, str]] = {
    "lines": ("jsonl", lines(RECORDS) + "\n"),
    "lines without a line break at the end": ("jsonl", lines(RECORDS)),
    "lines of Windows": ("jsonl", lines(RECORDS).replace("\n", "\r\n") + "\r\n"),
    "lines with blank ones": ("jsonl", "\n \n" + lines(RECORDS).replace("\n", "\n\n")),
    "lines with a byte order mark": ("jsonl", "\ufeff" + lines(RECORDS)),
    "an array": ("json", json.dumps(RECORDS)),
    "an array over several lines": ("json", json.dumps(RECORDS, indent=2)),
    "an array with a byte order mark": ("json", "\ufeff" + json.dumps(RECORDS)),
    "an array with one record a line": ("json", "[\n" + lines(RECORDS).replace("\n", ",\n") + "]"),
    "an object with an array": ("json", json.dumps({"total": 3, "items": RECORDS, "x": 1})),
    "an object over several lines": (
        "json",
        json.dumps({"query": {"zip": ["00100"]}, "tags": ["a", 1], "items": RECORDS}, indent=1),
    ),
}


# In a file with this name each line is a record.
AMBIGUOUS = (".jsonl", "an object over several lines")


@pytest.mark.parametrize(
    ("suffix", "name"),
    sorted({(s, n) for s in (".json", ".jsonl", "") for n in WRITTEN} - {AMBIGUOUS}),
)
@pytest.mark.parametrize("is_compressed", [False, True])
def test_the_format_is_told_by_the_content(
    tmp_path: Path, name: str, suffix: str, is_compressed: bool
) -> None:
    file_format, text = WRITTEN[name]
    path = tmp_path / f"places{suffix}"
    path.write_bytes(gzip.compress(text.encode()) if is_compressed else text.encode())

    assert read(path) == (file_format, RECORDS)


def test_a_single_record_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "place.json"
    path.write_text(json.dumps(RECORDS[0]))
    assert read(path) == ("jsonl", RECORDS[:1])


def test_an_array_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "places.json"
    path.write_text(json.dumps({"images": [{"url": "x"}], "places": RECORDS}))
    assert read(path, array="places")[1] == RECORDS
    assert read(path)[1] == [{"url": "x"}]
    with pytest.raises(ImportFileError, match="the object holds no array 'shops'"):
        read(path, array="shops")


@pytest.mark.parametrize("text", ["", "\n\n", "[]", " [ ] ", '{"items": []}', '{"items":\n[]}'])
def test_no_records_are_no_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "places.json"
    path.write_text(text)
    assert read(path)[1] == []


def test_an_object_without_an_array_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "places.json"
    path.write_text('{\n"total": 1,\n"names": ["x"]}')
    with pytest.raises(ImportFileError, match="the object holds no array of records"):
        read(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(-1e9, 1e9) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    values=st.lists(json_values, max_size=5),
    indent=st.none() | st.integers(0, 2),
    escaped=st.booleans(),
    chunk=st.integers(1, 40),
)
def test_any_array_is_read_whole_however_it_is_cut_into_chunks(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    values: list[Any],
    indent: int | None,
    escaped: bool,
    chunk: int,
) -> None:
    path = tmp_path / "places.json"
    text = json.dumps(values, indent=indent, ensure_ascii=escaped)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with monkeypatch.context() as patch:
        patch.setattr(json_stream, "CHUNK_BYTES", chunk)
        assert read(path) == ("json", values)


@pytest.mark.parametrize("end", range(1, len(json.dumps(RECORDS)), 7))
def test_a_file_that_was_cut_off_is_an_error_after_its_whole_records(
    tmp_path: Path, end: int
) -> None:
    path = tmp_path / "places.json"
    path.write_text(json.dumps(RECORDS)[:end])
    found: list[Any] = []
    file = ScrapedFile(path)
    with pytest.raises(ImportFileError, match="not JSON after record"):
        found.extend(record.value for record in file.records(Position()))
    file.close()
    assert found == RECORDS[: len(found)]


def test_a_large_file_is_not_held_in_memory(tmp_path: Path) -> None:
    import tracemalloc

    record = json.dumps({"placeId": "1", "title": "x" * 1000})
    for name, text in (
        ("places.jsonl", (record + "\n") * 15_000),
        ("places.json", "[" + ",".join([record] * 15_000) + "]"),
    ):
        path = tmp_path / name
        path.write_text(text)
        file = ScrapedFile(path)
        tracemalloc.start()
        try:
            assert sum(1 for _ in file.records(Position())) == 15_000
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            file.close()
        assert peak < 10_000_000 < path.stat().st_size


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: None, "No such file or directory"),
        (lambda path: path.write_bytes("[{}]".encode("utf-16")), "is UTF-16"),
        (lambda path: path.write_bytes(gzip.compress(b"[]")[:-6]), "damaged gzip data"),
        (lambda path: path.write_bytes(b"\x1f\x8b but no gzip"), "damaged gzip data"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, make: Callable[[Path], Any], message: str
) -> None:
    path = tmp_path / "places.json"
    make(path)
    with pytest.raises(ImportFileError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)
