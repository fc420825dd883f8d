create or replace function usable_emails(p_text text)
returns text[]
language sql
immutable
parallel safe
begin atomic
  -- The addresses in any text, each once, in their order. Whether one is suppressed is for
  -- store_business_emails to ask.
  select case
    -- Nearly every text is one clean address, which needs no taking apart.
    when is_plain_email(p_text) then case when is_usable_email(p_text) then array[p_text] else '{}' end
    when p_text !~ '@|%40|&#' then '{}'
    else array(
      select word.email
      from unnest(
        email_words(case when strpos(p_text, '&') > 0 then decoded_entities(p_text) else p_text end)
      ) with ordinality as word(email, position)
      where is_usable_email(word.email)
      order by word.position
    )
  end;
end;
