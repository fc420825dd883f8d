create or replace function cost_payload(
  p_service text,
  p_items_processed int,
  p_cost_usd numeric,
  p_metadata jsonb
)
returns jsonb
language sql
immutable
parallel safe
as $$
  -- What two costs of one idempotency key must have in common.
  select jsonb_build_array(p_service, p_items_processed, p_cost_usd, p_metadata);
$$;
