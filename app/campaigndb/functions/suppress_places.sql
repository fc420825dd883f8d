create or replace function suppress_places(p_business_ids uuid[])
returns void
language plpgsql
set jit to off
set enable_seqscan to off
as $$
begin
  -- Takes out those of the businesses that are on the list, as a place or by their phone.
  update gmaps_businesses as business
  set business_status = 'suppressed'
  from (
    select stored.id
    from gmaps_businesses as stored
    where stored.id = any (p_business_ids)
      and exists (
        select
        from gmaps_suppressions as listed
        where listed.kind in ('place', 'phone')
          and listed.value_hash = any (place_suppressions(stored.place_id, stored.cid, stored.phone))
      )
  ) as found
  where business.id = found.id and business.business_status is distinct from 'suppressed';
end;
$$;
