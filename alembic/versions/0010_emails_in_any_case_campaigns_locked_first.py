"""Emails in any case, campaigns locked first

Revises: 0009

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

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# Name -> (frozen copy that this revision installs, the one before or None).
FUNCTIONS: dict[str, tuple[str, str | None]] = {
    "create_campaign_with_coverage": ("0010", "0001"),
    "first_scraped_email": ("0010", None),
    "get_businesses_for_enrichment": ("0010", "0009"),
    "get_businesses_for_enrichment_after": ("0010", "0001"),
    "insert_businesses_batch": ("0010", "0006"),
    "is_another_email": ("0010", None),
    "queue_problem": ("0010", None),
    "read_enrichment": ("0010", "0004"),
    "read_scraped_businesses": ("0010", "0006"),
    "update_enrichment_batch": ("0010", "0005"),
}


def upgrade() -> None:
    replace_functions(FUNCTIONS)


def downgrade() -> None:
    restore_functions(FUNCTIONS)
