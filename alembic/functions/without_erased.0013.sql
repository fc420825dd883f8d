create or replace function without_erased(p_given jsonb, p_is_of_linkedin boolean default false)
returns jsonb
language plpgsql
stable
set jit to off
set enable_seqscan to off
as $$
declare
  v_emails text[];
  v_pattern text;
begin
  -- What a caller sends, a list or one object, without those who were erased. Every writer of raw data
  -- reads this instead, once it has called hold_suppressions. Each item keeps its place in the list.
  if not exists (select from gmaps_suppressions as listed where listed.is_erased) then
    return p_given;
  end if;
  v_emails := erased_emails(p_given::text);
  if v_emails = '{}' then
    return p_given;
  end if;
  v_pattern := erasure_pattern(v_emails);
  if jsonb_typeof(p_given) <> 'array' then
    return coalesce(without_contact(p_given, v_pattern, false), '{}');
  end if;
  return (
    select jsonb_agg(
      case
        when element.item::text !~* v_pattern then element.item
        when p_is_of_linkedin then without_person(without_contact(element.item, v_pattern, false))
        else coalesce(without_contact(element.item, v_pattern, false), '{}')
      end
      order by element.position
    )
    from jsonb_array_elements(p_given) with ordinality as element(item, position)
  );
end;
$$;
