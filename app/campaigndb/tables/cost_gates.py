"""`gmaps_cost_gate_00` …: empty tables whose only purpose is to be locked.

A cost runs SERIALIZABLE, and its snapshot is taken by its first query: a row lock taken inside of
it comes too late and the transaction fails. `LOCK TABLE` is the one lock that needs no snapshot,
so a caller takes its campaign's gate first, waits there, and then sees what the one before wrote.
"""

from sqlalchemy import Table

from campaigndb.tables.metadata import metadata

# Campaigns share gates by hash. Among 10 campaigns written at once a caller meets another one's at
# its gate in one case of seven, and then waits for one short transaction; each gate costs about
# 2.5 KB of catalog in every schema.
GATE_COUNT = 64

cost_gates = tuple(Table(f"gmaps_cost_gate_{number:02}", metadata) for number in range(GATE_COUNT))
