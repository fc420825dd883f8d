create or replace function enrichment_verdict(p_item jsonb)
returns jsonb
language sql
immutable
parallel safe
begin atomic
  -- What an item says of its primary address, as a verifier's answer; null where it says nothing. Most
  -- items have none of these keys: this is inlined, and they cost no call.
  select case
    when p_item ?| '{bouncer_status,bouncerStatus,is_safe,isSafe,bouncer_is_safe,bouncerIsSafe,email_verified,emailVerified}'
      then item_verdict(p_item)
  end;
end;
