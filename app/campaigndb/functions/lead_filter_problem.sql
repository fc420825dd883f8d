create or replace function lead_filter_problem(p_filter jsonb)
returns text
language sql
immutable
parallel safe
begin atomic
  -- Why leads cannot be filtered like this, with what is known named; null where they can.
  select case
    when jsonb_typeof(p_filter) <> 'object' then 'p_filter is not a JSON object'
    else (
      select 'p_filter.' || problem.found
      from jsonb_object_keys(p_filter) with ordinality as key(name, position)
      cross join lateral (
        select case key.name
          when 'emails' then choice_problem(p_filter, 'emails', array['safe', 'verified', 'any', 'none'])
          when 'duplicates' then choice_problem(p_filter, 'duplicates', array['keep', 'drop'])
          when 'zip_codes' then field_problem(p_filter, 'zip_codes', 'text[]')
          when 'categories' then field_problem(p_filter, 'categories', 'text[]')
          when 'min_rating' then field_problem(p_filter, 'min_rating', 'score')
          when 'since' then case
            when jsonb_typeof(p_filter -> 'since') = 'null' then null
            -- Which day an hour belongs to is clear with an offset only.
            when jsonb_typeof(p_filter -> 'since') <> 'string'
              or p_filter ->> 'since'
                !~* '^\d{4}-\d\d-\d\d[t ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(z|[-+]\d\d(:?\d\d)?)$'
              then 'since is not a time with its offset, such as 2026-01-31T09:00:00Z'
          end
          else shown_text(key.name, 40)
            || ' is not one of emails, duplicates, zip_codes, categories, min_rating, since'
        end as found
      ) as problem
      where problem.found is not null
      order by key.position
      limit 1
    )
  end;
end;
