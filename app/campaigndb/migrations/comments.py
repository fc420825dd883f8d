"""Descriptions of the functions for callers, as `comment on function`.

The texts are in `functions/comments.toml`. Like the privileges, they are applied with every upgrade
and downgrade, in the transaction of its revision, so that drift compares them.
"""

from __future__ import annotations

import json
import tomllib

from psycopg.sql import SQL, Literal

from campaigndb.migrations.functions import HEAD_FOLDER
from campaigndb.settings import Settings

# Only differences are changed, because each change takes locks.
_APPLY = SQL("""
do $comments$
declare
  v_function record;
begin
  for v_function in
    select p.oid::regprocedure as signature, given.comment
    from jsonb_each_text({comments}) as given(name, comment)
    join pg_proc as p on p.proname = given.name
    where p.pronamespace = to_regnamespace(quote_ident({schema}))
      and obj_description(p.oid, 'pg_proc') is distinct from given.comment
  loop
    execute format('comment on function %s is %L', v_function.signature, v_function.comment);
  end loop;
end
$comments$
""")


def function_comments() -> dict[str, str]:
    """The comments of the functions for callers, by name."""
    texts = tomllib.loads((HEAD_FOLDER / "comments.toml").read_text(encoding="utf-8"))
    return {name: text.strip() for name, text in texts.items()}


def comments_statement(settings: Settings) -> str:
    """The SQL that sets the comments of the functions for callers; safe to repeat."""
    return _APPLY.format(
        schema=Literal(settings.schema_name), comments=Literal(json.dumps(function_comments()))
    ).as_string()
