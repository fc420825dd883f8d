create or replace function enrichment_error(p_item jsonb)
returns text
language sql
immutable
parallel safe
begin atomic
  -- What a scraper says went wrong with an item, or null where it says nothing of the kind. Most items
  -- have none of these keys: this is inlined, and they cost no call.
  select case
    when p_item ?| '{error,#error,errorDescription,noResults,no_results,succeeded,status}' then item_error(p_item)
  end;
end;
