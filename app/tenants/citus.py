"""What a Citus cluster does with a tenant's schema: it places each on one node, with all tables.

Everything here is asked of the coordinator, which `DATABASE_URL` names. Where the extension is not
installed there is one server, and nothing to place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

# Within a transaction, before CREATE SCHEMA: the schema then gets a node, and its tables with it.
# Part of a PL/pgSQL block, so that a script for psql finds out on its own server; {name} is the
# schema as a literal. A name that wants quotes is refused: the cluster leaves them out where it
# changes rights, so on the nodes everybody might execute the functions.
SHARD_NEXT_SCHEMA = """
    if exists (select from pg_catalog.pg_extension where extname = 'citus') then
      if quote_ident({name}) <> {name} then
        raise exception using errcode = '42602', message = quote_ident({name})
          || ' cannot be a tenant on a Citus cluster: use a-z, 0-9 and _, and no reserved word';
      end if;
      set local citus.enable_schema_based_sharding to on;
    end if;
"""


@dataclass(frozen=True)
class Placement:
    """Where a schema's tables are: `host:port` (several, if they are not all on one), and bytes."""

    node: str
    size: int


def is_installed(connection: Connection) -> bool:
    found = connection.execute(
        text("select exists (select from pg_catalog.pg_extension where extname = 'citus')")
    )
    return bool(found.scalar_one())


def placements(connection: Connection, schemas: Sequence[str]) -> dict[str, Placement]:
    """Where each schema is; one that is not distributed is left out."""
    rows = connection.execute(
        text("""
            select n.nspname,
              string_agg(distinct s.nodename || ':' || s.nodeport, ', ') as node,
              coalesce(sum(s.shard_size), 0)::bigint as size
            from pg_catalog.citus_shards as s
            join pg_catalog.pg_class as c on c.oid = s.table_name
            join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
            where s.citus_table_type = 'schema' and n.nspname = any (cast(:schemas as text[]))
            group by n.nspname
        """),
        {"schemas": list(schemas)},
    )
    return {row.nspname: Placement(row.node, row.size) for row in rows}


def move_schema(connection: Connection, schema: str, host: str, port: int) -> None:
    """Moves the schema to another node of the cluster while callers go on."""
    # The gates have no key, which the mode 'auto' refuses. Without one logical replication cannot
    # update or delete rows, and a gate has none.
    connection.execute(
        text("""
            select pg_catalog.citus_schema_move(
              schema_id => cast(quote_ident(:schema) as regnamespace),
              target_node_name => cast(:host as text),
              target_node_port => cast(:port as int),
              shard_transfer_mode => 'force_logical'
            )
        """),
        {"schema": schema, "host": host, "port": port},
    )
