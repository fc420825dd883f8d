create or replace function first_scraped_email(p_values jsonb)
returns text
language sql
immutable
parallel safe
begin atomic
  -- The first of a list's texts that can be an address: one that is none must not hide the next.
  select (
    select scraped_email(listed.value)
    from unnest(text_list(p_values)) with ordinality as listed(value, position)
    where scraped_email(listed.value) is not null
    order by listed.position
    limit 1
  );
end;
