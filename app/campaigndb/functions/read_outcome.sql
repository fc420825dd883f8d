create or replace function read_outcome(p_item jsonb)
returns table (success boolean, is_stated boolean, error_message text, enrichment_status text)
language sql
immutable
parallel safe
begin atomic
  -- How the look-up behind an item ended, whatever its type. A scraper's error is a failure; a
  -- message alone is one unless the item says that it is a success. Stated is what the item says in
  -- so many words: a look-up that found nothing may be called a success.
  select
    outcome.success,
    outcome.stated is not null or outcome.word is not null,
    coalesce(
      outcome.message,
      outcome.error,
      case when not outcome.stated then json_text(p_item -> 'message') end
    ),
    coalesce(outcome.word, case when outcome.success then 'enriched' else 'failed' end)
  from (
    select
      given.*,
      given.error is null and coalesce(given.stated, given.message is null) as success
    from (
      select
        enrichment_error(p_item) as error,
        coalesce(json_text(p_item -> 'error_message'), json_text(p_item -> 'errorMessage')) as message,
        scraped_boolean(p_item -> 'success') as stated,
        (
          select word.status
          from (
            select coalesce(
              json_text(p_item -> 'enrichment_status'), json_text(p_item -> 'enrichmentStatus')
            ) as status
          ) as word
          where word.status in ('pending', 'enriched', 'failed', 'no_facebook')
        ) as word
      offset 0
    ) as given
    offset 0
  ) as outcome;
end;
