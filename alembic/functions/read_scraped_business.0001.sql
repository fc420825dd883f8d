create or replace function read_scraped_business(p_record jsonb)
returns table (
  place_id text,
  name text,
  address text,
  city text,
  state text,
  postal_code text,
  country text,
  latitude double precision,
  longitude double precision,
  phone text,
  website text,
  email text,
  email_source text,
  category text,
  categories text[],
  description text,
  rating numeric,
  reviews_count int,
  price_level text,
  hours jsonb,
  facebook_url text,
  linkedin_url text,
  instagram_url text,
  twitter_url text,
  needs_enrichment boolean
)
language sql
immutable
parallel safe
as $$
  -- The one place that knows the names a record may use: the canonical ones win over those of
  -- the Google Maps scrapers. What cannot be read becomes null: one dirty field must not fail
  -- the batch, and the record itself is kept beside it.
  select
    case
      when jsonb_typeof(p_record -> 'place_id') in ('string', 'number')
        then scraped_text(p_record ->> 'place_id')
      when jsonb_typeof(p_record -> 'placeId') in ('string', 'number')
        then scraped_text(p_record ->> 'placeId')
    end,
    case
      when jsonb_typeof(p_record -> 'name') in ('string', 'number')
        then scraped_text(p_record ->> 'name')
      when jsonb_typeof(p_record -> 'title') in ('string', 'number')
        then scraped_text(p_record ->> 'title')
    end,
    coalesce(scraped_text(p_record ->> 'address'), scraped_text(p_record ->> 'street')),
    scraped_text(p_record ->> 'city'),
    scraped_text(p_record ->> 'state'),
    coalesce(scraped_text(p_record ->> 'postal_code'), scraped_text(p_record ->> 'postalCode')),
    coalesce(
      scraped_text(p_record ->> 'country'),
      scraped_text(p_record ->> 'countryCode'),
      scraped_text(p_record ->> 'country_code')
    ),
    case when position.latitude between -90 and 90 then position.latitude end,
    case when position.longitude between -180 and 180 then position.longitude end,
    coalesce(scraped_text(p_record ->> 'phone'), scraped_text(p_record ->> 'phoneUnformatted')),
    scraped_text(p_record ->> 'website'),
    contact.email,
    case
      when contact.email is null then 'not_found'
      when p_record ->> 'email_source' in ('facebook', 'linkedin') then p_record ->> 'email_source'
      else 'google_maps'
    end,
    coalesce(scraped_text(p_record ->> 'category'), scraped_text(p_record ->> 'categoryName')),
    case when p_record ? 'categories' then text_list(p_record -> 'categories') else '{}' end,
    scraped_text(p_record ->> 'description'),
    case when score.rating >= 0 then score.rating end,
    case
      when score.reviews_count between 0 and 2147483647 then trunc(score.reviews_count)::int
    end,
    coalesce(
      scraped_text(p_record ->> 'price_level'),
      scraped_text(p_record ->> 'priceLevel'),
      scraped_text(p_record ->> 'price')
    ),
    coalesce(
      nullif(p_record -> 'hours', 'null'),
      nullif(p_record -> 'openingHours', 'null'),
      nullif(p_record -> 'opening_hours', 'null')
    ),
    coalesce(
      scraped_text(p_record ->> 'facebook_url'),
      scraped_text(p_record ->> 'facebookUrl'),
      scraped_text(p_record #>> '{facebooks,0}')
    ),
    coalesce(
      scraped_text(p_record ->> 'linkedin_url'),
      scraped_text(p_record ->> 'linkedinUrl'),
      scraped_text(p_record #>> '{linkedIns,0}')
    ),
    coalesce(
      scraped_text(p_record ->> 'instagram_url'),
      scraped_text(p_record ->> 'instagramUrl'),
      scraped_text(p_record #>> '{instagrams,0}')
    ),
    coalesce(
      scraped_text(p_record ->> 'twitter_url'),
      scraped_text(p_record ->> 'twitterUrl'),
      scraped_text(p_record #>> '{twitters,0}')
    ),
    coalesce(p_record -> 'needs_enrichment' <> 'false', true)
  from
    (
      select
        coalesce(
          scraped_number(p_record ->> 'latitude'),
          scraped_number(p_record #>> '{location,lat}')
        )::double precision as latitude,
        coalesce(
          scraped_number(p_record ->> 'longitude'),
          scraped_number(p_record #>> '{location,lng}')
        )::double precision as longitude
    ) as position,
    (
      select
        coalesce(
          scraped_number(p_record ->> 'rating'),
          scraped_number(p_record ->> 'totalScore')
        ) as rating,
        coalesce(
          scraped_number(p_record ->> 'reviews_count'),
          scraped_number(p_record ->> 'reviewsCount')
        ) as reviews_count
    ) as score,
    (
      select coalesce(
        scraped_email(p_record ->> 'email'),
        scraped_email(p_record #>> '{emails,0}')
      ) as email
    ) as contact;
$$;
