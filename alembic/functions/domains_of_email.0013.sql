create or replace function domains_of_email(p_email text)
returns setof text
language sql
immutable
parallel safe
as $$
  -- An address's domain and those above it, but for the top level.
  select array_to_string(split.labels[first.label :], '.')
  from (select string_to_array(split_part(p_email, '@', 2), '.') as labels) as split
  cross join generate_series(1, cardinality(split.labels) - 1) as first(label);
$$;
