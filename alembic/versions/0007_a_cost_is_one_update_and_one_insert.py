"""A cost is one update and one insert

Revises: 0006

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

from campaigndb.migrations.revision_operations import replace_functions, restore_functions

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Name -> (frozen copy that this revision installs, the one before or None).
FUNCTIONS: dict[str, tuple[str, str | None]] = {
    "track_campaign_cost": ("0007", "0002"),
}


def upgrade() -> None:
    replace_functions(FUNCTIONS)


def downgrade() -> None:
    restore_functions(FUNCTIONS)
