create or replace function human_number(p_value jsonb, p_kind text)
returns numeric
language plpgsql
immutable
parallel safe
as $$
declare
  v_text text := p_value #>> '{}';
  v_part text[];
  v_number numeric;
begin
  -- A number as scrapers and people write it, read by what it is: a rating is 0 to 5, a count is
  -- whole, a coordinate anything. "1.234" is a count of 1234 and a rating of 1.234; "4,5", "9.4K",
  -- "500+", "(91)" and "1,234 reviews" are numbers too. Null for what is none.
  if jsonb_typeof(p_value) = 'number' then
    v_number := p_value::numeric;
  elsif jsonb_typeof(p_value) <> 'string' or length(v_text) > 40 then
    return null;
  elsif p_kind <> 'count' then
    -- Only the white space that numeric reads, not what \s is to the database's locale.
    if v_text ~ '^[ \t\r\n]*[-+]?[0-9]+([.,][0-9]*)?[ \t\r\n]*$' then
      v_number := replace(v_text, ',', '.')::numeric;
    elsif p_kind = 'rating' then
      v_number := replace(
        substring(v_text from '^ *([0-5](?:[.,][0-9]+)?) +[A-Za-z]+ *$'), ',', '.'
      )::numeric;
    end if;
  elsif length(v_text) <= 9 and v_text ~ '^[0-9]+$' then
    v_number := v_text::numeric;
  else
    -- Spaces, also those that do not break, and apostrophes part thousands.
    v_part := regexp_match(
      translate(
        -- The words behind it, unless one is "thousand".
        regexp_replace(v_text, E'([ \u00a0\u202f]+(?!mil\\M)[^0-9 \u00a0\u202f()]+)+\\)?$', ''),
        E' \t\r\n\u00a0\u202f''\u2019', ''
      ),
      '^\(?\+?([0-9]+(?:[.,][0-9]+)*)([kKmM](?![A-Za-z])|mil)?\+?[A-Za-z]*\)?$'
    );
    if v_part[2] is null and v_part[1] ~ '^[0-9]{1,3}([.,][0-9]{3})+$' then
      v_number := translate(v_part[1], '.,', '')::numeric;
    elsif v_part[1] ~ '^[0-9]+([.,][0-9]+)?$' then
      v_number := replace(v_part[1], ',', '.')::numeric
        * case lower(v_part[2]) when 'k' then 1000 when 'mil' then 1000 when 'm' then 1000000 else 1 end;
    end if;
  end if;
  return case
    when p_kind = 'rating' then case when v_number between 0 and 5 then v_number end
    when p_kind = 'count' then case when v_number between 0 and 2147483647 then trunc(v_number) end
    else v_number
  end;
end;
$$;
