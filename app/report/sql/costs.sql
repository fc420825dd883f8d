-- By hour, day, week or month, whichever makes a readable number of periods. In UTC; a cost whose
-- time is infinite has no period.
with span as (
  select max(incurred_at) - min(incurred_at) as length
  from {schema}.gmaps_api_costs
  where isfinite(incurred_at)
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
  case
    when isfinite(entry.incurred_at)
    then date_trunc(unit.name, entry.incurred_at at time zone 'UTC')
  end as period,
  entry.service,
  sum(entry.cost_usd) as cost
from {schema}.gmaps_api_costs as entry
cross join unit
group by 1, 2, 3
order by 2, 3
