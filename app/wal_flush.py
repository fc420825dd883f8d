"""COMMIT in two steps: its locks are free and others see what it wrote, then it is made durable.

A server flushes its log (WAL) to disk before COMMIT gives up the transaction's locks, so those who
wait for a lock wait for the disk as well, one after the other. With `synchronous_commit` off they
wait for memory alone. The statement that follows writes to the log itself, and its own COMMIT
flushes all that came before it, for everybody who waits at that moment at once. Success is reported
after that: what a caller was told is on disk, and on the standbys that `synchronous_commit` names.
"""

from __future__ import annotations

# For the transaction alone; a column of one of its queries, which costs less than a SET LOCAL.
WITHOUT_FLUSH = "pg_catalog.set_config('synchronous_commit', 'off', true)"
# Empty, and in a transaction that has an id: only such a COMMIT waits for the disk.
FLUSH = "SELECT pg_catalog.pg_logical_emit_message(true, 'campaigndb', '')"

# Whether the role may execute `FLUSH`, as all may by default.
MAY_FLUSH = """
select bool_and(has_function_privilege(oid, 'execute'))
from pg_catalog.pg_proc
where proname = 'pg_logical_emit_message' and pronamespace = 'pg_catalog'::regnamespace
"""
