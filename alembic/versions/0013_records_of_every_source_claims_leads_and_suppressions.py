"""Records of every source, claims, leads and suppressions

Revises: 0012

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

from campaigndb.migrations.revision_operations import replace_functions, restore_functions

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# Name -> (frozen copy that this revision installs, the one before or None).
FUNCTIONS: dict[str, tuple[str, str | None]] = {
    "adopt_business_emails": ("0013", None),
    "advance_queue_heads": ("0013", None),
    "batch_items": ("0013", None),
    "caught_failure": ("0013", None),
    "check_contacts": ("0013", None),
    "choose_business_emails": ("0013", None),
    "claim_businesses_for_enrichment": ("0013", None),
    "claim_coverage": ("0013", None),
    "claim_emails_for_verification": ("0013", None),
    "claim_lookups": ("0013", None),
    "claim_problem": ("0013", None),
    "clean_text": ("0013", None),
    "cost_payload": ("0013", None),
    "cost_problem": ("0013", "0002"),
    "cost_value_problem": ("0013", None),
    "costs_by_key": ("0013", None),
    "create_campaign_with_coverage": ("0013", "0010"),
    "decoded_entities": ("0013", None),
    "domains_of_email": ("0013", None),
    "due_businesses": ("0013", None),
    "email_item": ("0013", None),
    "email_source_rank": ("0013", "0001"),
    "email_status_word": ("0013", None),
    "email_verdict_rank": ("0013", None),
    "email_words": ("0013", None),
    "enrichment_business": ("0013", None),
    "enrichment_error": ("0013", None),
    "enrichment_problem": ("0013", "0004"),
    "enrichment_verdict": ("0013", None),
    "erase_contact": ("0013", None),
    "erased_emails": ("0013", None),
    "erasure_pattern": ("0013", None),
    "extend_claims": ("0013", None),
    "facebook_page_url": ("0013", None),
    "fail_lookups": ("0013", None),
    "field_problem": ("0013", "0001"),
    "finish_lookups": ("0013", None),
    "flat_json": ("0013", None),
    "flat_list": ("0013", None),
    "get_businesses_for_enrichment": ("0013", "0010"),
    "get_businesses_for_enrichment_after": ("0013", "0010"),
    "get_campaign": ("0013", None),
    "get_campaign_leads": ("0013", None),
    "get_contact": ("0013", None),
    "get_enrichment_queue_page": ("0013", None),
    "get_work_status": ("0013", None),
    "hold_suppressions": ("0013", None),
    "human_number": ("0013", None),
    "insert_businesses_batch": ("0013", "0010"),
    "is_lead": ("0013", None),
    "is_open_place": ("0013", None),
    "is_place_id": ("0013", None),
    "is_plain_email": ("0013", None),
    "is_plain_place": ("0013", None),
    "is_provider_domain": ("0013", None),
    "is_social_page": ("0013", None),
    "is_usable_email": ("0013", None),
    "isolation_problem": ("0013", None),
    "item_error": ("0013", None),
    "item_verdict": ("0013", None),
    "json_text": ("0013", None),
    "last_texts": ("0013", None),
    "late_lookups": ("0013", None),
    "lead_filter_problem": ("0013", None),
    "lease_lookups": ("0013", None),
    "linkedin_page_url": ("0013", None),
    "list_campaigns": ("0013", None),
    "list_suppressions": ("0013", None),
    "listed_failure": ("0013", None),
    "lock_businesses": ("0013", None),
    "log_export": ("0013", None),
    "matches_lead_filter": ("0013", None),
    "open_claim": ("0013", None),
    "open_suppressions": ("0013", None),
    "phone_end": ("0013", None),
    "phone_number": ("0013", None),
    "place_cid": ("0013", None),
    "place_fields": ("0013", None),
    "place_suppressions": ("0013", None),
    "plain_keys": ("0013", None),
    "read_contacts": ("0013", None),
    "read_enrichment": ("0013", "0010"),
    "read_facebook_item": ("0013", None),
    "read_linkedin_item": ("0013", None),
    "read_outcome": ("0013", None),
    "read_places": ("0013", None),
    "read_verification": ("0013", None),
    "reclaim_lookups": ("0013", None),
    "record_key": ("0013", None),
    "refuse_failures": ("0013", None),
    "release_claims": ("0013", None),
    "requeue_business": ("0013", None),
    "restore_leads": ("0013", None),
    "retry_failed_lookups": ("0013", None),
    "scraped_boolean": ("0013", None),
    "scraped_count": ("0013", None),
    "scraped_emails": ("0013", None),
    "scraped_text": ("0013", "0001"),
    "scraped_texts": ("0013", None),
    "set_enrichment_verdicts": ("0013", None),
    "set_lead_texts": ("0013", None),
    "settle_contacts": ("0013", None),
    "shown_text": ("0013", None),
    "social_page": ("0013", None),
    "store_business_emails": ("0013", None),
    "store_suppressions": ("0013", None),
    "store_verifications": ("0013", None),
    "stored_function_failure": ("0013", "0001"),
    "suppress_contacts": ("0013", None),
    "suppress_places": ("0013", None),
    "suppressed_emails": ("0013", None),
    "suppression_domain": ("0013", None),
    "suppression_email": ("0013", None),
    "suppression_hash": ("0013", None),
    "suppression_value": ("0013", None),
    "time_ordered_id": ("0013", None),
    "track_campaign_cost": ("0013", "0007"),
    "track_campaign_costs_batch": ("0013", "0002"),
    "unclaimed_businesses": ("0013", None),
    "unsuppress_contacts": ("0013", None),
    "update_campaign_budget": ("0013", None),
    "update_campaign_statistics": ("0013", "0008"),
    "update_campaign_status": ("0013", None),
    "update_coverage_status": ("0013", "0001"),
    "update_email_verification": ("0013", "0001"),
    "update_email_verifications_batch": ("0013", None),
    "update_enrichment_batch": ("0013", "0010"),
    "usable_emails": ("0013", None),
    "verification_problem": ("0013", None),
    "wanted_lookups": ("0013", None),
    "without_contact": ("0013", None),
    "without_erased": ("0013", None),
    "without_json": ("0013", None),
    "without_person": ("0013", None),
    "without_text": ("0013", None),
    "without_texts": ("0013", None),
    "work_queues": ("0013", None),
}


# A business that enters one of its queues, or may be looked up anew, goes to their end.
REQUEUE = """
create trigger requeue_business
before update on gmaps_businesses
for each row
when (
  (new.needs_enrichment and new.enrichment_status = 'pending')
    > (old.needs_enrichment and old.enrichment_status = 'pending')
  or new.email is distinct from old.email
  or new.business_status is distinct from old.business_status
  or new.facebook_url is distinct from old.facebook_url
  or new.linkedin_url is distinct from old.linkedin_url
)
execute function requeue_business()
"""


def upgrade() -> None:
    replace_functions(FUNCTIONS)
    # Last: until the end of the transaction it keeps writers out.
    op.execute(REQUEUE)


def downgrade() -> None:
    op.execute("drop trigger requeue_business on gmaps_businesses")
    restore_functions(FUNCTIONS)
