create or replace function read_contacts(p_contacts jsonb)
returns table (
  index int,
  kind text,
  value text,
  reason text,
  is_erased boolean,
  is_confirmed boolean,
  problem text
)
language sql
stable
begin atomic
  -- What a list of contacts names: a text is an address; an object has "email", "domain", "phone" or
  -- "place_id", one or more, of which blanks do not count. A contact that names nothing, and a value
  -- that is none of its kind, has a problem; the value itself is not quoted.
  select
    item.index,
    named.kind,
    normal.value,
    shown_text(json_text(item.contact -> 'reason'), 200),
    coalesce(scraped_boolean(item.contact -> 'is_erased'), false),
    coalesce(scraped_boolean(item.contact -> 'whole_provider'), false),
    case
      when named.kind is null then 'it names no email, domain, phone or place'
      when normal.value is null and named.kind = 'email' then 'the email is not one address'
      when normal.value is null then format('the %s is none', named.kind)
    end
  from (
    select (element.position - 1)::int as index, element.contact
    from jsonb_array_elements(p_contacts) with ordinality as element(contact, position)
  ) as item
  left join lateral (
    select listed.kind, listed.given
    from (
      values
        (
          'email',
          case
            when jsonb_typeof(item.contact) = 'string' then json_text(item.contact)
            else json_text(item.contact -> 'email')
          end
        ),
        ('domain', json_text(item.contact -> 'domain')),
        ('phone', json_text(item.contact -> 'phone')),
        ('place', coalesce(json_text(item.contact -> 'place_id'), json_text(item.contact -> 'place')))
    ) as listed(kind, given)
    where btrim(listed.given) <> ''
  ) as named on true
  cross join lateral (
    select suppression_value(named.kind, named.given) as value offset 0
  ) as normal;
end;
