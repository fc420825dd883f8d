create or replace function set_lead_texts(p_texts jsonb)
returns jsonb
language plpgsql
security definer
set search_path from current
set jit to off
set enable_seqscan to off
set enable_hashjoin to off
set enable_mergejoin to off
as $$
declare
  v_now timestamptz := now();
  v_updated bigint;
  v_failures jsonb;
  v_context text;
begin
  if coalesce(jsonb_typeof(p_texts), 'null') <> 'array' then
    raise exception using errcode = '22023', message = 'p_texts is not a JSON array';
  end if;
  perform hold_suppressions();
  p_texts := without_erased(p_texts);

  -- Erasures and imports lock campaigns first, then businesses by their places.
  perform
  from gmaps_businesses as business
  where business.id = any (
    array(select enrichment_business(item.value) from jsonb_array_elements(p_texts) as item(value))
  )
  order by business.place_id
  for no key update;

  with given as materialized (
    select
      (item.position - 1)::int as index,
      item.value as item,
      enrichment_business(item.value) as business_id,
      case
        when jsonb_typeof(item.value) <> 'object' then 'not a JSON object'
        when enrichment_business(item.value) is null
          then coalesce(field_problem(item.value, 'business_id', 'uuid'), 'business_id is missing')
        when not item.value ?| array['icebreaker', 'subject_line'] then 'neither icebreaker nor subject_line'
        else coalesce(
          field_problem(item.value, 'icebreaker', 'text'), field_problem(item.value, 'subject_line', 'text')
        )
      end as problem
    from jsonb_array_elements(p_texts) with ordinality as item(value, position)
  ),
  known as materialized (
    select given.*, business.id
    from given
    left join lateral (
      select found.id from gmaps_businesses as found where found.id = given.business_id offset 0
    ) as business on given.problem is null
  ),
  -- The last text of a business counts. A text that an item does not name stays as it is; null or a
  -- blank removes it.
  wanted as (
    select
      known.id,
      bool_or(known.item ? 'icebreaker') as has_icebreaker,
      (
        array_agg(known.item ->> 'icebreaker' order by known.index desc)
          filter (where known.item ? 'icebreaker')
      )[1] as icebreaker,
      bool_or(known.item ? 'subject_line') as has_subject_line,
      (
        array_agg(known.item ->> 'subject_line' order by known.index desc)
          filter (where known.item ? 'subject_line')
      )[1] as subject_line
    from known
    where known.id is not null
    group by known.id
  ),
  changed as (
    update gmaps_businesses as business
    set
      icebreaker = case
        when wanted.has_icebreaker then nullif(btrim(wanted.icebreaker, E' \t\r\n'), '') else business.icebreaker
      end,
      subject_line = case
        when wanted.has_subject_line then nullif(btrim(wanted.subject_line, E' \t\r\n'), '')
        else business.subject_line
      end,
      updated_at = v_now
    from wanted
    where business.id = wanted.id
      and (
        (wanted.has_icebreaker
          and business.icebreaker is distinct from nullif(btrim(wanted.icebreaker, E' \t\r\n'), ''))
        or (wanted.has_subject_line
          and business.subject_line is distinct from nullif(btrim(wanted.subject_line, E' \t\r\n'), ''))
      )
  )
  select
    count(*) filter (where known.id is not null),
    coalesce(
      jsonb_agg(
        listed_failure(
          known.index,
          known.item,
          coalesce(known.problem, format('there is no business %s', known.business_id))
        )
        order by known.index
      ) filter (where known.id is null),
      '[]'
    )
  into v_updated, v_failures
  from known;

  return jsonb_build_object(
    'success', true,
    'updated', v_updated,
    'failed', jsonb_array_length(v_failures),
    'failures', v_failures
  );
exception
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
