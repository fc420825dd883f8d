"""docs/functions.md: what it shows for psql works there."""

import re
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from campaigndb.migrations.functions import head_paths
from tests.migrations.programs import psql

DOCUMENT = (Path(__file__).parents[2] / "docs" / "functions.md").read_text(encoding="utf-8")


def test_the_statements_for_psql_work(database_url: URL) -> None:
    statements = re.findall(r"```sql\n(.*?)```", DOCUMENT, re.DOTALL)
    assert len(statements) == 2
    done = psql(database_url, "\n".join(statements))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"success": true') == 2
    assert '"new_total": 0.2500' in done.stdout


def test_an_earlier_record_of_a_place_is_kept_within_a_batch_and_between_two(
    database_url: URL,
) -> None:
    create = re.findall(r"```sql\n(.*?)```", DOCUMENT, re.DOTALL)[0]
    campaign = re.search(r'"id": "([\w-]+)"', create)[1]
    first = '{"placeId": "%s", "title": "Kahvila", "emails": ["hei@kahvila.fi"]}'
    last = '{"placeId": "%s", "title": "Kahvila"}'
    batches = [f"[{first % 'one'}, {last % 'one'}]", f"[{first % 'two'}]", f"[{last % 'two'}]"]
    done = psql(
        database_url,
        create
        + "".join(
            f"select insert_businesses_batch('{campaign}', '00100', '{batch}');\n"
            for batch in batches
        )
        + "select 'the email of ' || place_id || ': ' || coalesce(email, 'none')"
        " from gmaps_businesses;",
    )
    assert "the email of one: hei@kahvila.fi" in done.stdout, done.stderr
    assert "the email of two: hei@kahvila.fi" in done.stdout


# Readers of the functions' input: the only places that know the names which others use.
READERS = {
    "update_enrichment_batch": (
        "read_facebook_item",
        "read_linkedin_item",
        "read_outcome",
        "enrichment_business",
        "enrichment_error",
        "item_error",
        "enrichment_verdict",
        "item_verdict",
    ),
    "update_email_verification": ("read_verification",),
}
KEY = re.compile(r"->>? '([\w#]+)'|#>>? '\{([\w,#]+)\}'|\? '(\w+)'|\?\| '\{([\w,]+)\}'")


def names_read(function: str) -> set[str]:
    """The keys that a reader looks at; those within others as `outer.inner`."""
    text = re.sub(r"--.*", "", head_paths()[function].read_text(encoding="utf-8"))
    return {
        name
        for key, path, flag, keys in KEY.findall(text)
        for name in (keys.split(",") if keys else [key or path.replace(",", ".") or flag])
    }


@pytest.mark.parametrize("function", READERS)
def test_every_name_that_is_read_is_listed_and_no_other(function: str) -> None:
    section = re.split(r"^## ", DOCUMENT, flags=re.MULTILINE)
    [text] = [part for part in section if part.startswith(f"{function}(")]
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    listed = {name for row in rows for name in re.findall(r"`([\w#.]+)`", row)}
    read = set().union(*(names_read(reader) for reader in READERS[function]))
    assert read - set(re.findall(r"`([\w#.]+)`", text)) == set()
    assert {name for name in listed if name not in read} <= {"bouncer_", "disposable"}
