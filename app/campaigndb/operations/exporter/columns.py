"""The columns of exports, and how each is written.

A column is a field of a lead (`campaigndb.calling.results.Lead`) with the same name, or is derived
from such fields. All expressions are SQL, so that the server does the work within COPY.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from campaigndb.calling.results import Lead


class Kind(Enum):
    """The type of a column's values."""

    TEXT = "text"
    TEXTS = "text[]"
    JSON = "jsonb"
    NUMBER = "numeric"
    WHOLE = "bigint"
    FLOAT = "double precision"
    BOOLEAN = "boolean"
    TIME = "timestamptz"
    ID = "uuid"


@dataclass(frozen=True)
class Column:
    """A column's name, type and SQL expression over the row `lead`.

    `is_phone`: its values begin with + but are not formulas.
    """

    name: str
    kind: Kind
    sql: str
    is_phone: bool = False


_KINDS = {
    "str": Kind.TEXT,
    "tuple[str, ...]": Kind.TEXTS,
    "Any": Kind.JSON,
    "Decimal": Kind.NUMBER,
    "int": Kind.WHOLE,
    "float": Kind.FLOAT,
    "bool": Kind.BOOLEAN,
    "datetime.datetime": Kind.TIME,
    "uuid.UUID": Kind.ID,
}
# A person's first name is the first word of the name, as LinkedIn shows it.
_FIRST_NAME = "nullif(split_part(btrim(lead.person_name), ' ', 1), '')"
_LAST_NAME = f"nullif(btrim(substr(btrim(lead.person_name), length({_FIRST_NAME}) + 1)), '')"
_DOMAIN = "regexp_replace(lower(lead.website), '^([a-z]+://)?(www[.])?|[/?#:].*$', '', 'g')"
_DERIVED = (
    Column("first_name", Kind.TEXT, _FIRST_NAME),
    Column("last_name", Kind.TEXT, _LAST_NAME),
    # For programs that need a last name.
    Column("last_name_or_company", Kind.TEXT, f"coalesce({_LAST_NAME}, lead.name)"),
    Column("location", Kind.TEXT, "concat_ws(', ', lead.city, lead.state, lead.country)"),
    # For example shop.fi for "https://www.shop.fi/contact".
    Column("company_domain", Kind.TEXT, f"nullif({_DOMAIN}, '')"),
    Column("linkedin", Kind.TEXT, "coalesce(lead.person_profile_url, lead.linkedin_url)"),
)


def _of_a_lead() -> typing.Iterator[Column]:
    for field in dataclasses.fields(Lead):
        kind = _KINDS[str(field.type).removesuffix(" | None")]
        yield Column(field.name, kind, f"lead.{field.name}", is_phone=field.name == "phone")


# In the order of a file with all columns, identifying columns first.
LEAD_COLUMNS = tuple(_of_a_lead())
COLUMNS: Mapping[str, Column] = {each.name: each for each in (*LEAD_COLUMNS, *_DERIVED)}
