create or replace function phone_number(p_text text)
returns text
language sql
immutable
parallel safe
as $$
  -- A phone number's digits in the international form, as far as that is known: ten digits without a
  -- country are one of North America. An extension and the "(0)" of "+44 (0)20 …" do not count. Null
  -- where there are fewer than six digits.
  select case
    when length(given.digits) < 6 then null
    when given.is_international then ltrim(given.digits, '0')
    when length(given.digits) = 10 and given.digits ~ '^[2-9]' then '1' || given.digits
    else given.digits
  end
  from (
    select
      regexp_replace(
        p_text, '(ext|x|#|;)\.?\s*\d{1,6}\s*$|\(0\)|[^0-9]', '', 'gi'
      ) as digits,
      p_text ~ '^[^0-9+]*(\+|00)' as is_international
  ) as given;
$$;
