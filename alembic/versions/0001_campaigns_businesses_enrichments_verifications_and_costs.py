"""Campaigns, businesses, enrichments, verifications and costs

Revises:

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
from sqlalchemy.dialects import postgresql

from campaigndb.migrations.revision_operations import replace_functions, restore_functions

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Name -> (frozen copy that this revision installs, the one before or None).
FUNCTIONS: dict[str, tuple[str, str | None]] = {
    "choice_problem": ("0001", None),
    "create_campaign_with_coverage": ("0001", None),
    "email_source_rank": ("0001", None),
    "enrichment_problem": ("0001", None),
    "field_problem": ("0001", None),
    "get_businesses_for_enrichment": ("0001", None),
    "get_businesses_for_enrichment_after": ("0001", None),
    "insert_businesses_batch": ("0001", None),
    "read_enrichment": ("0001", None),
    "read_scraped_businesses": ("0001", None),
    "scraped_email": ("0001", None),
    "scraped_number": ("0001", None),
    "scraped_text": ("0001", None),
    "stored_function_failure": ("0001", None),
    "text_list": ("0001", None),
    "track_campaign_cost": ("0001", None),
    "update_campaign_statistics": ("0001", None),
    "update_coverage_status": ("0001", None),
    "update_email_verification": ("0001", None),
    "update_enrichment_batch": ("0001", None),
}

SQUAWK_EXCUSES = {
    "prefer-bigint-over-int": "counts of one campaign, of one record or of one page",
    "prefer-text-field": "the version table, which is Alembic's own",
}


def upgrade() -> None:
    op.create_table(
        "gmaps_campaigns",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("keywords", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column(
            "coverage_profile", sa.Text(), server_default=sa.text("'balanced'"), nullable=False
        ),
        sa.Column("custom_zip_codes", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("status", sa.Text(), server_default=sa.text("'draft'"), nullable=False),
        sa.Column("target_zip_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("actual_zip_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("coverage_percentage", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("estimated_cost", sa.Numeric(precision=18, scale=4), nullable=True),
        sa.Column("organization_id", sa.UUID(), nullable=True),
        sa.Column("created_by", sa.UUID(), nullable=True),
        sa.Column(
            "total_businesses_found", sa.Integer(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("total_emails_found", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "total_facebook_pages_found", sa.Integer(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "total_linkedin_profiles_found",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
        ),
        sa.Column(
            "total_verified_emails", sa.Integer(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "actual_cost",
            sa.Numeric(precision=18, scale=4),
            server_default=sa.text("0"),
            nullable=False,
        ),
        sa.Column(
            "google_maps_cost",
            sa.Numeric(precision=18, scale=4),
            server_default=sa.text("0"),
            nullable=False,
        ),
        sa.Column(
            "facebook_cost",
            sa.Numeric(precision=18, scale=4),
            server_default=sa.text("0"),
            nullable=False,
        ),
        sa.Column(
            "linkedin_enrichment_cost",
            sa.Numeric(precision=18, scale=4),
            server_default=sa.text("0"),
            nullable=False,
        ),
        sa.Column(
            "bouncer_verification_cost",
            sa.Numeric(precision=18, scale=4),
            server_default=sa.text("0"),
            nullable=False,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("btrim(name) <> ''", name=op.f("ck_gmaps_campaigns_name_not_blank")),
        sa.CheckConstraint(
            "coverage_profile in ('aggressive', 'balanced', 'budget', 'custom')",
            name=op.f("ck_gmaps_campaigns_coverage_profile"),
        ),
        sa.CheckConstraint(
            "estimated_cost >= 0 and estimated_cost < 'Infinity'",
            name=op.f("ck_gmaps_campaigns_estimated_cost_range"),
        ),
        sa.CheckConstraint(
            "status in ('draft', 'running', 'paused', 'completed', 'failed')",
            name=op.f("ck_gmaps_campaigns_status"),
        ),
        sa.CheckConstraint(
            "actual_zip_count >= 0", name=op.f("ck_gmaps_campaigns_actual_zip_count_range")
        ),
        sa.CheckConstraint(
            "coverage_percentage between 0 and 100",
            name=op.f("ck_gmaps_campaigns_coverage_percentage_range"),
        ),
        sa.CheckConstraint(
            "target_zip_count >= 0", name=op.f("ck_gmaps_campaigns_target_zip_count_range")
        ),
        sa.CheckConstraint(
            "least(total_businesses_found, total_emails_found, total_facebook_pages_found, "
            "total_linkedin_profiles_found, total_verified_emails) >= 0",
            name=op.f("ck_gmaps_campaigns_counters_range"),
        ),
        sa.CheckConstraint(
            "least(actual_cost, google_maps_cost, facebook_cost, linkedin_enrichment_cost, "
            "bouncer_verification_cost) >= 0 and greatest(actual_cost, google_maps_cost, "
            "facebook_cost, linkedin_enrichment_cost, bouncer_verification_cost) < "
            "'Infinity'",
            name=op.f("ck_gmaps_campaigns_cost_totals_range"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gmaps_campaigns")),
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "gmaps_api_costs",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("campaign_id", sa.UUID(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("items_processed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost_usd", sa.Numeric(precision=10, scale=4), nullable=False),
        sa.Column(
            "metadata",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("running_total", sa.Numeric(precision=18, scale=4), nullable=True),
        sa.Column(
            "incurred_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "cost_usd >= 0 and cost_usd < 'Infinity'",
            name=op.f("ck_gmaps_api_costs_cost_usd_range"),
        ),
        sa.CheckConstraint(
            "running_total >= 0 and running_total < 'Infinity'",
            name=op.f("ck_gmaps_api_costs_running_total_range"),
        ),
        sa.CheckConstraint(
            "service in ('google_maps', 'facebook', 'linkedin', 'bouncer')",
            name=op.f("ck_gmaps_api_costs_service"),
        ),
        sa.CheckConstraint(
            "items_processed >= 0", name=op.f("ck_gmaps_api_costs_items_processed_range")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["gmaps_campaigns.id"],
            name=op.f("fk_gmaps_api_costs_campaign_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gmaps_api_costs")),
    )
    op.create_index("idx_api_costs_campaign_id", "gmaps_api_costs", ["campaign_id"], unique=False)
    op.create_index(
        "idx_api_costs_idempotency_key",
        "gmaps_api_costs",
        ["campaign_id", sa.literal_column("(metadata ->> 'idempotency_key')")],
        unique=True,
        postgresql_where=sa.text("(metadata ->> 'idempotency_key') is not null"),
    )
    op.create_table(
        "gmaps_businesses",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("campaign_id", sa.UUID(), nullable=False),
        sa.Column("zip_code", sa.Text(), nullable=True),
        sa.Column("place_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("postal_code", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("website", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("email_source", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column(
            "categories", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("rating", sa.Numeric(), nullable=True),
        sa.Column("reviews_count", sa.Integer(), nullable=True),
        sa.Column("price_level", sa.Text(), nullable=True),
        sa.Column("hours", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("facebook_url", sa.Text(), nullable=True),
        sa.Column("linkedin_url", sa.Text(), nullable=True),
        sa.Column("instagram_url", sa.Text(), nullable=True),
        sa.Column("twitter_url", sa.Text(), nullable=True),
        sa.Column("needs_enrichment", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "enrichment_status", sa.Text(), server_default=sa.text("'pending'"), nullable=False
        ),
        sa.Column("enrichment_attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_enrichment_attempt", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "linkedin_enriched", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("email_verified", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("bouncer_status", sa.Text(), nullable=True),
        sa.Column("bouncer_score", sa.Numeric(), nullable=True),
        sa.Column("is_safe", sa.Boolean(), nullable=True),
        sa.Column("is_disposable", sa.Boolean(), nullable=True),
        sa.Column("is_role_based", sa.Boolean(), nullable=True),
        sa.Column("is_free_email", sa.Boolean(), nullable=True),
        sa.Column("bouncer_verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("icebreaker", sa.Text(), nullable=True),
        sa.Column("subject_line", sa.Text(), nullable=True),
        sa.Column("raw_data", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "scraped_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "has_email",
            sa.Boolean(),
            sa.Computed("email is not null", persisted=True),
            nullable=False,
        ),
        sa.Column(
            "has_facebook_page",
            sa.Boolean(),
            sa.Computed("facebook_url is not null", persisted=True),
            nullable=False,
        ),
        sa.Column(
            "has_linkedin_profile",
            sa.Boolean(),
            sa.Computed("linkedin_url is not null", persisted=True),
            nullable=False,
        ),
        sa.CheckConstraint(
            "bouncer_score >= 0 and bouncer_score < 'Infinity'",
            name=op.f("ck_gmaps_businesses_bouncer_score_range"),
        ),
        sa.CheckConstraint("btrim(name) <> ''", name=op.f("ck_gmaps_businesses_name_not_blank")),
        sa.CheckConstraint(
            "btrim(place_id) <> ''", name=op.f("ck_gmaps_businesses_place_id_not_blank")
        ),
        sa.CheckConstraint(
            "email_source in ('google_maps', 'facebook', 'linkedin', 'not_found')",
            name=op.f("ck_gmaps_businesses_email_source"),
        ),
        sa.CheckConstraint(
            "enrichment_status in ('pending', 'enriched', 'failed', 'no_facebook')",
            name=op.f("ck_gmaps_businesses_enrichment_status"),
        ),
        sa.CheckConstraint(
            "rating >= 0 and rating < 'Infinity'", name=op.f("ck_gmaps_businesses_rating_range")
        ),
        sa.CheckConstraint(
            "enrichment_attempts >= 0", name=op.f("ck_gmaps_businesses_enrichment_attempts_range")
        ),
        sa.CheckConstraint(
            "latitude between -90 and 90", name=op.f("ck_gmaps_businesses_latitude_range")
        ),
        sa.CheckConstraint(
            "longitude between -180 and 180", name=op.f("ck_gmaps_businesses_longitude_range")
        ),
        sa.CheckConstraint(
            "reviews_count >= 0", name=op.f("ck_gmaps_businesses_reviews_count_range")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["gmaps_campaigns.id"],
            name=op.f("fk_gmaps_businesses_campaign_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gmaps_businesses")),
    )
    op.create_index(
        "idx_businesses_campaign_id",
        "gmaps_businesses",
        ["campaign_id"],
        unique=False,
        postgresql_include=[
            "has_email",
            "has_facebook_page",
            "has_linkedin_profile",
            "email_verified",
        ],
    )
    op.create_index(
        "idx_businesses_facebook_queue",
        "gmaps_businesses",
        ["campaign_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("needs_enrichment and enrichment_status = 'pending'"),
    )
    op.create_index(
        "idx_businesses_linkedin_queue",
        "gmaps_businesses",
        ["campaign_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("not linkedin_enriched"),
    )
    op.create_index("idx_businesses_place_id", "gmaps_businesses", ["place_id"], unique=True)
    op.create_table(
        "gmaps_campaign_coverage",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("campaign_id", sa.UUID(), nullable=False),
        sa.Column("zip_code", sa.Text(), nullable=False),
        sa.Column("keywords", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("max_results", sa.Integer(), server_default=sa.text("200"), nullable=False),
        sa.Column("estimated_cost", sa.Numeric(precision=18, scale=4), nullable=True),
        sa.Column("scraped", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("scraped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("businesses_found", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("emails_found", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "actual_cost",
            sa.Numeric(precision=18, scale=4),
            server_default=sa.text("0"),
            nullable=False,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "actual_cost >= 0 and actual_cost < 'Infinity'",
            name=op.f("ck_gmaps_campaign_coverage_actual_cost_range"),
        ),
        sa.CheckConstraint(
            "btrim(zip_code) <> ''", name=op.f("ck_gmaps_campaign_coverage_zip_code_not_blank")
        ),
        sa.CheckConstraint(
            "estimated_cost >= 0 and estimated_cost < 'Infinity'",
            name=op.f("ck_gmaps_campaign_coverage_estimated_cost_range"),
        ),
        sa.CheckConstraint(
            "businesses_found >= 0", name=op.f("ck_gmaps_campaign_coverage_businesses_found_range")
        ),
        sa.CheckConstraint(
            "emails_found >= 0", name=op.f("ck_gmaps_campaign_coverage_emails_found_range")
        ),
        sa.CheckConstraint(
            "max_results >= 0", name=op.f("ck_gmaps_campaign_coverage_max_results_range")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["gmaps_campaigns.id"],
            name=op.f("fk_gmaps_campaign_coverage_campaign_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gmaps_campaign_coverage")),
        sa.UniqueConstraint(
            "campaign_id", "zip_code", name=op.f("uq_gmaps_campaign_coverage_campaign_id_zip_code")
        ),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index(
        "idx_campaign_coverage_campaign_id",
        "gmaps_campaign_coverage",
        ["campaign_id"],
        unique=False,
    )
    op.create_table(
        "gmaps_facebook_enrichments",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("business_id", sa.UUID(), nullable=False),
        sa.Column("campaign_id", sa.UUID(), nullable=False),
        sa.Column("facebook_url", sa.Text(), nullable=True),
        sa.Column("page_name", sa.Text(), nullable=True),
        sa.Column("page_likes", sa.BigInteger(), nullable=True),
        sa.Column("page_followers", sa.BigInteger(), nullable=True),
        sa.Column("emails", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("primary_email", sa.Text(), nullable=True),
        sa.Column(
            "email_sources", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column(
            "phone_numbers", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("addresses", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("email_verified", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("bouncer_status", sa.Text(), nullable=True),
        sa.Column("bouncer_score", sa.Numeric(), nullable=True),
        sa.Column("is_safe", sa.Boolean(), nullable=True),
        sa.Column("is_disposable", sa.Boolean(), nullable=True),
        sa.Column("is_role_based", sa.Boolean(), nullable=True),
        sa.Column("is_free_email", sa.Boolean(), nullable=True),
        sa.Column("bouncer_verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("success", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("raw_data", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "scraped_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "bouncer_score >= 0 and bouncer_score < 'Infinity'",
            name=op.f("ck_gmaps_facebook_enrichments_bouncer_score_range"),
        ),
        sa.CheckConstraint(
            "page_followers >= 0", name=op.f("ck_gmaps_facebook_enrichments_page_followers_range")
        ),
        sa.CheckConstraint(
            "page_likes >= 0", name=op.f("ck_gmaps_facebook_enrichments_page_likes_range")
        ),
        sa.ForeignKeyConstraint(
            ["business_id"],
            ["gmaps_businesses.id"],
            name=op.f("fk_gmaps_facebook_enrichments_business_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["gmaps_campaigns.id"],
            name=op.f("fk_gmaps_facebook_enrichments_campaign_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gmaps_facebook_enrichments")),
        sa.UniqueConstraint("business_id", name=op.f("uq_gmaps_facebook_enrichments_business_id")),
    )
    op.create_index(
        "idx_facebook_enrichments_campaign_id",
        "gmaps_facebook_enrichments",
        ["campaign_id"],
        unique=False,
    )
    op.create_table(
        "gmaps_linkedin_enrichments",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("business_id", sa.UUID(), nullable=False),
        sa.Column("campaign_id", sa.UUID(), nullable=False),
        sa.Column("linkedin_url", sa.Text(), nullable=True),
        sa.Column("profile_type", sa.Text(), nullable=True),
        sa.Column("person_name", sa.Text(), nullable=True),
        sa.Column("person_title", sa.Text(), nullable=True),
        sa.Column("person_profile_url", sa.Text(), nullable=True),
        sa.Column("company_name", sa.Text(), nullable=True),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("connections", sa.Integer(), nullable=True),
        sa.Column(
            "emails_found", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column(
            "emails_generated", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("primary_email", sa.Text(), nullable=True),
        sa.Column("email_source", sa.Text(), nullable=True),
        sa.Column(
            "phone_numbers", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("email_quality_tier", sa.Text(), nullable=True),
        sa.Column("email_verified", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("bouncer_status", sa.Text(), nullable=True),
        sa.Column("bouncer_score", sa.Numeric(), nullable=True),
        sa.Column("is_safe", sa.Boolean(), nullable=True),
        sa.Column("is_disposable", sa.Boolean(), nullable=True),
        sa.Column("is_role_based", sa.Boolean(), nullable=True),
        sa.Column("is_free_email", sa.Boolean(), nullable=True),
        sa.Column("bouncer_verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("success", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("raw_data", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "enriched_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "bouncer_score >= 0 and bouncer_score < 'Infinity'",
            name=op.f("ck_gmaps_linkedin_enrichments_bouncer_score_range"),
        ),
        sa.CheckConstraint(
            "email_source in ('linkedin_direct', 'generated', 'pattern_match')",
            name=op.f("ck_gmaps_linkedin_enrichments_email_source"),
        ),
        sa.CheckConstraint(
            "profile_type in ('company', 'personal')",
            name=op.f("ck_gmaps_linkedin_enrichments_profile_type"),
        ),
        sa.CheckConstraint(
            "connections >= 0", name=op.f("ck_gmaps_linkedin_enrichments_connections_range")
        ),
        sa.ForeignKeyConstraint(
            ["business_id"],
            ["gmaps_businesses.id"],
            name=op.f("fk_gmaps_linkedin_enrichments_business_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["gmaps_campaigns.id"],
            name=op.f("fk_gmaps_linkedin_enrichments_campaign_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gmaps_linkedin_enrichments")),
        sa.UniqueConstraint("business_id", name=op.f("uq_gmaps_linkedin_enrichments_business_id")),
    )
    op.create_index(
        "idx_linkedin_enrichments_campaign_id",
        "gmaps_linkedin_enrichments",
        ["campaign_id"],
        unique=False,
    )
    op.create_table(
        "gmaps_email_verifications",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("business_id", sa.UUID(), nullable=False),
        sa.Column("facebook_enrichment_id", sa.UUID(), nullable=True),
        sa.Column("linkedin_enrichment_id", sa.UUID(), nullable=True),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("score", sa.Numeric(), nullable=True),
        sa.Column("is_safe", sa.Boolean(), nullable=True),
        sa.Column("is_disposable", sa.Boolean(), nullable=True),
        sa.Column("is_role_based", sa.Boolean(), nullable=True),
        sa.Column("is_free_email", sa.Boolean(), nullable=True),
        sa.Column("is_gibberish", sa.Boolean(), nullable=True),
        sa.Column("domain", sa.Text(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("mx_records", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("smtp_check", sa.Boolean(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("suggestion", sa.Text(), nullable=True),
        sa.Column("raw_response", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "verified_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "btrim(email) <> ''", name=op.f("ck_gmaps_email_verifications_email_not_blank")
        ),
        sa.CheckConstraint(
            "btrim(status) <> ''", name=op.f("ck_gmaps_email_verifications_status_not_blank")
        ),
        sa.CheckConstraint(
            "score >= 0 and score < 'Infinity'",
            name=op.f("ck_gmaps_email_verifications_score_range"),
        ),
        sa.ForeignKeyConstraint(
            ["business_id"],
            ["gmaps_businesses.id"],
            name=op.f("fk_gmaps_email_verifications_business_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["facebook_enrichment_id"],
            ["gmaps_facebook_enrichments.id"],
            name=op.f("fk_gmaps_email_verifications_facebook_enrichment_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["linkedin_enrichment_id"],
            ["gmaps_linkedin_enrichments.id"],
            name=op.f("fk_gmaps_email_verifications_linkedin_enrichment_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gmaps_email_verifications")),
    )
    op.create_index(
        "idx_email_verifications_business_id",
        "gmaps_email_verifications",
        ["business_id"],
        unique=False,
    )
    op.create_index(
        "idx_email_verifications_facebook_enrichment_id",
        "gmaps_email_verifications",
        ["facebook_enrichment_id"],
        unique=False,
    )
    op.create_index(
        "idx_email_verifications_linkedin_enrichment_id",
        "gmaps_email_verifications",
        ["linkedin_enrichment_id"],
        unique=False,
    )
    replace_functions(FUNCTIONS)


def downgrade() -> None:
    restore_functions(FUNCTIONS)
    op.drop_index(
        "idx_email_verifications_linkedin_enrichment_id", table_name="gmaps_email_verifications"
    )
    op.drop_index(
        "idx_email_verifications_facebook_enrichment_id", table_name="gmaps_email_verifications"
    )
    op.drop_index("idx_email_verifications_business_id", table_name="gmaps_email_verifications")
    op.drop_table("gmaps_email_verifications")
    op.drop_index("idx_linkedin_enrichments_campaign_id", table_name="gmaps_linkedin_enrichments")
    op.drop_table("gmaps_linkedin_enrichments")
    op.drop_index("idx_facebook_enrichments_campaign_id", table_name="gmaps_facebook_enrichments")
    op.drop_table("gmaps_facebook_enrichments")
    op.drop_index("idx_campaign_coverage_campaign_id", table_name="gmaps_campaign_coverage")
    op.drop_table("gmaps_campaign_coverage")
    op.drop_index("idx_businesses_place_id", table_name="gmaps_businesses")
    op.drop_index(
        "idx_businesses_linkedin_queue",
        table_name="gmaps_businesses",
        postgresql_where=sa.text("not linkedin_enriched"),
    )
    op.drop_index(
        "idx_businesses_facebook_queue",
        table_name="gmaps_businesses",
        postgresql_where=sa.text("needs_enrichment and enrichment_status = 'pending'"),
    )
    op.drop_index(
        "idx_businesses_campaign_id",
        table_name="gmaps_businesses",
        postgresql_include=[
            "has_email",
            "has_facebook_page",
            "has_linkedin_profile",
            "email_verified",
        ],
    )
    op.drop_table("gmaps_businesses")
    op.drop_index(
        "idx_api_costs_idempotency_key",
        table_name="gmaps_api_costs",
        postgresql_where=sa.text("(metadata ->> 'idempotency_key') is not null"),
    )
    op.drop_index("idx_api_costs_campaign_id", table_name="gmaps_api_costs")
    op.drop_table("gmaps_api_costs")
    op.drop_table("gmaps_campaigns")
