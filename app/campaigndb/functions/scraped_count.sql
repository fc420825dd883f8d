create or replace function scraped_count(p_value jsonb)
returns int
language plpgsql
immutable
parallel safe
as $$
declare
  v_text text := translate(p_value #>> '{}', E'\u00a0\u202f', '  ');
  v_parts text[];
  v_number numeric;
begin
  -- A whole number as people and pages write it: 1234, "1,234", "1.234", "9.4K", "500+", "(91)",
  -- "9,433 likes". Null for anything else, and for what no count can be.
  if jsonb_typeof(p_value) is null or jsonb_typeof(p_value) not in ('number', 'string')
    or length(v_text) > 40
  then
    return null;
  end if;
  if v_text ~ '^[0-9]{1,9}$' then
    return v_text::int;
  end if;
  if jsonb_typeof(p_value) = 'number' then
    v_number := v_text::numeric;
    v_number := case when v_number = trunc(v_number) then v_number end;
  else
    v_parts := regexp_match(
      v_text, '^[( ]*([0-9]+(?:[., ''][0-9]+)*) ?([kKmMbB])?\+?[) ]*(?: [^0-9]*)?$'
    );
    v_number := case
      when v_parts[2] is not null and v_parts[1] ~ '^[0-9]+([.,][0-9]+)?$'
        then trunc(
          replace(v_parts[1], ',', '.')::numeric
            * case lower(v_parts[2]) when 'k' then 1000 when 'm' then 1000000 else 1000000000 end
        )
      when v_parts[1] ~ '^[0-9]{1,3}([., ''][0-9]{3})+$'
        then regexp_replace(v_parts[1], '[^0-9]', '', 'g')::numeric
      when v_parts[1] ~ '^[0-9]+([.,]0+)?$' then regexp_replace(v_parts[1], '[.,].*', '')::numeric
    end;
  end if;
  return case when v_number between 0 and 2147483647 then v_number::int end;
end;
$$;
