create or replace function first_scraped_text(p_value jsonb, p_other jsonb)
returns text
language sql
immutable
parallel safe
begin atomic
  -- The first of a record's two values for the same thing that reads as text.
  select scraped_text(
    case
      when jsonb_typeof(p_value) in ('string', 'number') then p_value #>> '{}'
      when jsonb_typeof(p_other) in ('string', 'number') then p_other #>> '{}'
    end
  );
end;
