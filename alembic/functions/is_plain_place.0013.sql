create or replace function is_plain_place(p_record jsonb)
returns boolean
language sql
immutable
parallel safe
as $$
  -- Whether a record has the names that place_fields reads fast: the table's own, or Apify's. Those
  -- of Apify's tables are no such names.
  select jsonb_typeof(p_record) = 'object'
    and (
      p_record ?| '{categoryName,totalScore,email_source}'
      -- Others say it too, beside names that are not the table's.
      or (
        p_record ? 'reviews_count'
        and not p_record ?| '{
          zip,zip_code,zipcode,postcode,lat,lng,coordinates,gps_coordinates,facebook,instagram,linkedin,twitter,site,
          website_url,full_address,formatted_address,phone_number,phones,type,types,title,url,link,email_address
        }'
      )
    )
    and not p_record ?| '{
      location/lat,location.lat,categories/0,emails/0,facebooks/0,phones/0,openingHours/0/day,
      instagrams/0,linkedIns/0,twitters/0,contactDetails/emails/0,leadsEnrichment/0/email
    }';
$$;
