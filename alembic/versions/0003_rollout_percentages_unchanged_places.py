"""Rollout percentages, unchanged places

Revises: 0002

Rules of a revision, from its release on never edited again:
- upgrade and downgrade are each one short transaction; both are tested with data.
- It runs while callers work: a waiting ALTER TABLE stops everybody behind it, so it waits for
  CAMPAIGNDB_MIGRATION_LOCK_TIMEOUT at most and is then tried again, as a whole. Of several tables
  alter in this order: campaigns, coverage, businesses, enrichments, the rest.
- The last release's callers run against the new schema until they are replaced: first expand (add),
  in a later release contract (drop).
- Functions are replaced by frozen copies (FUNCTIONS below), never dropped and created.
- Another signature or return type is another name: add it, move the callers, drop the old later.
- New columns are nullable or have a constant default; constraints on filled tables come NOT VALID
  and are validated in a revision of their own.
- Indexes on filled tables are built CONCURRENTLY, in a revision of their own that does nothing
  else: by create_index_concurrently and drop_index_concurrently.
- What squawk reports and is safe here is excused: SQUAWK_EXCUSES = {"rule": "reason"}. After an
  edit: make seal.
"""

import sqlalchemy as sa
from alembic import op

from campaigndb.migrations.revision_operations import replace_functions, restore_functions

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SQUAWK_EXCUSES = {"prefer-bigint-over-int": "a percentage ends at 100"}

# Name -> (frozen copy that this revision installs, the one before or None).
FUNCTIONS: dict[str, tuple[str, str | None]] = {
    "first_scraped_text": ("0003", None),
    "insert_businesses_batch": ("0003", "0001"),
    "read_scraped_businesses": ("0003", "0001"),
    "scraped_business_problem": ("0003", None),
}


def upgrade() -> None:
    op.create_table(
        "gmaps_rollout_percentages",
        sa.Column("function_name", sa.Text(), nullable=False),
        sa.Column("percentage", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.Text(), server_default=sa.text("session_user"), nullable=False),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "btrim(function_name) <> ''",
            name=op.f("ck_gmaps_rollout_percentages_function_name_not_blank"),
        ),
        sa.CheckConstraint(
            "percentage between 0 and 100",
            name=op.f("ck_gmaps_rollout_percentages_percentage_range"),
        ),
        sa.PrimaryKeyConstraint("function_name", name=op.f("pk_gmaps_rollout_percentages")),
    )
    replace_functions(FUNCTIONS)


def downgrade() -> None:
    restore_functions(FUNCTIONS)
    op.drop_table("gmaps_rollout_percentages")
