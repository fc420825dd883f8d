-- By hour, day, week or month, whichever makes a readable number of periods. In UTC; a cost whose
-- time is infinite, or of a year that calendars of four digits do not have, has no period.
with entry as (
  select
    case
      when incurred_at >= '0001-01-01Z' and incurred_at < '9999-12-01Z'
      then incurred_at at time zone 'UTC'
    end as incurred_at,
    service,
    cost_usd
  from {schema}.gmaps_api_costs
),
span as (
  select max(incurred_at) - min(incurred_at) as length from entry
),
unit as (
  select
    case
      when length is null or length <= interval '36 hours' then 'hour'
      when length <= interval '45 days' then 'day'
      when length <= interval '300 days' then 'week'
      else 'month'
    end as name
  from span
)
select
  unit.name as unit,
  date_trunc(unit.name, entry.incurred_at) as period,
  entry.service,
  sum(entry.cost_usd) as cost
from entry
cross join unit
group by 1, 2, 3
order by 2, 3
