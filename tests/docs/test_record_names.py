"""docs/functions.md lists the names that are read of a record, by source, as the SQL knows them."""

from scripts.record_names import DOCUMENT, document, names_that_are_read


def test_the_list_is_that_of_the_function() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document(), "run python -m scripts.record_names"


def test_names_of_every_form_are_found() -> None:
    assert names_that_are_read() >= {
        "place_id", "placeId", "totalScore", "site", "longtitude", "location/lat", "emails/0",
        "primaryTypeDisplayName", "complete_address", "email_1", "is_permanently_closed",
    }  # fmt: skip
