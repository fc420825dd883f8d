create or replace function batch_items(p_parameter text, p_batch jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
as $$
declare
  v_problem text;
begin
  -- A batch is a list, or an object with the list and what is wished of it.
  if jsonb_typeof(p_batch) = 'array' then
    return p_batch;
  end if;
  v_problem := case
    when coalesce(jsonb_typeof(p_batch), 'null') <> 'object' or not p_batch ? 'items'
      then ' is not a JSON array'
    when jsonb_typeof(p_batch -> 'items') <> 'array' then '.items is not a JSON array'
    when p_batch - '{items,all_or_nothing}'::text[] <> '{}'
      then ' has other keys than items and all_or_nothing'
    else '.' || field_problem(p_batch, 'all_or_nothing', 'boolean')
  end;
  if v_problem is not null then
    raise exception using errcode = '22023', message = p_parameter || v_problem;
  end if;
  return p_batch -> 'items';
end;
$$;
