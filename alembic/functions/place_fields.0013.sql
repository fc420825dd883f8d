create or replace function place_fields(p_records jsonb)
returns table (
  index int,
  record jsonb,
  place_id text,
  cid text,
  data_id text,
  name text,
  address text,
  city text,
  state text,
  postal_code text,
  country text,
  latitude jsonb,
  longitude jsonb,
  phone text,
  international_phone text,
  website text,
  email_text text,
  email_source text,
  category text,
  categories jsonb,
  description text,
  rating jsonb,
  reviews_count jsonb,
  price_level text,
  hours jsonb,
  facebook text,
  linkedin text,
  instagram text,
  twitter text,
  business_status text,
  needs_enrichment jsonb
)
language sql
immutable
parallel safe
begin atomic
  -- The one place that knows the names that records use. Two ways of reading, as a name that is
  -- looked for costs time whether it is there or not: the table's own names and those of Apify's
  -- crawler-google-places, which nearly all records use, and the names of everybody. What is read is
  -- not cleaned yet; which of two names wins is their order.
  with item as materialized (
    select element.record, element.position, is_plain_place(element.record) as is_plain
    from jsonb_array_elements(p_records) with ordinality as element(record, position)
  )
  select
    (item.position - 1)::int,
    item.record,
    case
      when jsonb_typeof(r -> 'place_id') in ('string', 'number') then r ->> 'place_id'
      when jsonb_typeof(r -> 'placeId') in ('string', 'number') then r ->> 'placeId'
      -- The view that Apify exports by default has the place_id in its link alone.
      else substring(r ->> 'url' from 'query_place_id=([A-Za-z0-9_-]+)')
    end,
    r ->> 'cid',
    r ->> 'fid',
    case
      when jsonb_typeof(r -> 'name') in ('string', 'number') then r ->> 'name'
      when jsonb_typeof(r -> 'title') in ('string', 'number') then r ->> 'title'
    end,
    coalesce(nullif(r ->> 'address', ''), r ->> 'street'),
    r ->> 'city',
    r ->> 'state',
    coalesce(r ->> 'postal_code', r ->> 'postalCode'),
    coalesce(r ->> 'country', r ->> 'countryCode', r ->> 'country_code'),
    coalesce(nullif(r -> 'latitude', 'null'), r -> 'location' -> 'lat'),
    coalesce(nullif(r -> 'longitude', 'null'), r -> 'location' -> 'lng'),
    coalesce(
      r ->> 'phone',
      case
        when r ->> 'phoneUnformatted' is null
          then coalesce(r #>> '{phones,0}', r #>> '{contactDetails,phones,0}')
      end
    ),
    r ->> 'phoneUnformatted',
    r ->> 'website',
    case
      when r ->> 'email' is null and r ->> 'contactDetails' is null and r ->> 'leadsEnrichment' is null
        then case
          when jsonb_typeof(r -> 'emails') <> 'array' then r ->> 'emails'
          when jsonb_array_length(r -> 'emails') > 1 then r ->> 'emails'
          else r #>> '{emails,0}'
        end
      else concat_ws(
        ' ', r ->> 'email', r ->> 'emails', r -> 'contactDetails' ->> 'emails',
        jsonb_path_query_array(r -> 'leadsEnrichment', 'lax $[*].email')::text
      )
    end,
    r ->> 'email_source',
    coalesce(r ->> 'category', r ->> 'categoryName', r #>> '{categories,0}'),
    r -> 'categories',
    r ->> 'description',
    coalesce(nullif(r -> 'rating', 'null'), r -> 'totalScore'),
    coalesce(nullif(r -> 'reviews_count', 'null'), r -> 'reviewsCount'),
    coalesce(r ->> 'price_level', r ->> 'priceLevel', r ->> 'price'),
    coalesce(
      nullif(r -> 'hours', 'null'), nullif(r -> 'openingHours', 'null'), nullif(r -> 'opening_hours', 'null')
    ),
    coalesce(
      r ->> 'facebook_url', r ->> 'facebookUrl', nullif(r ->> 'facebooks', '[]'), r -> 'contactDetails' ->> 'facebooks'
    ),
    coalesce(
      r ->> 'linkedin_url', r ->> 'linkedinUrl', nullif(r ->> 'linkedIns', '[]'), r -> 'contactDetails' ->> 'linkedIns'
    ),
    coalesce(
      r ->> 'instagram_url', r ->> 'instagramUrl', nullif(r ->> 'instagrams', '[]'), r -> 'contactDetails' ->> 'instagrams'
    ),
    coalesce(
      r ->> 'twitter_url', r ->> 'twitterUrl', nullif(r ->> 'twitters', '[]'), r -> 'contactDetails' ->> 'twitters'
    ),
    case
      when r ->> 'business_status' is not null then r ->> 'business_status'
      when r ->> 'permanentlyClosed' in ('true', 'True', 'TRUE') then 'closed_permanently'
      when r ->> 'temporarilyClosed' in ('true', 'True', 'TRUE') then 'closed_temporarily'
      when r ->> 'permanentlyClosed' in ('false', 'False', 'FALSE') then 'operational'
    end,
    r -> 'needs_enrichment'
  from item
  cross join lateral (select item.record as r) as named
  where item.is_plain
  union all
  select
    (item.position - 1)::int,
    item.record,
    case
      when jsonb_typeof(r -> 'place_id') in ('string', 'number') then r ->> 'place_id'
      when jsonb_typeof(r -> 'placeId') in ('string', 'number') then r ->> 'placeId'
      when jsonb_typeof(r -> 'google_place_id') in ('string', 'number') then r ->> 'google_place_id'
      when jsonb_typeof(r -> 'googlePlaceId') in ('string', 'number') then r ->> 'googlePlaceId'
      when jsonb_typeof(r -> 'placeid') in ('string', 'number') then r ->> 'placeid'
      when r ?| '{displayName,displayName/text,displayName.text}' or r ->> 'name' like 'places/%'
        then coalesce(nullif(r ->> 'id', ''), substr(r ->> 'name', 8))
      else substring(
        link from 'google\.[a-z.]+/.*(?:query_place_id=|place_id(?:[=:]|%3A)|!19s)([A-Za-z0-9_-]+)'
      )
    end,
    coalesce(
      nullif(r ->> 'cid', ''), nullif(r ->> 'data_cid', ''), nullif(r ->> 'google_cid', ''),
      substring(coalesce(link, r ->> 'googleMapsUri') from 'google\.[a-z.]+/.*[?&]cid=([0-9]+)')
    ),
    coalesce(
      nullif(r ->> 'data_id', ''), nullif(r ->> 'fid', ''), nullif(r ->> 'google_id', ''),
      nullif(r ->> 'business_id', ''), nullif(r ->> 'feature_id', ''),
      substring(link from 'google\.[a-z.]+/.*!1s(0x[0-9a-f]+:0x[0-9a-f]+)')
    ),
    coalesce(
      case jsonb_typeof(r -> 'displayName')
        when 'object' then r #>> '{displayName,text}'
        when 'string' then nullif(r ->> 'displayName', '')
      end,
      nullif(r ->> 'displayName/text', ''), nullif(r ->> 'displayName.text', ''),
      case
        when jsonb_typeof(r -> 'name') in ('string', 'number') and r ->> 'name' not like 'places/%'
          then nullif(r ->> 'name', '')
      end,
      case when jsonb_typeof(r -> 'title') in ('string', 'number') then nullif(r ->> 'title', '') end,
      nullif(r ->> 'business_name', ''),
      nullif(r ->> 'company_name', ''),
      nullif(r ->> 'place_name', ''),
      nullif(r ->> 'company', '')
    ),
    coalesce(
      nullif(r ->> 'address', ''), nullif(r ->> 'full_address', ''),
      nullif(r ->> 'formattedAddress', ''), nullif(r ->> 'formatted_address', ''),
      nullif(r ->> 'fulladdress', ''), nullif(r ->> 'vicinity', ''), nullif(r ->> 'street', ''),
      nullif(r ->> 'street_address', ''), nullif(r ->> 'shortFormattedAddress', ''),
      nullif(place ->> 'street', ''), place #>> '{addressLines,0}'
    ),
    coalesce(
      nullif(r ->> 'city', ''), nullif(place ->> 'city', ''), nullif(place ->> 'locality', ''),
      part ->> 'locality', part ->> 'postal_town', part ->> 'administrative_area_level_3',
      part ->> 'sublocality', nullif(r ->> 'town', '')
    ),
    coalesce(
      nullif(r ->> 'state', ''), nullif(r ->> 'us_state', ''), nullif(place ->> 'state', ''),
      nullif(place ->> 'administrativeArea', ''), part ->> 'administrative_area_level_1',
      nullif(r ->> 'region', ''), nullif(r ->> 'state_province', ''), nullif(r ->> 'province', ''),
      nullif(r ->> 'state_code', '')
    ),
    coalesce(
      nullif(r ->> 'postal_code', ''), nullif(r ->> 'postalCode', ''), nullif(r ->> 'zip_code', ''),
      nullif(r ->> 'zipcode', ''), nullif(r ->> 'zipCode', ''), nullif(r ->> 'zip', ''),
      nullif(r ->> 'postcode', ''), nullif(place ->> 'postal_code', ''),
      nullif(place ->> 'postalCode', ''), nullif(place ->> 'zip_code', ''), part ->> 'postal_code',
      nullif(r ->> 'zip_postal_code', '')
    ),
    coalesce(
      nullif(r ->> 'country', ''), nullif(r ->> 'countryCode', ''), nullif(r ->> 'country_code', ''),
      nullif(place ->> 'country', ''), nullif(place ->> 'country_code', ''),
      nullif(place ->> 'regionCode', ''), part ->> 'country'
    ),
    coalesce(
      nullif(r -> 'latitude', 'null'), nullif(r -> 'lat', 'null'), nullif(spot -> 'latitude', 'null'),
      nullif(spot -> 'lat', 'null'), r -> 'location/lat', r -> 'location.lat',
      r -> 'location/latitude', r -> 'location.latitude', r -> 'gps_coordinates/latitude',
      r -> 'gps_coordinates.latitude', r -> 'geometry/location/lat'
    ),
    coalesce(
      nullif(r -> 'longitude', 'null'), nullif(r -> 'longtitude', 'null'), nullif(r -> 'lng', 'null'),
      nullif(r -> 'lon', 'null'), nullif(spot -> 'longitude', 'null'), nullif(spot -> 'lng', 'null'),
      nullif(spot -> 'lon', 'null'), r -> 'location/lng', r -> 'location.lng',
      r -> 'location/longitude', r -> 'location.longitude', r -> 'gps_coordinates/longitude',
      r -> 'gps_coordinates.longitude', r -> 'geometry/location/lng', r -> 'long'
    ),
    coalesce(
      nullif(r ->> 'phone', ''), nullif(r ->> 'phoneNumber', ''), nullif(r ->> 'phone_number', ''),
      nullif(r ->> 'nationalPhoneNumber', ''), nullif(r ->> 'formatted_phone_number', ''),
      nullif(r ->> 'phone_1', ''), nullif(r ->> 'telephone', ''), nullif(r ->> 'company_phone', ''),
      case
        when jsonb_typeof(r -> 'phones') = 'array'
          then coalesce(r #>> '{phones,0,value}', r #>> '{phones,0}')
        else nullif(btrim(split_part(translate(r ->> 'phones', ';|', ',,'), ',', 1), '[]"'' '), '')
      end,
      nullif(r ->> 'phones/0', ''),
      contact #>> '{phone_numbers,0}', contact #>> '{phones,0,value}', contact #>> '{phones,0}',
      nullif(r ->> 'contactDetails/phones/0', ''), nullif(r ->> 'contact_phone', ''),
      nullif(r ->> 'mobile', '')
    ),
    coalesce(
      nullif(r ->> 'internationalPhoneNumber', ''), nullif(r ->> 'international_phone_number', ''),
      nullif(r ->> 'phoneUnformatted', ''), nullif(r ->> 'phone_international', ''),
      nullif(r ->> 'phone_e164', '')
    ),
    coalesce(
      nullif(r ->> 'website', ''), nullif(r ->> 'site', ''), nullif(r ->> 'web_site', ''),
      nullif(r ->> 'websiteUri', ''), nullif(r ->> 'website_url', ''), nullif(r ->> 'websiteUrl', ''),
      nullif(r ->> 'web', ''), nullif(r ->> 'homepage', ''), r #>> '{links,website}'
    ),
    concat_ws(
      ' ', r ->> 'email', r ->> 'emails', r ->> 'email_1', r ->> 'email_2', r ->> 'email_3',
      r ->> 'e_mail', r ->> 'email_address', r ->> 'emailAddress', r ->> 'contact_email',
      r ->> 'business_email', r ->> 'primary_email',
      case when r ? 'emails/0' then flat_list(r, 'emails')::text end, contact ->> 'emails',
      case when r ? 'contactDetails/emails/0' then flat_list(r, 'contactDetails/emails')::text end,
      jsonb_path_query_array(r -> 'leadsEnrichment', 'lax $[*].email')::text,
      case when r ? 'leadsEnrichment/0/email' then (
        select string_agg(r ->> format('leadsEnrichment/%s/email', lead), ' ' order by lead)
        from generate_series(0, 99) as lead
      ) end
    ),
    r ->> 'email_source',
    coalesce(
      case when jsonb_typeof(r -> 'type') = 'array' then r #>> '{type,0}' else nullif(r ->> 'type', '') end,
      r #>> '{primaryTypeDisplayName,text}', nullif(r ->> 'primaryTypeDisplayName/text', ''),
      nullif(r ->> 'category', ''), nullif(r ->> 'categoryName', ''), nullif(r ->> 'main_category', ''),
      nullif(r ->> 'primaryType', ''), nullif(r ->> 'primary_category', ''),
      nullif(r ->> 'categories/0', ''), kinds ->> 0
    ),
    kinds,
    coalesce(
      case jsonb_typeof(r -> 'description')
        when 'object' then coalesce(r #>> '{description,snippet}', r ->> 'description')
        else nullif(r ->> 'description', '')
      end,
      nullif(r ->> 'descriptions', ''), r #>> '{editorialSummary,text}',
      r #>> '{editorial_summary,overview}', r #>> '{about,summary}'
    ),
    coalesce(
      nullif(r -> 'rating', 'null'), r -> 'totalScore', r -> 'review_rating', r -> 'averageRating',
      r -> 'average_rating', r -> 'stars', r -> 'total_score'
    ),
    coalesce(
      nullif(r -> 'reviews_count', 'null'), r -> 'reviewsCount', r -> 'review_count', r -> 'reviewCount',
      r -> 'userRatingCount', r -> 'user_ratings_total', r -> 'ratingCount', r -> 'rating_count',
      case when jsonb_typeof(r -> 'reviews') in ('number', 'string') then r -> 'reviews' end,
      r -> 'total_reviews', r -> 'number_of_reviews'
    ),
    coalesce(
      nullif(r ->> 'price_level', ''), nullif(r ->> 'priceLevel', ''), nullif(r ->> 'price', ''),
      nullif(r ->> 'price_range', ''), nullif(r ->> 'range', '')
    ),
    coalesce(
      nullif(r -> 'operating_hours', 'null'), nullif(r -> 'working_hours', 'null'),
      nullif(r -> 'open_hours', 'null'), nullif(r -> 'openingHours', 'null'),
      nullif(r -> 'opening_hours', 'null'), nullif(r -> 'regularOpeningHours', 'null'),
      nullif(r -> 'currentOpeningHours', 'null'), nullif(r -> 'hours', 'null'),
      nullif(r -> 'workday_timing', 'null'), nullif(r -> 'current_opening_hours', 'null'),
      nullif(r -> 'business_hours', 'null'), nullif(r -> 'working_hours_csv_compatible', 'null'),
      nullif(r -> 'working_hours_old_format', 'null'),
      case when r ? 'openingHours/0/day' then (
        select jsonb_agg(jsonb_build_object(
          'day', r -> format('openingHours/%s/day', day), 'hours', r -> format('openingHours/%s/hours', day)
        ) order by day)
        from generate_series(0, 6) as day
        where coalesce(r ->> format('openingHours/%s/day', day), '') <> ''
      ) end
    ),
    coalesce(
      nullif(r ->> 'facebook_url', ''), nullif(r ->> 'facebookUrl', ''), nullif(r ->> 'facebook', ''),
      nullif(r ->> 'facebooks', ''), contact ->> 'facebook', contact ->> 'facebooks',
      case when r ? 'facebooks/0' then flat_list(r, 'facebooks')::text end,
      case when r ? 'contactDetails/facebooks/0' then flat_list(r, 'contactDetails/facebooks')::text end,
      r ->> 'company_facebook', social ->> 'facebook'
    ),
    coalesce(
      nullif(r ->> 'linkedin_url', ''), nullif(r ->> 'linkedinUrl', ''), nullif(r ->> 'linkedin', ''),
      nullif(r ->> 'linkedIns', ''), contact ->> 'linkedin', contact ->> 'linkedIns',
      case when r ? 'linkedIns/0' then flat_list(r, 'linkedIns')::text end,
      case when r ? 'contactDetails/linkedIns/0' then flat_list(r, 'contactDetails/linkedIns')::text end,
      r ->> 'company_linkedin', social ->> 'linkedin'
    ),
    coalesce(
      nullif(r ->> 'instagram_url', ''), nullif(r ->> 'instagramUrl', ''), nullif(r ->> 'instagram', ''),
      nullif(r ->> 'instagrams', ''), contact ->> 'instagram', contact ->> 'instagrams',
      case when r ? 'instagrams/0' then flat_list(r, 'instagrams')::text end,
      case when r ? 'contactDetails/instagrams/0' then flat_list(r, 'contactDetails/instagrams')::text end,
      r ->> 'company_instagram', social ->> 'instagram'
    ),
    coalesce(
      nullif(r ->> 'twitter_url', ''), nullif(r ->> 'twitterUrl', ''), nullif(r ->> 'twitter', ''),
      nullif(r ->> 'twitters', ''), contact ->> 'twitter', contact ->> 'twitters',
      case when r ? 'twitters/0' then flat_list(r, 'twitters')::text end,
      case when r ? 'contactDetails/twitters/0' then flat_list(r, 'contactDetails/twitters')::text end,
      r ->> 'company_x', social ->> 'twitter'
    ),
    case
      when nullif(r ->> 'business_status', '') is not null then r ->> 'business_status'
      when nullif(r ->> 'businessStatus', '') is not null then r ->> 'businessStatus'
      when lower(r ->> 'permanentlyClosed') in ('true', 'yes', '1') then 'closed_permanently'
      when lower(r ->> 'permanently_closed') in ('true', 'yes', '1') then 'closed_permanently'
      when lower(r ->> 'is_permanently_closed') in ('true', 'yes', '1') then 'closed_permanently'
      when lower(r ->> 'temporarilyClosed') in ('true', 'yes', '1') then 'closed_temporarily'
      when lower(r ->> 'temporarily_closed') in ('true', 'yes', '1') then 'closed_temporarily'
      when lower(r ->> 'is_temporarily_closed') in ('true', 'yes', '1') then 'closed_temporarily'
      -- Of what these say of the hour, only that the place is at work is known.
      else coalesce(
        substring(
          coalesce(r ->> 'open_state', r ->> 'status', r ->> 'hours')
          from '(?i)(?:permanently|temporarily)[\s_-]+closed|closed[\s_(-]+(?:permanently|temporarily)'
        ),
        case
          when coalesce(r ->> 'open_state', r ->> 'status') ~* '^(open|closed|closes|opens)' then 'operational'
          when coalesce(r ->> 'permanentlyClosed', r ->> 'is_permanently_closed', r ->> 'is_temporarily_closed')
            in ('false', 'False', 'FALSE', 'no', '0') then 'operational'
        end
      )
    end,
    r -> 'needs_enrichment'
  from item
  cross join lateral (
    select case
      when jsonb_typeof(item.record) <> 'object' then '{}'
      when item.record ?| '{name,title,displayName,displayName/text}'
        and item.record ?| '{place_id,placeId,cid,data_id,id,google_id}'
        then item.record
      else plain_keys(item.record)
    end as r
    offset 0
  ) as named
  cross join lateral (
    select
      -- An address, a spot on the map and contacts, each as an object, or as its JSON in a table's cell.
      case
        when jsonb_typeof(r -> 'complete_address') = 'object' then r -> 'complete_address'
        when jsonb_typeof(r -> 'complete_address') = 'string' then flat_json(r ->> 'complete_address')
        when jsonb_typeof(r -> 'detailed_address') = 'object' then r -> 'detailed_address'
        when jsonb_typeof(r -> 'detailed_address') = 'string' then flat_json(r ->> 'detailed_address')
        when jsonb_typeof(r -> 'postalAddress') = 'object' then r -> 'postalAddress'
      end as place,
      case
        when jsonb_typeof(r -> 'gps_coordinates') = 'object' then r -> 'gps_coordinates'
        when jsonb_typeof(r -> 'location') = 'object' then r -> 'location'
        when jsonb_typeof(r -> 'geometry') = 'object' then r #> '{geometry,location}'
        when jsonb_typeof(r -> 'coordinates') = 'object' then r -> 'coordinates'
        when r ?| '{coordinates,gps_coordinates,lat_long,lat_lng,lat_lon,latlng,latitude_longitude}'
          then coalesce(
            flat_json(r ->> 'coordinates'),
            (
              select jsonb_build_object('lat', pair.part[1], 'lng', pair.part[2])
              from regexp_match(
                coalesce(
                  r ->> 'coordinates', r ->> 'gps_coordinates', r ->> 'lat_long', r ->> 'lat_lng',
                  r ->> 'lat_lon', r ->> 'latlng', r ->> 'latitude_longitude'
                ),
                '^[\s(\[]*(-?[0-9]{1,3}(?:\.[0-9]+)?)[,;\s]+(-?[0-9]{1,3}(?:\.[0-9]+)?)[\s)\]]*$'
              ) as pair(part)
            )
          )
      end as spot,
      case
        when jsonb_typeof(r -> 'contactDetails') = 'object' then r -> 'contactDetails'
        when jsonb_typeof(r -> 'emails_and_contacts') = 'object' then r -> 'emails_and_contacts'
        when jsonb_typeof(r -> 'emails_and_contacts') = 'array'
          then jsonb_build_object('emails', r -> 'emails_and_contacts')
        when jsonb_typeof(r -> 'emails_and_contacts') = 'string' then flat_json(r ->> 'emails_and_contacts')
      end as contact,
      -- The place's page on Google Maps, where it alone says which place it is.
      case
        when not r ?| '{place_id,placeId,cid,data_cid,google_cid,data_id,fid,google_id,business_id}' then coalesce(
          r ->> 'url', r ->> 'link', r ->> 'googleMapsUri', r ->> 'google_maps_url',
          r ->> 'google_maps_link', r ->> 'location_link', r ->> 'place_link', r ->> 'maps_url'
        )
      end as link,
      coalesce(
        nullif(nullif(r -> 'categories', 'null'), '""'),
        case when r ? 'categories/0' then flat_list(r, 'categories') end,
        nullif(nullif(r -> 'subtypes', 'null'), '""'),
        nullif(nullif(r -> 'types', 'null'), '""'),
        case when jsonb_typeof(r -> 'type') = 'array' then r -> 'type' end
      ) as listed,
      coalesce(r -> 'addressComponents', r -> 'address_components') as parts
    offset 0
  ) as nested
  cross join lateral (
    select coalesce(r -> 'socials', nested.contact -> 'socials') as social offset 0
  ) as networks
  cross join lateral (
    select case
      -- A cell of a table: "Gym, Yoga studio", or the JSON of a list.
      when jsonb_typeof(nested.listed) = 'string' then to_jsonb(
        regexp_split_to_array(btrim(nested.listed #>> '{}', '[]"'' '), '["'']?\s*[,|;]\s*["'']?')
      )
      else nested.listed
    end as kinds
    offset 0
  ) as sorts
  cross join lateral (
    select case when jsonb_typeof(nested.parts) = 'array' then (
      select jsonb_object_agg(
        kind.name,
        case
          when kind.name in ('administrative_area_level_1', 'country')
            then coalesce(component.value ->> 'shortText', component.value ->> 'short_name')
          else coalesce(component.value ->> 'longText', component.value ->> 'long_name')
        end
      )
      from jsonb_array_elements(nested.parts) as component(value)
      cross join lateral jsonb_array_elements_text(
        case when jsonb_typeof(component.value -> 'types') = 'array' then component.value -> 'types' else '[]' end
      ) as kind(name)
      where kind.name is not null
    ) end as part
    offset 0
  ) as components
  where not item.is_plain;
end;
