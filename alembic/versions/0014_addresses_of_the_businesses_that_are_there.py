"""Addresses of the businesses that are there

Revises: 0013

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

from campaigndb.migrations.revision_operations import fill_in_pieces

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

FUNCTIONS: dict[str, tuple[str, str | None]] = {}

# Long, and so not in one transaction: some hundred businesses at a time are locked, filled and
# committed, while callers work. What an interrupted run has filled is found again and not written.
# The functions that write addresses are there already, so none comes that this would miss.
FILL = """
do $fill$
declare
  v_last uuid := '00000000-0000-0000-0000-000000000000';
  v_ids uuid[];
  v_records jsonb;
  v_owners uuid[];
  v_emails text[];
  v_sources text[];
begin
  loop
    select
      array_agg(page.id order by page.id),
      jsonb_agg(coalesce(page.raw_data, '{}') order by page.id)
    into v_ids, v_records
    from (
      select business.id, business.raw_data
      from gmaps_businesses as business
      where business.id > v_last
      order by business.id
      limit 500
    ) as page;
    exit when v_ids is null;
    v_last := v_ids[cardinality(v_ids)];

    -- In the order of every writer of addresses: suppressions, campaigns, businesses.
    perform hold_suppressions();
    perform from gmaps_campaigns as campaign
    where campaign.id in (
      select business.campaign_id from gmaps_businesses as business where business.id = any (v_ids)
    )
    order by campaign.id
    for key share;
    perform from gmaps_businesses as business
    where business.id = any (v_ids)
    order by business.place_id
    for no key update;

    -- Verified is what is deliverable: undeliverable addresses were counted too.
    update gmaps_businesses as business
    set email_verified = false
    where business.id = any (v_ids)
      and business.email_verified
      and email_status_word(business.bouncer_status) is distinct from 'deliverable';
    update gmaps_facebook_enrichments as enrichment
    set email_verified = false
    where enrichment.business_id = any (v_ids)
      and enrichment.email_verified
      and email_status_word(enrichment.bouncer_status) is distinct from 'deliverable';
    update gmaps_linkedin_enrichments as enrichment
    set email_verified = false
    where enrichment.business_id = any (v_ids)
      and enrichment.email_verified
      and email_status_word(enrichment.bouncer_status) is distinct from 'deliverable';

    -- The business' own email first, then those of its record and of its enrichments.
    perform adopt_business_emails(v_ids);
    select array_agg(found.id), array_agg(email.address), array_agg(found.source)
    into v_owners, v_emails, v_sources
    from (
      select
        v_ids[place.index + 1] as id, place.emails::text as text, place.email_source as source
      from read_places(v_records) as place
      union all
      select
        enrichment.business_id,
        concat_ws(' ', enrichment.primary_email, enrichment.emails::text),
        'facebook'
      from gmaps_facebook_enrichments as enrichment
      where enrichment.business_id = any (v_ids)
      union all
      select
        enrichment.business_id,
        concat_ws(
          ' ',
          case when enrichment.email_source is distinct from 'generated'
            and enrichment.email_source is distinct from 'pattern_match'
            and enrichment.primary_email <> all (enrichment.emails_generated)
            then enrichment.primary_email end,
          enrichment.emails_found::text
        ),
        'linkedin'
      from gmaps_linkedin_enrichments as enrichment
      where enrichment.business_id = any (v_ids)
      union all
      select
        enrichment.business_id,
        concat_ws(' ', enrichment.primary_email, enrichment.emails_generated::text),
        'generated'
      from gmaps_linkedin_enrichments as enrichment
      where enrichment.business_id = any (v_ids)
    ) as found
    cross join lateral unnest(usable_emails(found.text)) as email(address);
    perform from store_business_emails(v_owners, v_emails, v_sources);

    -- The business calls a guess of LinkedIn's "linkedin".
    update gmaps_business_emails as stored
    set source = 'generated'
    from gmaps_linkedin_enrichments as enrichment
    where enrichment.business_id = any (v_ids)
      and stored.business_id = enrichment.business_id
      and stored.source = 'linkedin'
      and stored.email_lower in (
        select lower(guess.email) from unnest(enrichment.emails_generated) as guess(email)
        union all
        select lower(enrichment.primary_email)
        where enrichment.email_source in ('generated', 'pattern_match')
      )
      and stored.email_lower not in (
        select lower(found.email) from unnest(enrichment.emails_found) as found(email)
      );

    -- The log has every answer; "unknown" is none.
    update gmaps_business_emails as stored
    set
      status = answer.word,
      score = answer.score,
      is_safe = answer.is_safe,
      is_disposable = answer.is_disposable,
      is_role_based = answer.is_role_based,
      is_free_email = answer.is_free_email,
      is_gibberish = answer.is_gibberish,
      verified_at = answer.verified_at
    from (
      select distinct on (verification.business_id, lower(verification.email))
        verification.*,
        coalesce(
          email_status_word(verification.status),
          case when verification.is_safe then 'deliverable' else 'unknown' end
        ) as word
      from gmaps_email_verifications as verification
      where verification.business_id = any (v_ids)
      order by
        verification.business_id,
        lower(verification.email),
        lower(verification.status) = 'unknown',
        verification.verified_at desc
    ) as answer
    where stored.business_id = answer.business_id
      and stored.email_lower = lower(answer.email)
      and (
        stored.verified_at is null
        or (stored.status = 'unknown' and answer.word <> 'unknown')
        or stored.verified_at < answer.verified_at
        or (
          stored.verified_at = answer.verified_at
          and stored.is_gibberish is distinct from answer.is_gibberish
        )
      )
      and (answer.word <> 'unknown' or coalesce(stored.status, 'unknown') = 'unknown');

    perform from choose_business_emails(v_ids);
    commit;
  end loop;
end
$fill$
"""


def upgrade() -> None:
    fill_in_pieces(FILL)


def downgrade() -> None:
    # Before, every answer but "unknown" made an email verified.
    for table in ("gmaps_businesses", "gmaps_facebook_enrichments", "gmaps_linkedin_enrichments"):
        op.execute(
            f"update {table} set email_verified = true"  # noqa: S608
            " where not email_verified and bouncer_status <> 'unknown'"
        )
