-- From the text of the function work_queues, as a monitoring role may read the tables but execute no
-- helper. The longest first, those of one campaign together.
select
  campaign.id as campaign_id,
  campaign.name as campaign,
  queue.kind as queue,
  queue.unfinished,
  queue.held,
  queue.due,
  queue.waiting,
  queue.failed,
  queue.reserved
from ({work_queues}) as queue
join {schema}.gmaps_campaigns as campaign on campaign.id = queue.campaign_id
order by
  sum(queue.unfinished + queue.failed) over (partition by queue.campaign_id) desc,
  campaign.id,
  queue.kind
