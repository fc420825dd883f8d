create or replace function item_verdict(p_item jsonb)
returns jsonb
language sql
immutable
parallel safe
begin atomic
  -- What an item says of its primary address, for enrichment_verdict. An address that is merely "not
  -- verified" has not been asked for.
  select case
    when verdict.status is not null then jsonb_strip_nulls(
      jsonb_build_object(
        'status', verdict.status,
        'score', coalesce(p_item -> 'bouncer_score', p_item -> 'bouncerScore'),
        'reason', coalesce(p_item -> 'bouncer_reason', p_item -> 'bouncerReason'),
        'is_safe', verdict.is_safe,
        'is_disposable', coalesce(
          p_item -> 'is_disposable', p_item -> 'isDisposable', p_item -> 'bouncer_is_disposable',
          p_item -> 'bouncerIsDisposable'
        ),
        'is_role_based', coalesce(
          p_item -> 'is_role_based', p_item -> 'isRoleBased', p_item -> 'bouncer_is_role_based',
          p_item -> 'bouncerIsRoleBased'
        ),
        'is_free_email', coalesce(
          p_item -> 'is_free_email', p_item -> 'isFreeEmail', p_item -> 'bouncer_is_free_email',
          p_item -> 'bouncerIsFreeEmail'
        )
      )
    )
  end
  from (
    select
      given.is_safe,
      coalesce(
        given.status,
        case when given.is_safe or given.is_verified then 'deliverable' end
      ) as status
    from (
      select
        coalesce(json_text(p_item -> 'bouncer_status'), json_text(p_item -> 'bouncerStatus')) as status,
        coalesce(
          scraped_boolean(p_item -> 'is_safe'),
          scraped_boolean(p_item -> 'isSafe'),
          scraped_boolean(p_item -> 'bouncer_is_safe'),
          scraped_boolean(p_item -> 'bouncerIsSafe')
        ) as is_safe,
        coalesce(
          scraped_boolean(p_item -> 'email_verified'), scraped_boolean(p_item -> 'emailVerified')
        ) as is_verified
      offset 0
    ) as given
    offset 0
  ) as verdict;
end;
