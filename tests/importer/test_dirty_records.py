"""What cannot be stored is reported with its line and reason, and does not stop the rest."""

import gzip
import json
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from campaigndb import CampaignStore, StoredFunctionError
from campaigndb.operations.importer import ImportFileError, ImportReport, record_text

HELSINKI = Path(__file__).parents[2] / "examples/helsinki/data/helsinki_places.jsonl"


def place(number: int, **values: Any) -> dict[str, Any]:
    return {"placeId": f"place {number}", "title": f"Café {number}", **values}


DIRTY: list[tuple[Any, str]] = [
    ('{"placeId": "x", "title": "cut o', "not JSON: Unterminated string"),
    ("no JSON at all", "not JSON: Expecting value (column 1)"),
    ('{"placeId": "x", "title": "y"},', "not JSON: Extra data"),
    ("[1, 2]", "not a JSON object"),
    ("null", "not a JSON object"),
    ('"text"', "not a JSON object"),
    (b'{"placeId": "x", "title": "Caf\xe9"}', "not UTF-8"),
    ('{"title": "no place"}', "no place_id"),
    ('{"placeId": "x", "title": " "}', "no name"),
    ({"placeId": "x" * 1001, "title": "y"}, "place_id is longer than 1000 bytes"),
    ('{"placeId": "x", "title": "y", "totalScore": 1e999999999}', "value overflows numeric format"),
    (f'{{"placeId": "x", "title": "y", "n": {"9" * 5000}}}', "a number is out of range"),
    ("[" * 100_000, "not JSON: "),
    ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
    ('{"placeId": "x", "title": "y", "n": ' + "[" * 9000 + "]" * 9000 + "}", "nested too deeply"),
]


def test_each_dirty_line_is_reported_and_the_others_go_in(
    import_file: Callable[..., ImportReport],
    store: CampaignStore,
    campaign_id: uuid.UUID,
    write_lines: Callable[..., Path],
    places: Callable[[], dict[str, Any]],
    tmp_path: Path,
) -> None:
    lines: list[Any] = []
    for number, (line, _) in enumerate(DIRTY):
        lines += [json.dumps(place(number), ensure_ascii=False), line]
    rejects = tmp_path / "rejects.jsonl"

    report = import_file(
        store,
        write_lines(*lines),
        campaign_id=campaign_id,
        batch_size=4,
        rejects_path=rejects,
    )

    tally = report.tally
    assert (tally.records, tally.inserted, tally.rejected) == (len(lines), len(DIRTY), len(DIRTY))
    assert set(places()) == {f"place {number}" for number in range(len(DIRTY))}
    for index, (rejection, (_, reason)) in enumerate(zip(tally.rejections, DIRTY, strict=True)):
        assert rejection.number == 2 * index + 2
        assert rejection.reason.startswith(reason)
    written = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [(item["line"], item["reason"]) for item in written] == [
        (rejection.number, rejection.reason) for rejection in tally.rejections
    ]
    assert written[0]["text"] == DIRTY[0][0]
    assert written[7]["record"] == {"title": "no place"}


def test_the_elements_of_an_array_are_treated_alike(
    import_file: Callable[..., ImportReport],
    store: CampaignStore,
    campaign_id: uuid.UUID,
    tmp_path: Path,
    places: Callable[[], dict[str, Any]],
) -> None:
    path = tmp_path / "places.json"
    path.write_bytes(
        '[{"placeId": "1", "title": "Käse"}, 5, {"placeId": "x", "title": "y", "n": NaN},'.encode()
        + b'{"placeId": "z", "title": "Caf\xe9"}, {"placeId": "2", "title": "two"}]'
    )
    rejects = tmp_path / "rejects.jsonl"

    report = import_file(store, path, campaign_id=campaign_id, rejects_path=rejects)

    assert set(places()) == {"1", "2", "x"}
    assert places()["x"].raw_data == {"placeId": "x", "title": "y", "n": None}
    assert [(item.number, item.reason) for item in report.tally.rejections] == [
        (2, "not a JSON object"),
        (4, "not UTF-8"),
    ]
    assert json.loads(rejects.read_text().splitlines()[0])["record"] == 5


def test_texts_that_postgresql_cannot_hold_go_in_mended(
    import_file: Callable[..., ImportReport],
    store: CampaignStore,
    campaign_id: uuid.UUID,
    write_lines: Callable[..., Path],
    places: Callable[[], dict[str, Any]],
) -> None:
    path = write_lines(
        '{"placeId": "1", "title": "a\\u0000b", "postalCode": "0\\u00001"}',
        '{"placeId": "2", "title": "a\\ud800b", "postalCode": "\\udfff"}',
    )

    report = import_file(store, path, campaign_id=campaign_id)

    assert report.tally.inserted == 2
    assert [(row.name, row.zip_code) for row in places().values()] == [
        ("a\ufffdb", "0\ufffd1"),
        ("a\ufffdb", "\ufffd"),
    ]


def test_a_record_that_the_database_refuses_as_a_whole_is_found_in_its_batch(
    import_file: Callable[..., ImportReport],
    store: CampaignStore,
    owner_engine: Engine,
    campaign_id: uuid.UUID,
    write_lines: Callable[..., Path],
    places: Callable[[], dict[str, Any]],
) -> None:
    with owner_engine.begin() as connection:
        connection.execute(
            text("alter table gmaps_businesses add constraint no_thirteen check (name !~ '13')")
        )

    report = import_file(
        store, write_lines(*[place(number) for number in range(40)]), campaign_id=campaign_id
    )

    assert (report.tally.inserted, report.tally.rejected) == (39, 1)
    assert report.tally.rejections[0].number == 14
    assert "no_thirteen" in report.tally.rejections[0].reason
    assert "place 13" not in places()


def test_numbers_keep_their_digits(
    import_file: Callable[..., ImportReport],
    store: CampaignStore,
    campaign_id: uuid.UUID,
    write_lines: Callable[..., Path],
    owner_engine: Engine,
) -> None:
    numbers = "[4.3, 60.1664225, 1e2, 0.1, -0.0, 12345678901234567890, 24.93827020000000012345]"
    path = write_lines(f'{{"placeId": "1", "title": "x", "numbers": {numbers}}}')

    import_file(store, path, campaign_id=campaign_id)

    with owner_engine.connect() as connection:
        stored = connection.execute(
            text("select raw_data ->> 'numbers' from gmaps_businesses")
        ).scalar_one()
    assert json.loads(stored, parse_float=Decimal) == json.loads(numbers, parse_float=Decimal)


def test_a_record_of_many_bytes_goes_in_and_an_endless_line_does_not(
    import_file: Callable[..., ImportReport],
    store: CampaignStore,
    campaign_id: uuid.UUID,
    write_lines: Callable[..., Path],
    places: Callable[[], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(record_text, "MAX_RECORD_LENGTH", 400_000)
    path = write_lines(place(1, text="ä" * 65_536), "x" * 1_000_000, place(2))

    report = import_file(store, path, campaign_id=campaign_id)

    assert set(places()) == {"place 1", "place 2"}
    assert len(places()["place 1"].raw_data["text"]) == 65_536
    assert [(item.number, item.reason) for item in report.tally.rejections] == [
        (2, "longer than 400,000 characters")
    ]


def test_large_records_are_sent_in_small_batches(
    import_file: Callable[..., ImportReport],
    store: CampaignStore,
    campaign_id: uuid.UUID,
    write_lines: Callable[..., Path],
) -> None:
    path = write_lines(*[place(number, text="x" * 3_000_000) for number in range(12)])
    sizes: list[int] = []

    report = import_file(
        store, path, campaign_id=campaign_id, on_progress=lambda s: sizes.append(s.tally.records)
    )

    assert report.tally.inserted == 12
    assert sizes == [2, 4, 6, 8, 10, 12]


def test_a_damaged_file_is_imported_up_to_the_damage(
    import_file: Callable[..., ImportReport],
    store: CampaignStore,
    campaign_id: uuid.UUID,
    tmp_path: Path,
    places: Callable[[], dict[str, Any]],
) -> None:
    lines = "".join(json.dumps(place(n, text=str(uuid.uuid4()))) + "\n" for n in range(2000))
    path = tmp_path / "places.jsonl.gz"
    compressed = gzip.compress(lines.encode())
    path.write_bytes(compressed[: len(compressed) // 2])

    with pytest.raises(
        ImportFileError, match=r"the file is cut off, after line [\d,]+; until then stored: "
    ):
        import_file(store, path, campaign_id=campaign_id)

    assert 100 < len(places()) < 2000


def test_the_dirty_rows_of_the_helsinki_file_go_in(
    import_file: Callable[..., ImportReport],
    store: CampaignStore,
    campaign_id: uuid.UUID,
    places: Callable[[], dict[str, Any]],
) -> None:
    report = import_file(store, HELSINKI, campaign_id=campaign_id)

    assert report.tally.rejected == 0
    found = places()
    assert report.tally.inserted == len(found) == sum(1 for _ in HELSINKI.open())
    assert report.statistics is not None
    assert report.statistics.total_businesses == len(found)
    assert found["osm:n4952414764"].phone == "https://www.viinitie.fi/"
    assert found["osm:n4952414764"].zip_code == "000120"


def test_a_campaign_that_does_not_exist_is_an_error_before_anything_is_read(
    import_file: Callable[..., ImportReport], store: CampaignStore, write_lines: Callable[..., Path]
) -> None:
    with pytest.raises(StoredFunctionError, match="there is no campaign"):
        import_file(store, write_lines("dirty"), campaign_id=uuid.uuid4())
