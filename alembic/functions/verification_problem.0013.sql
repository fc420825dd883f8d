create or replace function verification_problem(p_answer jsonb)
returns text
language sql
immutable
parallel safe
begin atomic
  -- What keeps a verifier's answer from being one at all, or null. Nothing else of it costs the
  -- verdict: what cannot be read is null, and stays in the raw answer.
  select coalesce(
    case when reading.status is null then 'status is missing' end,
    field_problem(p_answer, 'idempotency_key', 'text')
  )
  from read_verification(p_answer) as reading;
end;
