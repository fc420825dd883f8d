"""docs/functions.md: what it shows for psql works there."""

import re
from pathlib import Path

from sqlalchemy.engine import URL

from tests.migrations.programs import psql

DOCUMENT = (Path(__file__).parents[2] / "docs" / "functions.md").read_text(encoding="utf-8")


def test_the_statements_for_psql_work(database_url: URL) -> None:
    statements = re.findall(r"```sql\n(.*?)```", DOCUMENT, re.DOTALL)
    assert len(statements) == 2
    done = psql(database_url, "\n".join(statements))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"success": true') == 2
    assert '"new_total": 0.2500' in done.stdout


def test_an_earlier_record_of_a_place_is_lost_within_a_batch_and_kept_between_two(
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
    assert "the email of one: none" in done.stdout, done.stderr
    assert "the email of two: hei@kahvila.fi" in done.stdout
