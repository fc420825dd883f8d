create or replace function list_campaigns(p_limit int default 100, p_after uuid default null)
returns table (
  campaign_id uuid,
  name text,
  description text,
  status text,
  location text,
  actual_zip_count int,
  total_businesses_found int,
  total_emails_found int,
  total_verified_emails int,
  estimated_cost numeric,
  actual_cost numeric,
  created_at timestamptz,
  updated_at timestamptz,
  started_at timestamptz,
  completed_at timestamptz
)
language plpgsql
stable
security definer
set search_path from current
as $$
#variable_conflict use_column
declare
  v_limit int := coalesce(p_limit, 100);
  v_after_created_at timestamptz := 'infinity'::timestamptz;
  v_after_id uuid;
begin
  if v_limit < 1 then
    raise exception using errcode = '22023', message = 'p_limit is less than 1';
  end if;
  if p_after is not null then
    select campaign.created_at, campaign.id
    into v_after_created_at, v_after_id
    from gmaps_campaigns as campaign
    where campaign.id = p_after;
    if not found then
      raise exception using errcode = '23503', message = format('there is no campaign %s', p_after);
    end if;
  end if;

  -- The newest first; each page starts behind the last campaign of the page before.
  return query
  select
    campaign.id, campaign.name, campaign.description, campaign.status, campaign.location,
    campaign.actual_zip_count, campaign.total_businesses_found, campaign.total_emails_found,
    campaign.total_verified_emails, campaign.estimated_cost, campaign.actual_cost,
    campaign.created_at, campaign.updated_at, campaign.started_at, campaign.completed_at
  from gmaps_campaigns as campaign
  where p_after is null
    or campaign.created_at < v_after_created_at
    or (campaign.created_at = v_after_created_at and campaign.id > v_after_id)
  order by campaign.created_at desc, campaign.id
  limit v_limit;
end;
$$;
