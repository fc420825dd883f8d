create or replace function check_contacts(p_contacts jsonb)
returns jsonb
language plpgsql
stable
security definer
set search_path from current
set jit to off
set enable_seqscan to off
as $$
declare
  v_contacts jsonb;
  v_context text;
begin
  -- Which contacts nobody may write to or call, and by what: the value itself, or a domain above an
  -- address. Names what read_contacts names.
  if coalesce(jsonb_typeof(p_contacts), 'null') <> 'array' then
    raise exception using errcode = '22023', message = 'p_contacts is not a JSON array';
  end if;
  select coalesce(jsonb_agg(checked.contact order by checked.index, checked.kind), '[]')
  into v_contacts
  from (
    select
      given.index, given.kind,
      jsonb_build_object(
        'index', given.index,
        'kind', given.kind,
        'is_suppressed', listed.kind is not null,
        'by', listed.kind,
        'reason', listed.reason,
        'is_erased', coalesce(listed.is_erased, false),
        'since', listed.created_at,
        'problem', given.problem
      ) as contact
    from read_contacts(p_contacts) as given
    left join lateral (
      select found.kind, found.reason, found.is_erased, found.created_at
      from (
        select given.kind as kind, given.value as value, 0 as distance
        union all
        select 'domain', part.domain, 1
        from domains_of_email(case when given.kind = 'email' then given.value else '@' || given.value end) as part(domain)
        where given.kind in ('email', 'domain')
      ) as asked
      cross join lateral (
        select stored.kind, stored.reason, stored.is_erased, stored.created_at
        from gmaps_suppressions as stored
        where stored.kind = asked.kind and stored.value_hash = suppression_hash(asked.value)
        offset 0
      ) as found
      order by asked.distance
      limit 1
    ) as listed on true
  ) as checked;
  return jsonb_build_object('success', true, 'contacts', v_contacts);
exception
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
