create or replace function read_enrichment(p_enrichment_type text, p_item jsonb)
returns table (success boolean, primary_email text, enrichment_status text)
language sql
immutable
parallel safe
begin atomic
  -- What an enrichment says of its business, whatever its type.
  select
    outcome.success,
    coalesce(
      scraped_email(p_item ->> 'primary_email'),
      case p_enrichment_type
        when 'facebook' then first_scraped_email(p_item -> 'emails')
        when 'linkedin' then coalesce(
          first_scraped_email(p_item -> 'emails_found'),
          first_scraped_email(p_item -> 'emails_generated')
        )
      end
    ),
    coalesce(
      p_item ->> 'enrichment_status',
      case when outcome.success then 'enriched' else 'failed' end
    )
  from (
    select coalesce(
      (p_item ->> 'success')::boolean, scraped_text(p_item ->> 'error_message') is null
    ) as success
  ) as outcome;
end;
