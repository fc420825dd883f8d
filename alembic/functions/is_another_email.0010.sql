create or replace function is_another_email(p_known text, p_offered text)
returns boolean
language sql
immutable
parallel safe
as $$
  -- Whether an offered email voids what was verified of the known one. Addresses are compared
  -- without regard to case, as the verification finds them.
  select p_offered is not null and lower(p_known) is distinct from lower(p_offered);
$$;
