create or replace function log_export(
  p_campaign_id uuid,
  p_export_id uuid,
  p_exported_at timestamptz,
  p_leads int,
  p_export_format varchar,
  p_preset varchar default null,
  p_filter jsonb default '{}',
  p_exported_by varchar default null
)
returns jsonb
language plpgsql
security definer
set search_path from current
set jit to off
set enable_seqscan to off
as $$
declare
  v_filter jsonb := coalesce(nullif(p_filter, 'null'), '{}');
  v_problem text;
  v_is_new boolean;
  v_logged gmaps_exports%rowtype;
  v_context text;
begin
  v_problem := case
    when p_export_id is null then 'p_export_id is missing'
    when p_exported_at is null then 'p_exported_at is missing'
    when coalesce(p_leads, -1) < 0 then 'p_leads is missing or negative'
    when scraped_text(p_export_format) is null then 'p_export_format is missing or blank'
    else lead_filter_problem(v_filter)
  end;
  if v_problem is not null then
    raise exception using errcode = '22023', message = v_problem;
  end if;
  perform from gmaps_campaigns as campaign where campaign.id = p_campaign_id for key share;
  if not found then
    raise exception using
      errcode = '23503', message = format('there is no campaign %s', coalesce(p_campaign_id::text, 'null'));
  end if;

  with logged as (
    insert into gmaps_exports as export (
      id, campaign_id, exported_at, leads, format, preset, filter, exported_by
    )
    values (
      p_export_id, p_campaign_id, p_exported_at, p_leads, scraped_text(p_export_format),
      scraped_text(p_preset), v_filter,
      -- Inside the function current_user is the owner.
      coalesce(scraped_text(p_exported_by), session_user)
    )
    on conflict (id) do nothing
    returning export.id
  )
  select count(*) > 0 into v_is_new from logged;
  -- The same export again is one entry; another one under its id is refused.
  select export.* into v_logged from gmaps_exports as export where export.id = p_export_id;
  if (v_logged.campaign_id, v_logged.leads) is distinct from (p_campaign_id, p_leads) then
    raise exception using errcode = '23505', message = 'p_export_id is another export''s';
  end if;

  return jsonb_build_object(
    'success', true, 'export_id', p_export_id, 'campaign_id', p_campaign_id, 'replayed', not v_is_new
  );
exception
  when others then
    get stacked diagnostics v_context = pg_exception_context;
    return caught_failure(sqlstate, sqlerrm, v_context);
end;
$$;
