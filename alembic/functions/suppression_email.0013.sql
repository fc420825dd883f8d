create or replace function suppression_email(p_text text)
returns text
language sql
immutable
parallel safe
begin atomic
  -- The one address in a text as a suppression compares it: lower case, and cleaned as usable_emails
  -- cleans it, but not measured by its list of placeholders. Null where there is none or several.
  select case cardinality(found.emails)
    when 1 then lower(found.emails[1])
    when 0 then lower(scraped_email(p_text))
  end
  from (
    select email_words(case when strpos(p_text, '&') > 0 then decoded_entities(p_text) else p_text end) as emails
    offset 0
  ) as found;
end;
