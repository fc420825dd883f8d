"""Addresses, lookups, exports and suppressions have tables

Revises: 0010

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
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SQUAWK_EXCUSES = {
    "constraint-missing-not-valid": "reads the campaigns, of which there are thousands",
    "ban-drop-column": "created_by's values are in the column that takes its name",
    "renaming-column": "it takes the name of the one that is dropped, in the same transaction",
    "prefer-bigint-over-int": "days, attempts and leads of one export, each far below the limit",
}


def often_vacuumed(rows: int) -> dict[str, int]:
    """Storage options: vacuumed and analysed by rows, however large the table is."""
    return {
        "autovacuum_vacuum_scale_factor": 0,
        "autovacuum_vacuum_threshold": rows,
        "autovacuum_analyze_scale_factor": 0,
        "autovacuum_analyze_threshold": rows,
    }


def swap_creator(type_: sa.types.TypeEngine, value: str) -> None:
    # Another column in its place, not another type: ALTER TYPE writes the table anew, and a
    # transaction whose snapshot is older would find it empty. A cost would fail for good that way.
    op.add_column("gmaps_campaigns", sa.Column("creator", type_, nullable=True))
    op.execute(f"update gmaps_campaigns set creator = {value} where created_by is not null")  # noqa: S608
    op.drop_column("gmaps_campaigns", "created_by")
    op.alter_column("gmaps_campaigns", "creator", new_column_name="created_by")


def upgrade() -> None:
    # A service's user is a text to this schema: an email, a number or a UUID.
    swap_creator(sa.Text(), "created_by::text")
    op.add_column(
        "gmaps_campaigns",
        sa.Column(
            "verdict_max_age_days", sa.Integer(), server_default=sa.text("90"), nullable=False
        ),
    )
    op.create_check_constraint(
        op.f("ck_gmaps_campaigns_verdict_max_age_days_range"),
        "gmaps_campaigns",
        "verdict_max_age_days between 0 and 36500",
    )
    op.add_column("gmaps_campaigns", sa.Column("budget_usd", sa.Numeric(18, 4), nullable=True))
    op.add_column(
        "gmaps_campaigns",
        sa.Column("max_lookup_attempts", sa.Integer(), server_default=sa.text("3"), nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_gmaps_campaigns_budget_usd_range"),
        "gmaps_campaigns",
        "budget_usd >= 0 and budget_usd < 'Infinity'",
    )
    op.create_check_constraint(
        op.f("ck_gmaps_campaigns_max_lookup_attempts_range"),
        "gmaps_campaigns",
        "max_lookup_attempts between 1 and 1000",
    )

    op.add_column("gmaps_businesses", sa.Column("cid", sa.Text(), nullable=True))
    op.add_column("gmaps_businesses", sa.Column("business_status", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_gmaps_businesses_business_status"),
        "gmaps_businesses",
        "business_status in"
        " ('operational', 'closed_temporarily', 'closed_permanently', 'suppressed')",
        postgresql_not_valid=True,
    )
    # The default comes after the column: nobody knows when the places were seen that are there.
    op.add_column(
        "gmaps_businesses", sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.alter_column("gmaps_businesses", "last_seen_at", server_default=sa.text("now()"))
    # Known businesses come before all others; those that are added have their transaction's number.
    for name in ("queue_position", "verification_position"):
        op.add_column(
            "gmaps_businesses",
            sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        )
        op.alter_column(
            "gmaps_businesses",
            name,
            server_default=sa.text("(pg_current_xact_id()::text)::bigint"),
        )
    op.add_column(
        "gmaps_businesses",
        sa.Column("email_chosen_at", sa.DateTime(timezone=True), nullable=True),
    )
    # The default comes after the column: nobody knows when the emails were chosen that are there.
    op.alter_column("gmaps_businesses", "email_chosen_at", server_default=sa.text("now()"))
    options = ", ".join(f"{name} = {value}" for name, value in often_vacuumed(10_000).items())
    op.execute(f"alter table gmaps_businesses set ({options})")

    for table in ("gmaps_facebook_enrichments", "gmaps_linkedin_enrichments"):
        op.add_column(
            table,
            sa.Column(
                "applied_keys", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
            ),
        )

    op.create_table(
        "gmaps_business_emails",
        sa.Column("business_id", sa.UUID(), nullable=False),
        sa.Column("campaign_id", sa.UUID(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column(
            "email_lower",
            sa.Text(collation="C"),
            sa.Computed("lower(email)", persisted=True),
            nullable=False,
        ),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "first_seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "last_seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("score", sa.Numeric(), nullable=True),
        sa.Column("is_safe", sa.Boolean(), nullable=True),
        sa.Column("is_disposable", sa.Boolean(), nullable=True),
        sa.Column("is_role_based", sa.Boolean(), nullable=True),
        sa.Column("is_free_email", sa.Boolean(), nullable=True),
        sa.Column("is_gibberish", sa.Boolean(), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "btrim(email) <> ''", name=op.f("ck_gmaps_business_emails_email_not_blank")
        ),
        sa.CheckConstraint(
            "score >= 0 and score < 'Infinity'", name=op.f("ck_gmaps_business_emails_score_range")
        ),
        sa.CheckConstraint(
            "source in ('manual', 'linkedin', 'facebook', 'google_maps', 'generated')",
            name=op.f("ck_gmaps_business_emails_source"),
        ),
        sa.CheckConstraint(
            "status in ('deliverable', 'risky', 'undeliverable', 'unknown')",
            name=op.f("ck_gmaps_business_emails_status"),
        ),
        sa.ForeignKeyConstraint(
            ["business_id"],
            ["gmaps_businesses.id"],
            name=op.f("fk_gmaps_business_emails_business_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["gmaps_campaigns.id"],
            name=op.f("fk_gmaps_business_emails_campaign_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "business_id", "email_lower", name=op.f("pk_gmaps_business_emails")
        ),
    )
    op.create_index(
        "idx_business_emails_campaign_id", "gmaps_business_emails", ["campaign_id"], unique=False
    )
    op.create_index(
        "idx_business_emails_email_lower",
        "gmaps_business_emails",
        ["email_lower", "verified_at"],
        unique=False,
    )
    op.create_index(
        "idx_business_emails_domain", "gmaps_business_emails", [sa.text("reverse(email_lower)")]
    )

    op.create_table(
        "gmaps_lookups",
        sa.Column("item_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.UUID(), nullable=False),
        sa.Column("business_id", sa.UUID(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reserved_usd", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.Column("failed_reason", sa.Text(), nullable=True),
        sa.Column("failed_key", sa.Text(), nullable=True),
        sa.CheckConstraint("btrim(worker) <> ''", name=op.f("ck_gmaps_lookups_worker_not_blank")),
        sa.CheckConstraint(
            "kind in ('facebook', 'linkedin', 'verification', 'coverage')",
            name=op.f("ck_gmaps_lookups_kind"),
        ),
        sa.CheckConstraint(
            "reserved_usd >= 0 and reserved_usd < 'Infinity'",
            name=op.f("ck_gmaps_lookups_reserved_usd_range"),
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_gmaps_lookups_attempts_range")),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["gmaps_campaigns.id"],
            name=op.f("fk_gmaps_lookups_campaign_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("item_id", "kind", name=op.f("pk_gmaps_lookups")),
        postgresql_with=often_vacuumed(5_000),
    )
    op.create_index(
        "idx_lookups_campaign_id", "gmaps_lookups", ["campaign_id", "kind", "due_at"], unique=False
    )
    op.create_index(
        "idx_lookups_reserved",
        "gmaps_lookups",
        ["campaign_id", "due_at"],
        unique=False,
        postgresql_include=["reserved_usd"],
        postgresql_where=sa.text("reserved_usd > 0"),
    )
    op.create_index(
        "idx_lookups_worker",
        "gmaps_lookups",
        ["worker", "campaign_id"],
        unique=False,
        postgresql_where=sa.text("worker is not null"),
    )
    op.create_table(
        "gmaps_queue_heads",
        sa.Column("campaign_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("queue_position", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "business_id",
            sa.UUID(),
            server_default=sa.text("'00000000-0000-0000-0000-000000000000'"),
            nullable=False,
        ),
        sa.Column(
            "rewound_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "kind in ('facebook', 'linkedin', 'verification', 'coverage')",
            name=op.f("ck_gmaps_queue_heads_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["gmaps_campaigns.id"],
            name=op.f("fk_gmaps_queue_heads_campaign_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("campaign_id", "kind", name=op.f("pk_gmaps_queue_heads")),
        postgresql_with={"fillfactor": 50},
    )

    op.create_table(
        "gmaps_exports",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("campaign_id", sa.UUID(), nullable=False),
        sa.Column("exported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leads", sa.Integer(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("preset", sa.Text(), nullable=True),
        sa.Column(
            "filter",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("exported_by", sa.Text(), server_default=sa.text("session_user"), nullable=False),
        sa.CheckConstraint("btrim(format) <> ''", name=op.f("ck_gmaps_exports_format_not_blank")),
        sa.CheckConstraint("leads >= 0", name=op.f("ck_gmaps_exports_leads_range")),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["gmaps_campaigns.id"],
            name=op.f("fk_gmaps_exports_campaign_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gmaps_exports")),
    )
    op.create_index(
        "idx_exports_campaign_id", "gmaps_exports", ["campaign_id", "exported_at"], unique=False
    )

    op.create_table(
        "gmaps_erasures",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column(
            "erased_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("erased_by", sa.Text(), server_default=sa.text("session_user"), nullable=False),
        sa.Column(
            "counts",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gmaps_erasures")),
    )
    op.create_table(
        "gmaps_suppression_gate",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("changes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gmaps_suppression_gate")),
    )
    op.create_table(
        "gmaps_suppressions",
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("value_hash", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("is_erased", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "btrim(value) <> ''", name=op.f("ck_gmaps_suppressions_value_not_blank")
        ),
        sa.CheckConstraint(
            "kind in ('email', 'domain', 'phone', 'place')", name=op.f("ck_gmaps_suppressions_kind")
        ),
        sa.PrimaryKeyConstraint("kind", "value_hash", name=op.f("pk_gmaps_suppressions")),
    )
    op.create_index(
        "idx_suppressions_erased",
        "gmaps_suppressions",
        ["value_hash"],
        unique=False,
        postgresql_where=sa.text("is_erased"),
    )


def downgrade() -> None:
    """Creators that are no UUIDs are lost."""
    # A pattern, as no cast of this version's oldest server can be tried.
    swap_creator(
        sa.UUID(),
        "case when created_by ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'"
        " then created_by::uuid end",
    )
    for column in ("verdict_max_age_days", "budget_usd", "max_lookup_attempts"):
        op.drop_column("gmaps_campaigns", column)
    op.execute(f"alter table gmaps_businesses reset ({', '.join(often_vacuumed(0))})")
    for column in (
        "cid",
        "business_status",
        "last_seen_at",
        "queue_position",
        "verification_position",
        "email_chosen_at",
    ):
        op.drop_column("gmaps_businesses", column)
    for table in ("gmaps_facebook_enrichments", "gmaps_linkedin_enrichments"):
        op.drop_column(table, "applied_keys")
    for table in (
        "gmaps_business_emails",
        "gmaps_lookups",
        "gmaps_queue_heads",
        "gmaps_exports",
        "gmaps_erasures",
        "gmaps_suppression_gate",
        "gmaps_suppressions",
    ):
        op.drop_table(table)
