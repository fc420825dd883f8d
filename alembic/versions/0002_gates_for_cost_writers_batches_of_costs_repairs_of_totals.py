"""Gates for cost writers, batches of costs, repairs of totals

Revises: 0001

Rules of a revision, from its release on never edited again:
- upgrade and downgrade are each one short transaction; both are tested with data.
- Functions are replaced by frozen copies (FUNCTIONS below), never dropped and created.
- Another signature or return type is another name: add it, move the callers, drop the old later.
- New columns are nullable or have a constant default; constraints on filled tables come NOT VALID
  and are validated in a revision of their own; indexes on filled tables are built CONCURRENTLY in
  a revision of their own, within `op.get_context().autocommit_block()`.
"""

import sqlalchemy as sa
from alembic import op

from campaigndb.migrations.revision_operations import replace_functions, restore_functions

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Name -> (frozen copy that this revision installs, the one before or None).
FUNCTIONS: dict[str, tuple[str, str | None]] = {
    "cost_problem": ("0002", None),
    "idempotency_key_problem": ("0002", None),
    "track_campaign_cost": ("0002", "0001"),
    "track_campaign_costs_batch": ("0002", None),
}


# Frozen here: another number of gates is another revision.
GATES = tuple(f"gmaps_cost_gate_{number:02}" for number in range(64))


def upgrade() -> None:
    for gate in GATES:
        op.create_table(gate)
    op.create_table(
        "gmaps_cost_repairs",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("campaign_id", sa.UUID(), nullable=False),
        sa.Column("total", sa.Text(), nullable=False),
        sa.Column("amount_before", sa.Numeric(), nullable=False),
        sa.Column("amount_after", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("repaired_by", sa.Text(), server_default=sa.text("session_user"), nullable=False),
        sa.Column(
            "repaired_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["gmaps_campaigns.id"],
            name=op.f("fk_gmaps_cost_repairs_campaign_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gmaps_cost_repairs")),
    )
    op.create_index("idx_cost_repairs_campaign_id", "gmaps_cost_repairs", ["campaign_id"])
    replace_functions(FUNCTIONS)


def downgrade() -> None:
    restore_functions(FUNCTIONS)
    op.drop_index("idx_cost_repairs_campaign_id", table_name="gmaps_cost_repairs")
    op.drop_table("gmaps_cost_repairs")
    for gate in reversed(GATES):
        op.drop_table(gate)
