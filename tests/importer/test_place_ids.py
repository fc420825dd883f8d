"""Which place a record is of: the import and the stored function read it alike."""

import itertools
import random
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from app import CampaignStore
from app.importer import import_file
from app.importer.import_run import _place_id
from app.importer.record_json import decode
from app.json_codec import dump_json

# As they are written in a file.
VALUES = (
    *(
        '"x"',
        '" x\\n"',
        '""',
        '" "',
        '"\u00a0x"',
        '"1.5"',
        '"a\\u0000"',
        '"a\\ud800"',
        '"\\ud83d\\ude00"',
    ),
    *(
        "1",
        "-0",
        "1.5",
        "1.50",
        "-0.0",
        "1e2",
        "1E+2",
        "1e22",
        "1e-7",
        "123456789012345678901234567890",
    ),
    *("0.10000000000000000000001", "1.5e300", "5e-324", "1e999", "0e5"),
    *("null", "true", "false", "[]", '["x"]', "{}", '{"x": 1}'),
)


def read_by_function(engine: Engine, records: list[Any]) -> list[str | None]:
    with engine.connect() as connection:
        return list(
            connection.execute(
                text(
                    "select place_id from read_scraped_businesses(cast(:r as jsonb)) order by index"
                ),
                {"r": dump_json(records, "r")},
            ).scalars()
        )


def test_every_json_value_is_read_as_the_function_does(owner_engine: Engine) -> None:
    records = [decode(f'{{"place_id": {one}, "title": "x"}}') for one in VALUES]
    records += [
        decode(f'{{"place_id": {one}, "placeId": {other}, "title": "x"}}')
        for one, other in itertools.product(VALUES, VALUES)
    ]
    records += ["x", 1, None, [], {}]
    assert [_place_id(record) for record in records] == read_by_function(owner_engine, records)


def test_every_number_is_read_as_the_function_does(
    owner_engine: Engine, rng: random.Random
) -> None:
    numbers = [
        f"{rng.choice(('', '-'))}{rng.randrange(10 ** rng.randrange(1, 25))}"
        f"{rng.choice(('', '.5', f'.{rng.randrange(10**12):012}'))}"
        f"{rng.choice(('', f'e{rng.randrange(-400, 400)}'))}"
        for _ in range(2000)
    ]
    records = [decode(f'{{"placeId": {number}}}') for number in numbers]
    found = [_place_id(record) for record in records]
    expected = read_by_function(owner_engine, records)
    wrong = [case for case in zip(numbers, found, expected, strict=True) if case[1] != case[2]]
    assert wrong == []


@pytest.mark.parametrize(
    "ids",
    [
        ("1.5", "1.5", "1.5"),
        ("1.5", '" 1.5"', "1.50"),
        ("1e22", "1e22", "10000000000000000000000"),
        ('"a\\u0000"', '"a\\ud800"', '"a\ufffd"'),
    ],
)
def test_the_last_record_of_a_place_wins_however_its_id_is_written(
    store: CampaignStore,
    campaign_id: uuid.UUID,
    write_lines: Callable[..., Path],
    places: Callable[[], dict[str, Any]],
    ids: tuple[str, str, str],
) -> None:
    """The first ZIP code of the batch must not be sent with a record after another one's."""
    path = write_lines(
        *[
            f'{{"placeId": {place_id}, "title": "{title}", "postalCode": "{zip_code}"}}'
            for place_id, title, zip_code in zip(
                ids, ("first", "second", "last"), ("1", "2", "1"), strict=True
            )
        ]
    )
    report = import_file(store, path, campaign_id=campaign_id)
    [place] = places().values()
    assert (place.name, place.zip_code) == ("last", "1")
    assert (report.tally.inserted, report.tally.updated) == (1, 2)
