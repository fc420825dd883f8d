create or replace function enrichment_problem(p_enrichment_type text, p_item jsonb)
returns text
language sql
immutable
parallel safe
begin atomic
  -- The first thing that keeps one enrichment from being applied, or null.
  select case
    when jsonb_typeof(p_item) <> 'object' then 'not a JSON object'
    when coalesce(jsonb_typeof(p_item -> 'business_id'), 'null') = 'null' then 'business_id is missing'
    else coalesce(
      field_problem(p_item, 'business_id', 'uuid'),
      field_problem(p_item, 'success', 'boolean'),
      field_problem(p_item, 'error_message', 'text'),
      field_problem(p_item, 'primary_email', 'text'),
      field_problem(p_item, 'phone_numbers', 'text[]'),
      field_problem(p_item, 'idempotency_key', 'text'),
      case p_enrichment_type
        when 'facebook' then coalesce(
          field_problem(p_item, 'facebook_url', 'text'),
          field_problem(p_item, 'page_name', 'text'),
          field_problem(p_item, 'page_likes', 'count'),
          field_problem(p_item, 'page_followers', 'count'),
          field_problem(p_item, 'emails', 'text[]'),
          field_problem(p_item, 'email_sources', 'text[]'),
          field_problem(p_item, 'addresses', 'text[]'),
          choice_problem(p_item, 'enrichment_status', '{pending,enriched,failed,no_facebook}')
        )
        when 'linkedin' then coalesce(
          field_problem(p_item, 'linkedin_url', 'text'),
          choice_problem(p_item, 'profile_type', '{company,personal}'),
          field_problem(p_item, 'person_name', 'text'),
          field_problem(p_item, 'person_title', 'text'),
          field_problem(p_item, 'person_profile_url', 'text'),
          field_problem(p_item, 'company_name', 'text'),
          field_problem(p_item, 'location', 'text'),
          field_problem(p_item, 'connections', 'count'),
          field_problem(p_item, 'emails_found', 'text[]'),
          field_problem(p_item, 'emails_generated', 'text[]'),
          choice_problem(p_item, 'email_source', '{linkedin_direct,generated,pattern_match}'),
          field_problem(p_item, 'email_quality_tier', 'text')
        )
      end
    )
  end;
end;
