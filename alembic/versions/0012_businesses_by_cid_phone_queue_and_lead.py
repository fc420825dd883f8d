"""Businesses by cid and phone, in the order of their queues and as leads

Revises: 0011

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

from campaigndb.migrations.revision_operations import (
    create_index_concurrently,
    drop_index_concurrently,
)

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

FUNCTIONS: dict[str, tuple[str, str | None]] = {}


def upgrade() -> None:
    create_index_concurrently(
        "idx_businesses_cid",
        "gmaps_businesses",
        ["cid"],
        postgresql_where=sa.text("cid is not null"),
    )
    create_index_concurrently(
        "idx_businesses_queue_facebook",
        "gmaps_businesses",
        ["campaign_id", "queue_position", "id"],
        postgresql_where=sa.text(
            "needs_enrichment and enrichment_status = 'pending'"
            " and coalesce(business_status, 'operational') = 'operational'"
        ),
    )
    create_index_concurrently(
        "idx_businesses_queue_linkedin",
        "gmaps_businesses",
        ["campaign_id", "queue_position", "id"],
        postgresql_where=sa.text(
            "not linkedin_enriched and coalesce(business_status, 'operational') = 'operational'"
        ),
    )
    create_index_concurrently(
        "idx_businesses_queue_verification",
        "gmaps_businesses",
        ["campaign_id", "verification_position", "id"],
        postgresql_where=sa.text(
            "email is not null and coalesce(bouncer_status, 'unknown') = 'unknown'"
            " and coalesce(business_status, 'operational') = 'operational'"
        ),
    )
    create_index_concurrently(
        "idx_businesses_leads", "gmaps_businesses", ["campaign_id", "created_at", "id"]
    )
    create_index_concurrently(
        "idx_businesses_safe_leads",
        "gmaps_businesses",
        ["campaign_id", "created_at", "id"],
        postgresql_where=sa.text(
            "email is not null and is_safe"
            " and coalesce(business_status, 'operational') = 'operational'"
        ),
    )
    create_index_concurrently(
        "idx_businesses_phone",
        "gmaps_businesses",
        [
            sa.text(
                r"right(regexp_replace(phone, '(ext|x|#|;)\.?\s*\d{1,6}\s*$|\(0\)|\D', '', 'gi'),"
                " 10)"
            )
        ],
        postgresql_where=sa.text("phone is not null"),
    )


def downgrade() -> None:
    drop_index_concurrently("idx_businesses_phone", "gmaps_businesses")
    drop_index_concurrently("idx_businesses_safe_leads", "gmaps_businesses")
    drop_index_concurrently("idx_businesses_leads", "gmaps_businesses")
    drop_index_concurrently("idx_businesses_queue_verification", "gmaps_businesses")
    drop_index_concurrently("idx_businesses_queue_linkedin", "gmaps_businesses")
    drop_index_concurrently("idx_businesses_queue_facebook", "gmaps_businesses")
    drop_index_concurrently("idx_businesses_cid", "gmaps_businesses")
