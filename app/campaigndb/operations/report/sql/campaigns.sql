-- Every campaign counts: those beyond the shown ones are added up in one last row, whose id is null.
with coverage as (
  select campaign_id, count(*) as zip_codes, count(*) filter (where scraped) as scraped
  from {schema}.gmaps_campaign_coverage
  group by campaign_id
),
business as (
  select
    campaign_id,
    count(*) as businesses,
    count(*) filter (where has_email) as emails,
    count(*) filter (
      where {schema}.is_lead('safe', email, is_safe, email_verified, business_status)
    ) as leads
  from {schema}.gmaps_businesses
  group by campaign_id
),
ledger as (
  select
    campaign_id,
    sum(cost_usd) as cost,
    sum(cost_usd) filter (where service = 'google_maps') as google_maps,
    sum(cost_usd) filter (where service = 'facebook') as facebook,
    sum(cost_usd) filter (where service = 'linkedin') as linkedin,
    sum(cost_usd) filter (where service = 'bouncer') as bouncer
  from {schema}.gmaps_api_costs
  group by campaign_id
),
ranked as (
  select
    campaign.id, campaign.name, campaign.status,
    coalesce(coverage.zip_codes, 0) as zip_codes,
    coalesce(coverage.scraped, 0) as scraped,
    coalesce(business.businesses, 0) as businesses,
    coalesce(business.emails, 0) as emails,
    coalesce(business.leads, 0) as leads,
    ledger.cost, ledger.google_maps, ledger.facebook, ledger.linkedin, ledger.bouncer,
    row_number() over (
      order by
        coalesce(ledger.cost, 0) desc, coalesce(business.businesses, 0) desc,
        campaign.created_at, campaign.id
    ) as rank
  from {schema}.gmaps_campaigns as campaign
  left join coverage on coverage.campaign_id = campaign.id
  left join business on business.campaign_id = campaign.id
  left join ledger on ledger.campaign_id = campaign.id
)
select
  case when rank <= %(shown)s then id end as id,
  case when min(rank) <= %(shown)s then min(name) end as name,
  case when min(rank) <= %(shown)s then min(status) end as status,
  count(*) as campaigns,
  sum(zip_codes)::bigint as zip_codes,
  sum(scraped)::bigint as scraped,
  sum(businesses)::bigint as businesses,
  sum(emails)::bigint as emails,
  sum(leads)::bigint as leads,
  coalesce(sum(cost), 0.0000) as cost,
  coalesce(sum(google_maps), 0.0000) as google_maps,
  coalesce(sum(facebook), 0.0000) as facebook,
  coalesce(sum(linkedin), 0.0000) as linkedin,
  coalesce(sum(bouncer), 0.0000) as bouncer
from ranked
group by 1
order by min(rank)
