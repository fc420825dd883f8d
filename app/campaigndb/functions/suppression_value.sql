create or replace function suppression_value(p_kind text, p_text text)
returns text
language sql
immutable
parallel safe
begin atomic
  -- What a suppression of a kind compares; null where the text is nothing of that kind.
  select case p_kind
    when 'email' then suppression_email(p_text)
    when 'domain' then suppression_domain(p_text)
    when 'phone' then phone_number(p_text)
    when 'place' then nullif(btrim(p_text), '')
  end;
end;
