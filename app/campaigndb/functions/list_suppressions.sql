create or replace function list_suppressions(
  p_kind varchar default null,
  p_limit int default 1000,
  p_after varchar default null
)
returns table (
  entry text,
  kind text,
  value text,
  reason text,
  is_erased boolean,
  created_at timestamptz
)
language plpgsql
stable
security definer
set search_path from current
set jit to off
set enable_seqscan to off
set enable_sort to off
as $$
#variable_conflict use_column
declare
  v_limit int := coalesce(p_limit, 1000);
  v_after_kind text := coalesce(split_part(p_after, ':', 1), '');
  v_after_hash text := coalesce(split_part(p_after, ':', 2), '');
begin
  -- A page of the list, by its key. Of addresses and phones only the hash is known, which is a part of
  -- the entry's name.
  if p_kind not in ('email', 'domain', 'phone', 'place') then
    raise exception using errcode = '22023', message = 'p_kind is not one of email, domain, phone, place';
  elsif v_limit < 1 then
    raise exception using errcode = '22023', message = 'p_limit is less than 1';
  elsif p_after !~ '^(email|domain|phone|place):([0-9a-f]{2})*$' then
    raise exception using errcode = '22023', message = 'p_after is not the entry of a row';
  end if;
  return query
  select
    listed.kind || ':' || encode(listed.value_hash, 'hex'), listed.kind, listed.value, listed.reason,
    listed.is_erased, listed.created_at
  from gmaps_suppressions as listed
  where (listed.kind, listed.value_hash) > (v_after_kind collate "C", decode(v_after_hash, 'hex'))
    and (p_kind is null or listed.kind = p_kind)
  order by listed.kind, listed.value_hash
  limit v_limit;
end;
$$;
