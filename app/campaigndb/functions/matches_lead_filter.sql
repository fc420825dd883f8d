create or replace function matches_lead_filter(
  p_zip_codes text[],
  p_categories text[],
  p_min_rating numeric,
  p_since timestamptz,
  p_zip_code text,
  p_category text,
  p_business_categories text[],
  p_rating numeric,
  p_changed_at timestamptz
)
returns boolean
language sql
stable
parallel safe
as $$
  -- Whether a business is what a filter asks for; null asks for nothing. p_categories in lower case.
  select (p_zip_codes is null or p_zip_code = any (p_zip_codes))
    and (
      p_categories is null
      or lower(p_category) = any (p_categories)
      or lower(p_business_categories::text)::text[] && p_categories
    )
    and (p_min_rating is null or p_rating >= p_min_rating)
    and (p_since is null or p_changed_at >= p_since);
$$;
