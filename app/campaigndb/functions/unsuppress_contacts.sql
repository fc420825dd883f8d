create or replace function unsuppress_contacts(p_contacts jsonb)
returns jsonb
language plpgsql
security definer
set search_path from current
set work_mem to '32MB'
-- Writers wait behind a change of the list that waits.
set lock_timeout to '5s'
as $$
declare
  v_kinds text[];
  v_values text[];
  v_failures jsonb;
  v_removed bigint;
  v_businesses bigint;
  v_context text;
begin
  -- What is known of a contact that comes off the list is still there, and counts again.
  if coalesce(jsonb_typeof(p_contacts), 'null') <> 'array' then
    raise exception using errcode = '22023', message = 'p_contacts is not a JSON array';
  end if;
  with contact as materialized (
    select given.* from read_contacts(p_contacts) as given
  ),
  listed as (
    select distinct contact.kind, contact.value from contact where contact.problem is null
  )
  select
    coalesce((select array_agg(listed.kind order by listed.kind, listed.value) from listed), '{}'),
    coalesce((select array_agg(listed.value order by listed.kind, listed.value) from listed), '{}'),
    (
      select coalesce(
        jsonb_agg(
          jsonb_build_object('index', contact.index, 'reason', contact.problem) order by contact.index
        ),
        '[]'
      )
      from contact
      where contact.problem is not null
    )
  into v_kinds, v_values, v_failures;

  if v_kinds <> '{}' then
    perform open_suppressions();
    with removed as (
      delete from gmaps_suppressions as listed
      using (
        select given.kind, suppression_hash(given.value) as value_hash
        from unnest(v_kinds, v_values) as given(kind, value)
      ) as named
      where listed.kind = named.kind and listed.value_hash = named.value_hash
      returning 1
    )
    select count(*) into strict v_removed from removed;
    v_businesses := settle_contacts(v_kinds, v_values);
  end if;

  return jsonb_build_object(
    'success', true,
    'unsuppressed', coalesce(v_removed, 0),
    'unknown', cardinality(v_kinds) - coalesce(v_removed, 0),
    'businesses', coalesce(v_businesses, 0),
    'failed', jsonb_array_length(v_failures),
    'failures', v_failures
  );
exception
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
