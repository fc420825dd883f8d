create or replace function read_scraped_businesses(p_records jsonb)
returns table (
  index int,
  record jsonb,
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
begin atomic
  -- The one place that knows the names a record may use: the canonical ones win over those of
  -- the Google Maps scrapers. What cannot be read becomes null: one dirty field must not fail
  -- the batch, and the record itself is kept beside it. A place without a readable id or name
  -- is for the caller to reject. All records are read in one call, which costs half of a call
  -- for each.
  select
    (given.position - 1)::int,
    p_records -> (given.position - 1)::int,
    first_scraped_text(given.place_id, given."placeId"),
    first_scraped_text(given.name, given.title),
    scraped_text(coalesce(given.address, given.street)),
    scraped_text(given.city),
    scraped_text(given.state),
    scraped_text(coalesce(given.postal_code, given."postalCode")),
    scraped_text(coalesce(given.country, given."countryCode", given.country_code)),
    -- A number too small for a double fails the conversion: it is 0. Asked last, so that no other
    -- coordinate pays for it.
    case
      when read.latitude between 1e-300 and 90 or read.latitude between -90 and -1e-300
        then read.latitude::double precision
      when read.latitude between -1e-300 and 1e-300 then 0
    end,
    case
      when read.longitude between 1e-300 and 180 or read.longitude between -180 and -1e-300
        then read.longitude::double precision
      when read.longitude between -1e-300 and 1e-300 then 0
    end,
    scraped_text(coalesce(given.phone, given."phoneUnformatted")),
    scraped_text(given.website),
    read.email,
    case
      when read.email is null then 'not_found'
      when given.email_source in ('facebook', 'linkedin') then given.email_source
      else 'google_maps'
    end,
    scraped_text(coalesce(given.category, given."categoryName")),
    case when given.categories is null then '{}' else text_list(given.categories) end,
    scraped_text(given.description),
    case when read.rating >= 0 and read.rating < 1e40 then read.rating end,
    case
      when read.reviews_count between 0 and 2147483647 then trunc(read.reviews_count)::int
    end,
    scraped_text(coalesce(given.price_level, given."priceLevel", given.price)),
    coalesce(given.hours, given."openingHours", given.opening_hours),
    scraped_text(coalesce(given.facebook_url, given."facebookUrl", given.facebooks ->> 0)),
    scraped_text(coalesce(given.linkedin_url, given."linkedinUrl", given."linkedIns" ->> 0)),
    scraped_text(coalesce(given.instagram_url, given."instagramUrl", given.instagrams ->> 0)),
    scraped_text(coalesce(given.twitter_url, given."twitterUrl", given.twitters ->> 0)),
    coalesce(given.needs_enrichment <> 'false', true)
  from
    rows from (
      jsonb_to_recordset(
        case
          -- It takes objects only.
          when jsonb_path_exists(p_records, 'strict $[*] ? (@.type() != "object")') then (
            select jsonb_agg(
              case when jsonb_typeof(item.record) = 'object' then item.record else '{}' end
              order by item.position
            )
            from jsonb_array_elements(p_records) with ordinality as item(record, position)
          )
          else p_records
        end
      ) as (
      place_id jsonb, "placeId" jsonb, name jsonb, title jsonb,
      address text, street text, city text, state text,
      postal_code text, "postalCode" text, country text, "countryCode" text, country_code text,
      latitude jsonb, longitude jsonb, location jsonb,
      phone text, "phoneUnformatted" text, website text,
      email text, emails jsonb, email_source text,
      category text, "categoryName" text, categories jsonb, description text,
      rating jsonb, "totalScore" jsonb, reviews_count jsonb, "reviewsCount" jsonb,
      price_level text, "priceLevel" text, price text,
      hours jsonb, "openingHours" jsonb, opening_hours jsonb,
      facebook_url text, "facebookUrl" text, facebooks jsonb,
      linkedin_url text, "linkedinUrl" text, "linkedIns" jsonb,
      instagram_url text, "instagramUrl" text, instagrams jsonb,
      twitter_url text, "twitterUrl" text, twitters jsonb,
      needs_enrichment jsonb
      )
    ) with ordinality as given (
      place_id, "placeId", name, title, address, street, city, state, postal_code, "postalCode", country, "countryCode", country_code, latitude, longitude, location, phone, "phoneUnformatted", website, email, emails, email_source, category, "categoryName", categories, description, rating, "totalScore", reviews_count, "reviewsCount", price_level, "priceLevel", price, hours, "openingHours", opening_hours, facebook_url, "facebookUrl", facebooks, linkedin_url, "linkedinUrl", "linkedIns", instagram_url, "instagramUrl", instagrams, twitter_url, "twitterUrl", twitters, needs_enrichment, position
    ),
    lateral (
      select
        scraped_number(number.latitude) as latitude,
        scraped_number(number.longitude) as longitude,
        scraped_number(number.rating) as rating,
        scraped_number(number.reviews_count) as reviews_count,
        coalesce(scraped_email(given.email), scraped_email(given.emails ->> 0)) as email
      -- Fences: each is read once, and not wherever it is used.
      from (
        select
          coalesce(given.latitude, given.location -> 'lat') as latitude,
          coalesce(given.longitude, given.location -> 'lng') as longitude,
          coalesce(given.rating, given."totalScore") as rating,
          coalesce(given.reviews_count, given."reviewsCount") as reviews_count
        offset 0
      ) as number
      offset 0
    ) as read;
end;
