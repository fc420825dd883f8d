"""The COPY statement of an export, whose SELECT writes each cell as it is in the file.

The server writes the lines, which only pass through here. psycopg quotes values and names, because
COPY takes no parameters.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Literal

from psycopg.sql import SQL, Composable, Composed, Identifier
from psycopg.sql import Literal as Value

from campaigndb.calling.json_codec import dump_json
from campaigndb.operations.exporter.columns import COLUMNS, Column, Kind
from campaigndb.operations.exporter.presets import Layout

Format = Literal["csv", "jsonl", "parquet"]

# All leads: the largest value of p_limit.
_NO_LIMIT = 2_147_483_647
# Separator of list items for Parquet. Texts in lists do not contain it.
ITEM_SEPARATOR = "\x1f"

# A spreadsheet runs a cell that begins like this as a formula, or reads it as a number. This also
# applies to full-width characters. A text that begins with a mark gets another one, so that reading
# always removes one.
_BEGINS_LIKE_A_FORMULA = "^'*[-=+@\t\r\n\uff1d\uff0b\uff0d\uff20]"
# Most texts begin with a letter or a digit, and a comparison costs less than a pattern.
_GUARDED = """case
  when {0} collate "C" >= 'A' and {0} collate "C" < {1} then {0}
  when {0} collate "C" >= '.' and {0} collate "C" < '=' then {0}
  when {0} ~ {2} then '''' || {0}
  else {0}
end"""
_A_TEXT_OF_DIGITS = "^[0-9]+$"


def copy_statement(
    schema: str,
    campaign_id: uuid.UUID,
    lead_filter: Mapping[str, Any],
    layout: Layout,
    file_format: Format,
) -> Composed:
    """COPY … TO STDOUT in UTF-8: one line for each lead, after the headings if there are any."""
    as_json = file_format == "jsonl"
    cells = SQL(", ").join(
        SQL("{} as {}").format(
            _for_parquet(COLUMNS[name])
            if file_format == "parquet"
            else SQL(COLUMNS[name].sql)
            if as_json
            else _for_csv(COLUMNS[name], layout),
            Identifier(heading),
        )
        for heading, name in layout.columns.items()
    )
    leads = SQL("{}.get_campaign_leads({}, {}, {}) as lead").format(
        Identifier(schema),
        Value(str(campaign_id)),
        Value(dump_json(lead_filter, "filter")),
        Value(_NO_LIMIT),
    )
    if as_json:
        # JSON escapes control characters, so a line has neither the delimiter nor the quote.
        return SQL(
            "copy (select row_to_json(line) from (select {} from {}) as line) to stdout"
            " (format csv, encoding 'UTF8', delimiter E'\\x02', quote E'\\x01')"
        ).format(cells, leads)
    return SQL(
        "copy (select {} from {}) to stdout (format csv, header true, encoding 'UTF8')"
    ).format(cells, leads)


def _for_csv(column: Column, layout: Layout) -> Composable:
    value = column.sql
    if column.kind is Kind.TEXTS:
        # As JSON, because a separator could be part of a text.
        return SQL(f"case when {value} <> '{{}}' then to_json({value})::text end")
    if column.kind is Kind.BOOLEAN:
        return SQL(f"({value})::text")
    if column.kind is Kind.JSON:
        # Opening hours may also be a text, which is written without JSON's quotes.
        text = f"{value} #>> '{{}}'"
        as_text = f"case jsonb_typeof({value}) when 'string' then {text} else {value}::text end"
        return _guarded(as_text)
    if column.kind is not Kind.TEXT:
        return SQL(value)
    if layout.one_line:
        value = f"translate({value}, E'\\r\\n', '  ')"
    if column.is_phone and layout.exact_phones:
        # Only a plain phone number cannot be run as a formula. Other texts are marked.
        guarded = _guarded(value)
        return SQL("case when {0} ~ {1} then {0} else {2} end").format(
            SQL(value), Value(r"^\+[0-9][0-9 ().-]*$"), guarded
        )
    if layout.texts_marked:
        return SQL("case when {0} ~ {1} then '''' || {0} else {2} end").format(
            SQL(value), Value(_A_TEXT_OF_DIGITS), _guarded(value)
        )
    return _guarded(value)


def _guarded(value: str) -> Composable:
    return SQL(_GUARDED).format(SQL(value), Value("\uff00"), Value(_BEGINS_LIKE_A_FORMULA))


def _for_parquet(column: Column) -> Composable:
    value = column.sql
    if column.kind is Kind.TEXTS:
        separator = Value(ITEM_SEPARATOR)
        return SQL("case when {0} <> '{{}}' then array_to_string({0}, {1}) end").format(
            SQL(value), separator
        )
    if column.kind is Kind.NUMBER:
        return SQL(f"round({value}, 10)")
    if column.kind is Kind.BOOLEAN:
        return SQL(f"({value})::text")
    if column.kind is Kind.TIME:
        return SQL(f"to_char({value} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
    return SQL(value)
