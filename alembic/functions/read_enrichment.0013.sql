create or replace function read_enrichment(p_enrichment_type text, p_item jsonb)
returns table (success boolean, primary_email text, enrichment_status text)
language sql
immutable
parallel safe
begin atomic
  -- What an enrichment says of its business, whatever its type.
  select
    outcome.success,
    case p_enrichment_type
      when 'facebook' then (select reading.primary_email from read_facebook_item(p_item) as reading)
      when 'linkedin' then (select reading.primary_email from read_linkedin_item(p_item) as reading)
    end,
    outcome.enrichment_status
  from read_outcome(p_item) as outcome;
end;
