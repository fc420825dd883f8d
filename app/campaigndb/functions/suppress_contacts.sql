create or replace function suppress_contacts(p_contacts jsonb)
returns jsonb
language plpgsql
security definer
set search_path from current
set work_mem to '32MB'
-- Writers wait behind a suppression that waits.
set lock_timeout to '5s'
as $$
declare
  v_kinds text[];
  v_values text[];
  v_reasons text[];
  v_erased boolean[];
  v_failures jsonb;
  v_suppressed bigint;
  v_businesses bigint;
  v_context text;
begin
  -- Takes contacts out of every claim and every lead of the schema, whoever works at the same time.
  if coalesce(jsonb_typeof(p_contacts), 'null') <> 'array' then
    raise exception using errcode = '22023', message = 'p_contacts is not a JSON array';
  end if;
  with contact as materialized (
    select
      given.*,
      coalesce(
        given.problem,
        case
          when given.kind = 'domain' and not given.is_confirmed and is_provider_domain(given.value) then format(
            '%s is a whole provider''s domain: "whole_provider": true suppresses it all the same',
            given.value
          )
        end
      ) as refused
    from read_contacts(p_contacts) as given
  ),
  -- Named twice, the first one's reason counts.
  listed as (
    select
      contact.kind, contact.value, (array_agg(contact.reason order by contact.index))[1] as reason,
      bool_or(contact.is_erased) as is_erased
    from contact
    where contact.refused is null
    group by contact.kind, contact.value
  )
  select
    lists.*,
    (
      select coalesce(
        jsonb_agg(
          jsonb_build_object('index', contact.index, 'reason', contact.refused) order by contact.index
        ),
        '[]'
      )
      from contact
      where contact.refused is not null
    )
  into v_kinds, v_values, v_reasons, v_erased, v_failures
  from (
    select
      coalesce(array_agg(listed.kind), '{}'),
      coalesce(array_agg(listed.value), '{}'),
      array_agg(listed.reason),
      array_agg(listed.is_erased)
    from listed
  ) as lists;

  if v_kinds <> '{}' then
    perform open_suppressions();
    v_suppressed := store_suppressions(v_kinds, v_values, v_reasons, v_erased);
    v_businesses := settle_contacts(v_kinds, v_values);
  end if;

  return jsonb_build_object(
    'success', true,
    'suppressed', coalesce(v_suppressed, 0),
    'known', cardinality(v_kinds) - coalesce(v_suppressed, 0),
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
