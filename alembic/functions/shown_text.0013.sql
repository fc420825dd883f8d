create or replace function shown_text(p_text text, p_length int default 80)
returns text
language sql
immutable
parallel safe
as $$
  -- A given text as a message may quote it: on one line, and cut where it is long. Control characters,
  -- line separators and changes of direction would forge lines of a log.
  select case when length(line.shown) > p_length then left(line.shown, p_length - 1) || '…' else line.shown end
  from (
    select regexp_replace(
      left(p_text, p_length + 1),
      '[\u0001-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]', '?', 'g'
    ) as shown
  ) as line;
$$;
