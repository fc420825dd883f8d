create or replace function read_linkedin_item(p_item jsonb)
returns table (
  linkedin_url text,
  profile_type text,
  person_name text,
  person_title text,
  person_profile_url text,
  company_name text,
  location text,
  connections int,
  emails_found text[],
  emails_generated text[],
  primary_email text,
  email_source text,
  phone_numbers text[],
  email_quality_tier text,
  usable_found text[],
  usable_generated text[]
)
language sql
immutable
parallel safe
begin atomic
  -- One item of an enrichment from LinkedIn, in the columns of the table. The one place that knows
  -- the names that scrapers of profiles and companies use (docs/functions.md lists them). What
  -- cannot be read is null. The lists of emails are the texts as they came, the usable ones the
  -- addresses in them.
  select
    page.linkedin_url,
    page.profile_type,
    coalesce(
      json_text(item.fields -> 'person_name'),
      json_text(item.fields -> 'personName'),
      json_text(item.fields -> 'fullName'),
      json_text(item.fields -> 'full_name'),
      json_text(item.fields -> 'fullname'),
      nullif(
        concat_ws(
          ' ',
          coalesce(json_text(item.fields -> 'firstName'), json_text(item.fields -> 'first_name')),
          coalesce(json_text(item.fields -> 'lastName'), json_text(item.fields -> 'last_name'))
        ),
        ''
      ),
      case when page.profile_type is distinct from 'company' then json_text(item.fields -> 'name') end
    ),
    coalesce(
      json_text(item.fields -> 'person_title'),
      json_text(item.fields -> 'personTitle'),
      json_text(item.fields -> 'jobTitle'),
      json_text(item.fields -> 'job_title'),
      case
        when page.profile_type is distinct from 'company' then coalesce(
          json_text(item.fields -> 'title'),
          json_text(item.fields #> '{currentPosition,0,position}'),
          json_text(item.fields #> '{currentPosition,0,title}'),
          json_text(item.fields -> 'headline'),
          json_text(item.fields -> 'occupation'),
          json_text(item.fields -> 'position'),
          json_text(item.fields #> '{experience,0,position}'),
          json_text(item.fields #> '{experience,0,title}'),
          json_text(item.fields #> '{experiences,0,title}'),
          json_text(item.fields #> '{positions,0,title}')
        )
      end
    ),
    coalesce(
      case
        when json_text(item.fields -> 'person_profile_url') !~* 'linkedin\.com'
          then json_text(item.fields -> 'person_profile_url')
        else linkedin_page_url(json_text(item.fields -> 'person_profile_url'))
      end,
      linkedin_page_url(json_text(item.fields -> 'personProfileUrl')),
      case when page.profile_type = 'personal' then page.linkedin_url end
    ),
    coalesce(
      json_text(item.fields -> 'company_name'),
      json_text(item.fields -> 'companyName'),
      json_text(item.fields -> 'company'),
      json_text(item.fields #> '{company,name}'),
      case
        when page.profile_type is not distinct from 'company' then coalesce(json_text(item.fields -> 'name'), json_text(item.fields -> 'title'))
      end,
      json_text(item.fields -> 'current_company'),
      json_text(item.fields #> '{current_company,name}'),
      json_text(item.fields -> 'currentCompany'),
      json_text(item.fields #> '{currentCompany,name}'),
      json_text(item.fields #> '{currentPosition,0,companyName}'),
      json_text(item.fields #> '{experience,0,companyName}'),
      json_text(item.fields #> '{experience,0,company}'),
      json_text(item.fields -> 'current_company_name'),
      json_text(item.fields #> '{positions,0,companyName}'),
      json_text(item.fields #> '{experiences,0,companyName}'),
      json_text(item.fields #> '{experiences,0,company}')
    ),
    coalesce(
      json_text(item.fields -> 'location'),
      json_text(item.fields #> '{location,linkedinText}'),
      json_text(item.fields #> '{location,full}'),
      json_text(item.fields #> '{location,parsed,text}'),
      json_text(item.fields -> 'addressWithCountry'),
      json_text(item.fields -> 'addressWithoutCountry'),
      json_text(item.fields -> 'geoLocationName'),
      json_text(item.fields -> 'locationName'),
      json_text(item.fields -> 'headquarters'),
      json_text(item.fields -> 'headquarter'),
      (
        select nullif(
          concat_ws(
            ', ',
            json_text(office.place -> 'city'),
            coalesce(json_text(office.place -> 'geographicArea'), json_text(office.place -> 'state')),
            json_text(office.place -> 'country')
          ),
          ''
        )
        from (
          select coalesce(
            nullif(item.fields -> 'headquarter', 'null'),
            nullif(item.fields -> 'headquarters', 'null'),
            nullif(item.fields -> 'hq', 'null'),
            nullif(item.fields #> '{locations,headquarters}', 'null'),
            jsonb_path_query_first(item.fields, 'lax $.locations[*] ? (@.headquarter == true)'),
            -- A profile's own.
            jsonb_build_object(
              'city', item.fields -> 'city',
              'state', item.fields -> 'state',
              'country', coalesce(item.fields -> 'country_full_name', item.fields -> 'country')
            )
          ) as place
          offset 0
        ) as office
      )
    ),
    scraped_count(
      coalesce(
        nullif(item.fields -> 'connections', 'null'),
        nullif(item.fields -> 'connectionsCount', 'null'),
        nullif(item.fields -> 'connectionCount', 'null'),
        nullif(item.fields -> 'connection_count', 'null'),
        item.fields -> 'connections_count'
      )
    ),
    given_address.found,
    given_address.generated,
    coalesce((scraped_emails(given_address.stated))[1], address.found[1], address.generated[1]),
    page.email_source,
    scraped_texts(
      jsonb_build_array(
        item.fields -> 'phone_numbers', item.fields -> 'phoneNumbers', item.fields -> 'phone_number',
        item.fields -> 'phoneNumber', item.fields -> 'phone', item.fields -> 'phones',
        item.fields -> 'mobileNumber', item.fields -> 'mobile_number', item.fields -> 'personal_numbers'
      )
    ),
    coalesce(
      json_text(item.fields -> 'email_quality_tier'), json_text(item.fields -> 'emailQualityTier')
    ),
    address.found,
    address.generated
  from (
    select
      -- Wrappers of the harvestapi and apimaestro actors.
      p_item
        || case when jsonb_typeof(p_item -> 'element') = 'object' then p_item -> 'element' else '{}' end
        || case
          when jsonb_typeof(p_item -> 'basic_info') = 'object' then p_item -> 'basic_info'
          else '{}'
        end as fields
    offset 0
  ) as item,
  lateral (
    select
      coalesce(
        -- Under the column's own name any text is taken at its word that is no address of LinkedIn's.
        case
          when json_text(item.fields -> 'linkedin_url') !~* 'linkedin\.com'
            then json_text(item.fields -> 'linkedin_url')
          else linkedin_page_url(json_text(item.fields -> 'linkedin_url'))
        end,
        linkedin_page_url(json_text(item.fields -> 'linkedinUrl')),
        linkedin_page_url(json_text(item.fields -> 'linkedInUrl')),
        linkedin_page_url(json_text(item.fields -> 'profileUrl')),
        linkedin_page_url(json_text(item.fields -> 'profile_url')),
        linkedin_page_url(json_text(item.fields -> 'companyUrl')),
        linkedin_page_url(json_text(item.fields -> 'company_url')),
        linkedin_page_url(json_text(item.fields -> 'url')),
        linkedin_page_url(json_text(item.fields -> 'inputUrl')),
        linkedin_page_url(json_text(item.fields -> 'input_url'))
      ) as linkedin_url,
      lower(coalesce(json_text(item.fields -> 'profile_type'), json_text(item.fields -> 'profileType')))
        as type_word,
      lower(coalesce(json_text(item.fields -> 'email_source'), json_text(item.fields -> 'emailSource')))
        as source_word
    offset 0
  ) as given,
  lateral (
    select
      given.linkedin_url,
      -- Where the item does not say whose page it is, its address does.
      case
        when given.type_word in ('company', 'company_page', 'companypage', 'organization', 'school')
          then 'company'
        when given.type_word in ('personal', 'person', 'profile', 'individual', 'linkedin_public')
          then 'personal'
        when given.linkedin_url ~* '/(company|school|showcase)/' then 'company'
        when given.linkedin_url ~* '/(in|pub)/' then 'personal'
        when item.fields ?| '{universalName,universal_name,employeeCountRange}' then 'company'
      end as profile_type,
      case
        when given.source_word in ('linkedin_direct', 'linkedin_public', 'linkedin', 'direct', 'public')
          then 'linkedin_direct'
        when given.source_word in ('generated', 'guessed', 'guess') then 'generated'
        when given.source_word in ('pattern_match', 'pattern') then 'pattern_match'
      end as email_source
    offset 0
  ) as page,
  lateral (
    select
      concat_ws(
        ' ', json_text(item.fields -> 'primary_email'), json_text(item.fields -> 'primaryEmail')
      ) as stated,
      scraped_texts(
        jsonb_build_array(
          item.fields -> 'emails_found', item.fields -> 'emailsFound', item.fields -> 'email',
          item.fields -> 'emails', item.fields -> 'emailAddress', item.fields -> 'workEmail',
          item.fields -> 'work_email', item.fields -> 'personalEmail',
          item.fields -> 'personal_emails', item.fields #> '{contactInfo,email}'
        )
      ) as found,
      scraped_texts(
        jsonb_build_array(item.fields -> 'emails_generated', item.fields -> 'emailsGenerated')
      ) as generated
    offset 0
  ) as given_address,
  lateral (
    select
      scraped_emails(array_to_string(given_address.found, ' ')) as found,
      scraped_emails(array_to_string(given_address.generated, ' ')) as generated
    offset 0
  ) as address;
end;
