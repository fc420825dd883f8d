create or replace function place_cid(p_cid text, p_data_id text)
returns text
language sql
immutable
parallel safe
as $$
  -- Google's number of a place, in decimal. A data_id is "0x…:0x…", and its second half the number.
  select case
    when p_cid ~ '^[1-9][0-9]{0,19}$' then p_cid
    when p_data_id ~* '^0x[0-9a-f]+:0x0*[1-9a-f][0-9a-f]{0,15}$' then (
      ('x' || lpad(ltrim(split_part(lower(p_data_id collate "C"), ':0x', 2), '0'), 16, '0'))::bit(64)::bigint::numeric
      + case
        when ('x' || lpad(ltrim(split_part(lower(p_data_id collate "C"), ':0x', 2), '0'), 16, '0'))::bit(64)::bigint < 0
          then 18446744073709551616
        else 0
      end
    )::text
  end;
$$;
