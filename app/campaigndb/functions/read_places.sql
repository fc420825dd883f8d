create or replace function read_places(p_records jsonb)
returns table (
  index int,
  record jsonb,
  place_id text,
  is_identified boolean,
  cid text,
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
  emails text[],
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
  business_status text,
  needs_enrichment boolean
)
language sql
immutable
parallel safe
begin atomic
  -- Records of places as the columns hold them. What cannot be read becomes null: one dirty field
  -- must not fail the batch, and the record itself is kept beside it. A place without an identity or
  -- a name is for the caller to reject. All records are read in one call, which costs half of a call
  -- for each.
  select
    given.index,
    given.record,
    -- Without a place_id a place is known by its cid, or by its data_id, which holds the cid.
    coalesce(
      scraped_text(given.place_id), 'cid:' || place_cid(scraped_text(given.cid), null), scraped_text(given.data_id)
    ),
    scraped_text(given.place_id) is not null,
    place_cid(scraped_text(given.cid), scraped_text(given.data_id)),
    clean_text(given.name),
    clean_text(given.address),
    clean_text(given.city),
    clean_text(given.state),
    case
      -- Most have five digits. Patterns cost more than all else, so plain comparisons come first.
      when length(given.postal_code) = 5 and translate(given.postal_code, '0123456789', '') = ''
        then given.postal_code
      when given.postal_code !~ '^[ ]*[0-9]{1,5}(\.0+)?[ ]*$' then scraped_text(given.postal_code)
      -- A table has taken it for a number. US codes have five digits; of others nobody knows.
      when given.country ~* '^[ ]*(us|usa|u\.s\.(a\.)?|united states( of america)?)[ ]*$'
        or (given.country is null and given.address ~ '(, USA|, United States|, [A-Z]{2} [0-9]{5}(-[0-9]{4})?)$')
        -- The states whose codes begin with a zero.
        or (
          given.country is null
          and given.state ~* (
            '^[ ]*(ct|ma|me|nh|nj|pr|ri|vi|vt|connecticut|massachusetts|maine|new hampshire|new jersey'
            || '|puerto rico|rhode island|vermont)[ ]*$'
          )
        )
        then lpad(split_part(btrim(given.postal_code), '.', 1), 5, '0')
      else split_part(btrim(given.postal_code), '.', 1)
    end,
    scraped_text(given.country),
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
    -- The international form can be dialled from anywhere.
    case
      when given.international_phone like '+%' and given.phone not like '+%'
        then scraped_text(given.international_phone)
      -- A table has taken it for a number.
      when given.phone like '%.0' then scraped_text(left(given.phone, -2))
      else scraped_text(coalesce(given.phone, given.international_phone))
    end,
    scraped_text(given.website),
    case
      when given.email_text is null then '{}'
      when is_plain_email(given.email_text)
        then case when is_usable_email(given.email_text) then array[given.email_text] else '{}' end
      when strpos(given.email_text, '@') = 0 and given.email_text !~ '%40|&#' then '{}'
      -- As usable_emails reads a text, in the place of a call of it, which costs more than the rest.
      else array(
        select word.email
        from unnest(
          email_words(
            case
              when strpos(given.email_text, '&') > 0 then decoded_entities(given.email_text)
              else given.email_text
            end
          )
        ) with ordinality as word(email, position)
        where is_usable_email(word.email)
        order by word.position
      )
    end,
    case
      when given.email_source in ('facebook', 'linkedin') then given.email_source
      else 'google_maps'
    end,
    clean_text(given.category),
    case
      when given.categories is null then '{}'
      -- As text_list reads it, in the place of a call of it.
      when jsonb_typeof(given.categories) = 'array' then array(
        select scraped_text(listed.value)
        from jsonb_array_elements_text(given.categories) as listed(value)
        where scraped_text(listed.value) is not null
      )
      else text_list(given.categories)
    end,
    clean_text(given.description),
    case when read.rating between 0 and 5 then read.rating end,
    case when read.reviews_count between 0 and 2147483647 then trunc(read.reviews_count)::int end,
    scraped_text(given.price_level),
    case
      when jsonb_typeof(given.hours) = 'string' then coalesce(flat_json(given.hours #>> '{}'), given.hours)
      else given.hours
    end,
    coalesce(
      case
        when given.facebook is null or given.facebook = '[]' then null
        when left(given.facebook, 1) <> '[' and is_social_page(given.facebook) then scraped_text(given.facebook)
        when strpos(given.facebook, '",') = 0 and strpos(given.facebook, '{') = 0
          and is_social_page(btrim(given.facebook, '[]" '))
          then scraped_text(btrim(given.facebook, '[]" '))
        else social_page(given.facebook)
      end,
      case
        when read.site_name in ('facebook', 'fb')
          and given.website ~* '^[\s]*(https?:)?/*([a-z0-9-]+\.)*(facebook|fb)\.com/'
          then case
            when given.website ~ '[\s",\[\]]' then social_page(given.website)
            when is_social_page(given.website) then given.website
          end
      end
    ),
    coalesce(
      case
        when given.linkedin is null or given.linkedin = '[]' then null
        when left(given.linkedin, 1) <> '[' and is_social_page(given.linkedin) then scraped_text(given.linkedin)
        when strpos(given.linkedin, '",') = 0 and strpos(given.linkedin, '{') = 0
          and is_social_page(btrim(given.linkedin, '[]" '))
          then scraped_text(btrim(given.linkedin, '[]" '))
        else social_page(given.linkedin)
      end,
      case
        when read.site_name = 'linkedin'
          and given.website ~* '^[\s]*(https?:)?/*([a-z0-9-]+\.)*linkedin\.com/'
          then case
            when given.website ~ '[\s",\[\]]' then social_page(given.website)
            when is_social_page(given.website) then given.website
          end
      end
    ),
    coalesce(
      case
        when given.instagram is null or given.instagram = '[]' then null
        when left(given.instagram, 1) <> '[' and is_social_page(given.instagram) then scraped_text(given.instagram)
        when strpos(given.instagram, '",') = 0 and strpos(given.instagram, '{') = 0
          and is_social_page(btrim(given.instagram, '[]" '))
          then scraped_text(btrim(given.instagram, '[]" '))
        else social_page(given.instagram)
      end,
      case
        when read.site_name = 'instagram'
          and given.website ~* '^[\s]*(https?:)?/*([a-z0-9-]+\.)*instagram\.com/'
          then case
            when given.website ~ '[\s",\[\]]' then social_page(given.website)
            when is_social_page(given.website) then given.website
          end
      end
    ),
    coalesce(
      case
        when given.twitter is null or given.twitter = '[]' then null
        when left(given.twitter, 1) <> '[' and is_social_page(given.twitter) then scraped_text(given.twitter)
        when strpos(given.twitter, '",') = 0 and strpos(given.twitter, '{') = 0
          and is_social_page(btrim(given.twitter, '[]" '))
          then scraped_text(btrim(given.twitter, '[]" '))
        else social_page(given.twitter)
      end,
      case
        when read.site_name in ('twitter', 'x')
          and given.website ~* '^[\s]*(https?:)?/*([a-z0-9-]+\.)*(twitter|x)\.com/'
          then case
            when given.website ~ '[\s",\[\]]' then social_page(given.website)
            when is_social_page(given.website) then given.website
          end
      end
    ),
    case
      when strpos(read.status, 'perman') > 0 or read.status = 'closed' then 'closed_permanently'
      when strpos(read.status, 'tempor') > 0 then 'closed_temporarily'
      when read.status like 'operational%' or read.status like 'open%' then 'operational'
    end,
    case
      when jsonb_typeof(given.needs_enrichment) = 'boolean' then given.needs_enrichment::boolean
      when lower(given.needs_enrichment #>> '{}') in ('true', 'yes', '1') then true
      when lower(given.needs_enrichment #>> '{}') in ('false', 'no', '0') then false
    end
  -- A fence: each field is read once, and not wherever it is used.
  from (select fields.* from place_fields(p_records) as fields offset 0) as given
  cross join lateral (
    select
      -- What stands before ".com/" in the website: a page of one of these networks is given as it.
      case
        when strpos(lower(given.website collate "C"), '.com/') > 0 then split_part(
          split_part(split_part(lower(given.website collate "C"), '.com/', 1), '.', -1), '/', -1
        )
        else ''
      end as site_name,
      lower(given.business_status collate "C") as status,
      case jsonb_typeof(given.latitude)
        when 'number' then given.latitude::numeric
        when 'string' then human_number(given.latitude, 'coordinate')
      end as latitude,
      case jsonb_typeof(given.longitude)
        when 'number' then given.longitude::numeric
        when 'string' then human_number(given.longitude, 'coordinate')
      end as longitude,
      case jsonb_typeof(given.rating)
        when 'number' then given.rating::numeric
        when 'string' then human_number(given.rating, 'rating')
      end as rating,
      case jsonb_typeof(given.reviews_count)
        when 'number' then given.reviews_count::numeric
        when 'string' then human_number(given.reviews_count, 'count')
      end as reviews_count
    offset 0
  ) as read;
end;
