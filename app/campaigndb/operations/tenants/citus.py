"""What a Citus cluster does with a tenant's schema: it places each on one node, with all tables.

Schemas are created and moved by the coordinator, which `DATABASE_URL` names. Where the extension is
not installed there is one server, and nothing to place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """Whether the database has the extension Citus."""
    found = connection.execute(
        text("select exists (select from pg_catalog.pg_extension where extname = 'citus')")
    )
    return bool(found.scalar_one())


def coordinator_elsewhere(connection: Connection) -> str | None:
    """The coordinator's address, if this node of a cluster is a worker; None on the coordinator.

    Every node knows its group; the coordinator's is 0.
    """
    found = connection.execute(
        text("""
            select coalesce(
              (
                select n.nodename || ':' || n.nodeport
                from pg_catalog.pg_dist_node as n
                where n.groupid = 0 and n.noderole = 'primary'
              ),
              'its address is not in pg_dist_node'
            )
            from pg_catalog.pg_dist_local_group as l
            where l.groupid <> 0
        """)
    )
    address: str | None = found.scalar_one_or_none()
    return address


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


@dataclass(frozen=True)
class Shards:
    """What the tables and indexes of a schema are called on the node that has their rows.

    Attributes:
        table: one of the tables, with which the cluster finds the node.
        tables: the tables' names on the node.
        names: the name here of each table and index, by its name on the node.
    """

    table: int
    tables: Sequence[str]
    names: Mapping[str, str]


def shards_of(connection: Connection, schema: str, tables: Sequence[str]) -> Shards | None:
    """The shards of a schema's tables; None if the schema is not placed on one node."""
    rows = connection.execute(
        text("""
            select s.logicalrelid::oid::bigint as of_table, relation.name,
              -- On the node a long name is cut, and only the cluster knows how.
              (parse_ident(pg_catalog.shard_name(relation.oid, s.shardid, false)))[2] as on_node,
              relation.oid = s.logicalrelid as is_table
            from pg_catalog.pg_dist_shard as s
            join pg_catalog.pg_class as c on c.oid = s.logicalrelid
            join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
            cross join lateral (
              select c.oid::regclass as oid, c.relname as name
              union all
              select i.oid::regclass, i.relname
              from pg_catalog.pg_index as x
              join pg_catalog.pg_class as i on i.oid = x.indexrelid
              where x.indrelid = c.oid
            ) as relation
            where n.nspname = :schema and c.relname = any (cast(:tables as text[]))
        """),
        {"schema": schema, "tables": list(tables)},
    ).all()
    if not rows:
        return None
    return Shards(
        rows[0].of_table,
        [row.on_node for row in rows if row.is_table],
        {row.on_node: row.name for row in rows},
    )


class NodeError(Exception):
    """The node that has a schema's rows refused a query, or cannot be reached."""


def read_on_node(connection: Connection, shards: Shards, query: str) -> str:
    """The one value of a query that the shards' node runs, as the same role, outside of this
    transaction.

    Raises:
        NodeError: it is not answered; one line that says why.
    """
    answer = connection.execute(
        text("""
            select success, result
            from pg_catalog.run_command_on_placements(
              cast(cast(:of_table as oid) as regclass), cast(:command as text)
            )
        """),
        # The cluster fills the command in as `format` does.
        {"of_table": shards.table, "command": query.replace("%", "%%")},
    ).one()
    if not answer.success:
        raise NodeError(" ".join(str(answer.result).split()))
    return str(answer.result)


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
