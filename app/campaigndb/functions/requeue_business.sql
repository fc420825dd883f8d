create or replace function requeue_business()
returns trigger
language plpgsql
set search_path from current
as $$
declare
  v_position bigint := pg_current_xact_id()::text::bigint;
  v_is_requeued boolean;
begin
  -- What enters a queue goes to its end, where the next claim looks. A new page or profile is a new
  -- chance for a lookup that was given up.
  if new.email is distinct from old.email then
    new.verification_position := v_position;
  end if;
  if new.facebook_url is distinct from old.facebook_url
    and old.enrichment_status = 'failed'
    and new.enrichment_status = 'failed'
  then
    new.enrichment_status := 'pending';
    new.needs_enrichment := true;
  end if;
  v_is_requeued := new.business_status is distinct from old.business_status
    or (new.needs_enrichment and new.enrichment_status = 'pending')
    > (old.needs_enrichment and old.enrichment_status = 'pending');
  if new.business_status is distinct from old.business_status then
    new.verification_position := v_position;
  end if;

  if new.facebook_url is distinct from old.facebook_url then
    delete from gmaps_lookups as lookup
    where lookup.kind = 'facebook' and lookup.item_id = new.id and lookup.due_at = 'infinity';
    v_is_requeued := v_is_requeued or found;
  end if;
  if new.linkedin_url is distinct from old.linkedin_url then
    delete from gmaps_lookups as lookup
    where lookup.kind = 'linkedin' and lookup.item_id = new.id and lookup.due_at = 'infinity';
    v_is_requeued := v_is_requeued or found;
  end if;
  if v_is_requeued then
    new.queue_position := v_position;
  end if;
  return new;
end;
$$;
