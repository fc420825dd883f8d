create or replace function phone_end(p_text text)
returns text
language sql
immutable
parallel safe
as $$
  -- What the ways to write one number have in common: its last digits, without an extension. The
  -- expression of idx_businesses_phone, word for word, so that the index serves it.
  select right(regexp_replace(p_text, '(ext|x|#|;)\.?\s*\d{1,6}\s*$|\(0\)|\D', '', 'gi'), 10);
$$;
