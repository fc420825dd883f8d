-- Each queue's condition is spelled out as its partial index has it, and each is counted in the
-- index's order.
select
  campaign.id as campaign_id,
  campaign.name as campaign,
  queue.facebook,
  queue.linkedin
from (
  select campaign_id, sum(facebook) as facebook, sum(linkedin) as linkedin
  from (
    select business.campaign_id, count(*) as facebook, 0 as linkedin
    from {schema}.gmaps_businesses as business
    where business.needs_enrichment and business.enrichment_status = 'pending'
    group by business.campaign_id
    union all
    select business.campaign_id, 0, count(*)
    from {schema}.gmaps_businesses as business
    where not business.linkedin_enriched
    group by business.campaign_id
  ) as counted
  group by campaign_id
) as queue
join {schema}.gmaps_campaigns as campaign on campaign.id = queue.campaign_id
order by queue.facebook + queue.linkedin desc, campaign.id
