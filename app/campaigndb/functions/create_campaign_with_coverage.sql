create or replace function create_campaign_with_coverage(p_campaign_data jsonb, p_zip_codes jsonb)
returns jsonb
language plpgsql
security definer
set search_path from current
-- Planned once a session: planning takes longer than a small call.
set plan_cache_mode to force_generic_plan
set jit to off
set enable_seqscan to off
as $$
declare
  v_campaign_id uuid;
  v_problem text;
  v_keywords text[];
  v_zip_count bigint;
  v_estimated_cost numeric;
  v_context text;
begin
  -- What the campaign is given.
  if coalesce(jsonb_typeof(p_campaign_data), 'null') <> 'object' then
    raise exception using errcode = '22023', message = 'p_campaign_data is not a JSON object';
  end if;

  v_problem := coalesce(
    case when scraped_text(p_campaign_data ->> 'name') is null then 'name is missing' end,
    field_problem(p_campaign_data, 'name', 'text'),
    field_problem(p_campaign_data, 'id', 'uuid'),
    field_problem(p_campaign_data, 'description', 'text'),
    field_problem(p_campaign_data, 'keywords', 'text[]'),
    field_problem(p_campaign_data, 'location', 'text'),
    choice_problem(p_campaign_data, 'coverage_profile', '{aggressive,balanced,budget,custom}'),
    field_problem(p_campaign_data, 'custom_zip_codes', 'text[]'),
    choice_problem(p_campaign_data, 'status', '{draft,running,paused,completed,failed}'),
    field_problem(p_campaign_data, 'target_zip_count', 'count'),
    field_problem(p_campaign_data, 'coverage_percentage', 'percentage'),
    field_problem(p_campaign_data, 'estimated_cost', 'money'),
    field_problem(p_campaign_data, 'organization_id', 'uuid'),
    field_problem(p_campaign_data, 'created_by', 'text')
  );
  if v_problem is not null then
    raise exception using errcode = '22023', message = 'p_campaign_data.' || v_problem;
  end if;

  if coalesce(jsonb_typeof(p_zip_codes), 'null') not in ('array', 'null') then
    raise exception using errcode = '22023', message = 'p_zip_codes is not a JSON array';
  end if;

  v_keywords := text_list(p_campaign_data -> 'keywords');

  -- The same id again is the same campaign: a retry after an unknown outcome makes no second one.
  insert into gmaps_campaigns (
    id, name, description, keywords, location, coverage_profile, custom_zip_codes, status,
    target_zip_count, coverage_percentage, estimated_cost, organization_id, created_by
  )
  values (
    coalesce((p_campaign_data ->> 'id')::uuid, gen_random_uuid()),
    scraped_text(p_campaign_data ->> 'name'),
    scraped_text(p_campaign_data ->> 'description'),
    v_keywords,
    scraped_text(p_campaign_data ->> 'location'),
    coalesce(p_campaign_data ->> 'coverage_profile', 'balanced'),
    case
      when jsonb_typeof(p_campaign_data -> 'custom_zip_codes') <> 'null'
        then text_list(p_campaign_data -> 'custom_zip_codes')
    end,
    coalesce(p_campaign_data ->> 'status', 'draft'),
    coalesce((p_campaign_data ->> 'target_zip_count')::numeric::int, 0),
    (p_campaign_data ->> 'coverage_percentage')::numeric,
    (p_campaign_data ->> 'estimated_cost')::numeric,
    (p_campaign_data ->> 'organization_id')::uuid,
    scraped_text(p_campaign_data ->> 'created_by')
  )
  on conflict (id) do nothing
  returning id into v_campaign_id;

  if v_campaign_id is null then
    v_campaign_id := (p_campaign_data ->> 'id')::uuid;
    return jsonb_build_object(
      'success', true,
      'campaign_id', v_campaign_id,
      'zip_count', (
        select count(*) from gmaps_campaign_coverage as coverage
        where coverage.campaign_id = v_campaign_id
      ),
      'duplicate_zip_count', 0,
      'replayed', true,
      'message', 'Campaign was created before'
    );
  end if;

  -- The first bad ZIP fails the whole campaign: half of a coverage is worse than none.
  select 'p_zip_codes[' || item.position - 1 || ']' || problem.text
  into v_problem
  from
    jsonb_array_elements(
      case when jsonb_typeof(p_zip_codes) = 'array' then p_zip_codes else '[]' end
    ) with ordinality as item(zip, position),
    lateral (
      select case jsonb_typeof(item.zip)
        when 'string' then
          case
            when scraped_text(item.zip #>> '{}') is null then ' is blank'
            when length(scraped_text(item.zip #>> '{}')) > 100 then ' is longer than 100 characters'
          end
        when 'object' then
          '.' || coalesce(
            field_problem(item.zip, 'zip_code', 'text'),
            field_problem(item.zip, 'zip', 'text'),
            case
              when coalesce(scraped_text(item.zip ->> 'zip_code'), scraped_text(item.zip ->> 'zip')) is null
                then 'zip_code is missing'
              when length(coalesce(scraped_text(item.zip ->> 'zip_code'), scraped_text(item.zip ->> 'zip'))) > 100
                then 'zip_code is longer than 100 characters'
            end,
            field_problem(item.zip, 'keywords', 'text[]'),
            field_problem(item.zip, 'max_results', 'count'),
            field_problem(item.zip, 'estimated_cost', 'money')
          )
        else ' is neither a text nor an object (a number would lose its leading zeros)'
      end
    ) as problem(text)
  where problem.text is not null
  order by item.position
  limit 1;
  if v_problem is not null then
    raise exception using errcode = '22023', message = v_problem;
  end if;

  -- The last of several entries for one ZIP wins. A plain text is an entry with nothing but a ZIP.
  with stored as (
    insert into gmaps_campaign_coverage (
      campaign_id, zip_code, keywords, max_results, estimated_cost
    )
    select
      v_campaign_id,
      entry.zip_code,
      case
        when coalesce(jsonb_typeof(entry.entry -> 'keywords'), 'null') = 'null' then v_keywords
        else text_list(entry.entry -> 'keywords')
      end,
      coalesce((entry.entry ->> 'max_results')::numeric::int, 200),
      (entry.entry ->> 'estimated_cost')::numeric
    from (
      select distinct on (given.zip_code) given.zip_code, given.entry
      from (
        select
          coalesce(
            scraped_text(item.zip ->> 'zip_code'),
            scraped_text(item.zip ->> 'zip'),
            scraped_text(item.zip #>> '{}')
          ) as zip_code,
          item.zip as entry,
          item.position
        from jsonb_array_elements(
          case when jsonb_typeof(p_zip_codes) = 'array' then p_zip_codes else '[]' end
        ) with ordinality as item(zip, position)
        offset 0
      ) as given
      order by given.zip_code, given.position desc
    ) as entry
    order by entry.zip_code
    returning estimated_cost
  )
  select count(*), coalesce(sum(stored.estimated_cost), 0)
  into v_zip_count, v_estimated_cost
  from stored;
  if v_estimated_cost > 99999999999999.9999 then
    raise exception using
      errcode = '22003', message = 'p_zip_codes: the sum of estimated_cost is more than 99999999999999.9999';
  end if;

  update gmaps_campaigns as campaign
  set
    actual_zip_count = v_zip_count,
    target_zip_count = coalesce((p_campaign_data ->> 'target_zip_count')::numeric::int, v_zip_count),
    estimated_cost = coalesce(campaign.estimated_cost, v_estimated_cost)
  where campaign.id = v_campaign_id;

  return jsonb_build_object(
    'success', true,
    'campaign_id', v_campaign_id,
    'zip_count', v_zip_count,
    'duplicate_zip_count',
    case when jsonb_typeof(p_zip_codes) = 'array' then jsonb_array_length(p_zip_codes) else 0 end - v_zip_count,
    'replayed', false,
    'message', format('Campaign created, ZIP codes: %s', v_zip_count)
  );
exception
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
