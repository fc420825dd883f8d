"""What was edited in app/ and is in no revision is named: functions and tables."""

from __future__ import annotations

from tests.history.conftest import HistoryCopy


def test_an_edited_head_a_removed_one_and_a_new_column_fail_the_check(copy: HistoryCopy) -> None:
    copy.replace("app/campaigndb/functions/scraped_text.sql", "-- Scrapers", "-- All scrapers")
    (copy.folder / "app/campaigndb/functions/text_list.sql").unlink()
    copy.replace(
        "app/campaigndb/tables/businesses.py",
        'Column("twitter_url", Text),',
        'Column("twitter_url", Text),\n    Column("added_url", Text),',
    )
    checked = copy.check()
    assert checked.returncode == 1
    head, column, removed = checked.stdout.splitlines()
    assert head.startswith(
        "functions/scraped_text.sql: is not its latest frozen copy (scraped_text.0"
    )
    assert "make revision" in head
    assert column.startswith("tables/: no revision has ('add_column', ")
    assert "added_url" in column
    assert removed.startswith("functions/text_list.sql: is not there, no revision drops")
