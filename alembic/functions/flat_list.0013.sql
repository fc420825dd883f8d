create or replace function flat_list(p_record jsonb, p_prefix text)
returns jsonb
language plpgsql
immutable
parallel safe
as $$
declare
  v_list jsonb := '[]'::jsonb;
  v_number int := 0;
begin
  -- A list that a table has as columns: emails/0, emails/1, …; null where there is none.
  while p_record ? (p_prefix || '/' || v_number) and v_number < 1000 loop
    if coalesce(p_record ->> (p_prefix || '/' || v_number), '') <> '' then
      v_list := v_list || (p_record -> (p_prefix || '/' || v_number));
    end if;
    v_number := v_number + 1;
  end loop;
  return nullif(v_list, '[]');
end;
$$;
