create or replace function item_error(p_item jsonb)
returns text
language sql
immutable
parallel safe
begin atomic
  -- What a scraper says went wrong with an item, for enrichment_error. Scrapers
  -- write an error as a text, as an object, or as true beside a message; "" and false are none.
  select case
    when failure.error is not null or failure.is_empty then coalesce(
      json_text(p_item -> 'errorDescription'),
      json_text(p_item #> '{error,message}'),
      json_text(p_item #> '{error,description}'),
      case when jsonb_typeof(p_item -> 'error') <> 'boolean' then json_text(p_item -> 'error') end,
      json_text(p_item -> 'message'),
      json_text(p_item #> '{#debug,errorMessages,0}'),
      failure.error,
      'nothing was found'
    )
  end
  from (
    select
      coalesce(
        nullif(nullif(nullif(nullif(btrim(p_item ->> 'error'), ''), 'false'), '{}'), '[]'),
        nullif(btrim(p_item ->> '#error'), 'false'),
        json_text(p_item -> 'errorDescription')
      ) as error,
      coalesce(
        scraped_boolean(p_item -> 'noResults')
          or scraped_boolean(p_item -> 'no_results')
          or not scraped_boolean(p_item -> 'succeeded')
          or lower(p_item ->> 'status') in ('error', 'failed', 'not_found', 'not found', '404'),
        false
      ) as is_empty
    offset 0
  ) as failure;
end;
