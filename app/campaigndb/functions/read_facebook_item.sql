create or replace function read_facebook_item(p_item jsonb)
returns table (
  facebook_url text,
  page_name text,
  page_likes bigint,
  page_followers bigint,
  emails text[],
  primary_email text,
  email_sources text[],
  phone_numbers text[],
  addresses text[],
  usable text[]
)
language sql
immutable
parallel safe
begin atomic
  -- One item of an enrichment from Facebook, in the columns of the table. The one place that knows
  -- the names that scrapers of pages use (docs/functions.md lists them). What cannot be read is null.
  -- `emails` are the texts as they came, `usable` the addresses in them.
  select
    coalesce(
      -- Under the column's own name any text is taken at its word that is no address of Facebook's.
      case
        when json_text(p_item -> 'facebook_url') !~* '(facebook|fb)\.(com|me)'
          then json_text(p_item -> 'facebook_url')
        else facebook_page_url(json_text(p_item -> 'facebook_url'))
      end,
      facebook_page_url(json_text(p_item -> 'pageUrl')),
      facebook_page_url(json_text(p_item -> 'facebookUrl')),
      facebook_page_url(json_text(p_item -> 'page_url')),
      facebook_page_url(json_text(p_item -> 'url')),
      facebook_page_url(json_text(p_item -> 'link')),
      facebook_page_url(json_text(p_item -> 'profileUrl')),
      facebook_page_url(json_text(p_item -> 'inputUrl'))
    ),
    coalesce(
      json_text(p_item -> 'page_name'),
      json_text(p_item -> 'title'),
      json_text(p_item -> 'name'),
      json_text(p_item -> 'pageTitle'),
      json_text(p_item -> 'pageName')
    ),
    scraped_count(
      coalesce(
        nullif(p_item -> 'page_likes', 'null'),
        nullif(p_item -> 'pageLikes', 'null'),
        nullif(p_item -> 'likes', 'null'),
        nullif(p_item -> 'likesCount', 'null'),
        nullif(p_item -> 'likeCount', 'null'),
        nullif(p_item -> 'likes_count', 'null'),
        p_item -> 'fan_count'
      )
    ),
    scraped_count(
      coalesce(
        nullif(p_item -> 'page_followers', 'null'),
        nullif(p_item -> 'pageFollowers', 'null'),
        nullif(p_item -> 'followers', 'null'),
        nullif(p_item -> 'followersCount', 'null'),
        nullif(p_item -> 'followerCount', 'null'),
        p_item -> 'followers_count'
      )
    ),
    found.emails,
    coalesce((scraped_emails(found.stated))[1], address.usable[1]),
    scraped_texts(jsonb_build_array(p_item -> 'email_sources', p_item -> 'emailSources')),
    scraped_texts(
      jsonb_build_array(
        p_item -> 'phone_numbers', p_item -> 'phoneNumbers', p_item -> 'phone_number',
        p_item -> 'phoneNumber', p_item -> 'phone', p_item -> 'phones', p_item -> 'mobile',
        p_item -> 'wa_number'
      )
    ),
    scraped_texts(
      jsonb_build_array(
        p_item -> 'addresses', p_item -> 'single_line_address',
        case
          when jsonb_typeof(p_item -> 'address') = 'object' then to_jsonb(
            nullif(
              concat_ws(
                ', ',
                json_text(p_item #> '{address,street}'),
                json_text(p_item #> '{address,city}'),
                json_text(p_item #> '{address,region}'),
                json_text(p_item #> '{address,postalCode}')
              ),
              ''
            )
          )
          else p_item -> 'address'
        end
      )
    ),
    address.usable
  from (
    select
      concat_ws(' ', json_text(p_item -> 'primary_email'), json_text(p_item -> 'primaryEmail')) as stated,
      scraped_texts(
        jsonb_build_array(
          p_item -> 'emails', p_item -> 'email', p_item -> 'emailAddresses', p_item -> 'emailAddress',
          p_item -> 'contactEmail', p_item -> 'businessEmail', p_item #> '{contactDetails,emails}'
        )
      ) as emails
    offset 0
  ) as found,
  lateral (select scraped_emails(array_to_string(found.emails, ' ')) as usable offset 0) as address;
end;
