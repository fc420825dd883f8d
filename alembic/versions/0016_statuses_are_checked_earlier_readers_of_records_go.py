"""Statuses of businesses are checked, earlier readers of records go

Revises: 0015

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

from alembic import op

from campaigndb.migrations.revision_operations import drop_functions, recreate_functions

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

FUNCTIONS: dict[str, tuple[str, str | None]] = {}

SQUAWK_EXCUSES = {
    "ban-drop-function": "contract: only functions that 0013 replaced used these",
}

# Name -> its last frozen copy, of each function that this revision drops.
DROPPED: dict[str, str] = {
    "read_scraped_businesses": "0010",
    "first_scraped_text": "0004",
    "first_scraped_email": "0010",
    "is_another_email": "0010",
}


def upgrade() -> None:
    # Reads the table while writers go on.
    op.execute(
        "alter table gmaps_businesses validate constraint ck_gmaps_businesses_business_status"
    )
    drop_functions(DROPPED)


def downgrade() -> None:
    recreate_functions(DROPPED)
    op.drop_constraint("ck_gmaps_businesses_business_status", "gmaps_businesses")
    op.create_check_constraint(
        op.f("ck_gmaps_businesses_business_status"),
        "gmaps_businesses",
        "business_status in"
        " ('operational', 'closed_temporarily', 'closed_permanently', 'suppressed')",
        postgresql_not_valid=True,
    )
