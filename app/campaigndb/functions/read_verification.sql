create or replace function read_verification(p_answer jsonb)
returns table (
  status text,
  unrecognised_status text,
  score numeric,
  is_safe boolean,
  is_disposable boolean,
  is_role_based boolean,
  is_free_email boolean,
  is_gibberish boolean,
  domain text,
  provider text,
  mx_records jsonb,
  smtp_check boolean,
  reason text,
  suggestion text,
  source text
)
language sql
immutable
parallel safe
begin atomic
  -- The answer of any verifier in the words of the schema, and the one place that knows the names
  -- that verifiers use (docs/functions.md lists them by verifier). What cannot be read is null. An
  -- answer without a status is none: its status is null.
  select
    case when word.given is not null then coalesce(email_status_word(word.given), 'unknown') end,
    case when email_status_word(word.given) is null then shown_text(word.given) end,
    flag.score,
    coalesce(
      scraped_boolean(answer.fields -> 'is_safe'),
      scraped_boolean(answer.fields -> 'isSafe'),
      scraped_boolean(answer.fields -> 'is_safe_to_send'),
      email_status_word(word.given) is not distinct from 'deliverable'
        and flag.is_disposable is not true
        and flag.is_gibberish is not true
    ),
    flag.is_disposable,
    coalesce(
      scraped_boolean(answer.fields -> 'is_role_based'),
      scraped_boolean(answer.fields -> 'isRoleBased'),
      scraped_boolean(answer.fields -> 'is_role_account'),
      scraped_boolean(answer.fields -> 'role'),
      scraped_boolean(answer.fields #> '{account,role}'),
      case when answer.details && '{role,role_account,role_based,role_based_catch_all,role_based_accept_all}' then true end,
      answer.flags ? 'role_account'
    ),
    coalesce(
      scraped_boolean(answer.fields -> 'is_free_email'),
      scraped_boolean(answer.fields -> 'isFreeEmail'),
      scraped_boolean(answer.fields -> 'free_email'),
      scraped_boolean(answer.fields -> 'free'),
      scraped_boolean(answer.fields -> 'webmail'),
      scraped_boolean(answer.fields #> '{domain,free}'),
      answer.flags ? 'free_email_host'
    ),
    flag.is_gibberish,
    coalesce(
      json_text(answer.fields -> 'domain'),
      json_text(answer.fields #> '{domain,name}'),
      json_text(answer.fields #> '{address_info,host}')
    ),
    coalesce(json_text(answer.fields -> 'provider'), json_text(answer.fields -> 'smtp_provider')),
    coalesce(
      nullif(answer.fields -> 'mx_records', 'null'),
      nullif(answer.fields -> 'mxRecords', 'null'),
      case when answer.mx_record is not null then jsonb_build_array(answer.mx_record) end
    ),
    coalesce(
      scraped_boolean(answer.fields -> 'smtp_check'),
      scraped_boolean(answer.fields -> 'smtpCheck'),
      scraped_boolean(answer.fields -> 'can_connect_smtp'),
      answer.flags ? 'smtp_connectable'
    ),
    coalesce(
      json_text(answer.fields -> 'reason'),
      json_text(answer.fields -> 'sub_status'),
      json_text(answer.fields -> 'subresult')
    ),
    coalesce(
      json_text(answer.fields -> 'suggestion'),
      json_text(answer.fields -> 'did_you_mean'),
      json_text(answer.fields -> 'didYouMean'),
      json_text(answer.fields -> 'didyoumean'),
      json_text(answer.fields -> 'suggested_correction')
    ),
    json_text(answer.fields -> 'source')
  from (
    select
      -- Hunter puts the answer into "data"; NeverBounce, in the results of a job, in "verification".
      p_answer
        || case when jsonb_typeof(p_answer -> 'data') = 'object' then p_answer -> 'data' else '{}' end
        || case
          when jsonb_typeof(p_answer -> 'verification') = 'object' then p_answer -> 'verification'
          when jsonb_typeof(p_answer #> '{data,verification}') = 'object' then p_answer #> '{data,verification}'
          else '{}'
        end as fields
    offset 0
  ) as unwrapped,
  lateral (
    select
      unwrapped.fields,
      case when jsonb_typeof(unwrapped.fields -> 'flags') = 'array' then unwrapped.fields -> 'flags' end
        as flags,
      array[
        lower(json_text(unwrapped.fields -> 'status')),
        lower(json_text(unwrapped.fields -> 'result')),
        lower(json_text(unwrapped.fields -> 'sub_status'))
      ] as details,
      coalesce(
        json_text(unwrapped.fields -> 'mx_record'), json_text(unwrapped.fields #> '{dns,record}')
      ) as mx_record
    offset 0
  ) as answer,
  lateral (
    select
      -- The first that is understood, as NeverBounce's "status" is the request's.
      (
        select named.word
        from unnest(array[
          json_text(answer.fields -> 'result'),
          json_text(answer.fields -> 'status'),
          json_text(answer.fields -> 'state')
        ]) with ordinality as named(word, position)
        where named.word is not null
        order by email_status_word(named.word) is null, named.position
        limit 1
      ) as given
    offset 0
  ) as word,
  lateral (
    select
      coalesce(
        scraped_boolean(answer.fields -> 'is_disposable'),
        scraped_boolean(answer.fields -> 'isDisposable'),
        scraped_boolean(answer.fields -> 'disposable'),
        scraped_boolean(answer.fields #> '{domain,disposable}'),
        case when answer.details && '{disposable}' then true end,
        answer.flags ? 'disposable_email'
      ) as is_disposable,
      coalesce(
        scraped_boolean(answer.fields -> 'is_gibberish'),
        scraped_boolean(answer.fields -> 'isGibberish'),
        scraped_boolean(answer.fields -> 'gibberish')
      ) as is_gibberish,
      (
        select given.score
        from unnest(array[
          scraped_number(answer.fields -> 'score'), scraped_number(answer.fields -> 'overall_score')
        ]) with ordinality as given(score, position)
        where given.score >= 0
        order by given.position
        limit 1
      ) as score
    offset 0
  ) as flag;
end;
