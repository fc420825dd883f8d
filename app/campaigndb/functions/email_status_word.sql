create or replace function email_status_word(p_word text)
returns text
language sql
immutable
parallel safe
as $$
  -- A verifier's word for its verdict, as one of the four that are stored; null for any other word.
  -- The numbers are NeverBounce's first API. A mailbox that takes everything, is full, or belongs to
  -- a role or a trap can be written to, at a risk.
  select case
    when word.plain in ('deliverable', 'valid', 'ok', 'good', 'safe', 'verified', '0')
      then 'deliverable'
    when word.plain in (
      'risky', 'catchall', 'acceptall', 'acceptsall', 'disposable', 'role', 'roleaccount', 'rolebased',
      'webmail', 'spamtrap', 'abuse', 'donotmail', 'toxic', 'inboxfull', 'fullmailbox', 'mailboxfull',
      'lowquality', 'lowdeliverability', '2', '3'
    )
      then 'risky'
    when word.plain in (
      'undeliverable', 'invalid', 'bad', 'disabled', 'rejected', 'rejectedemail', 'invalidemail',
      'invaliddomain', 'bounced', '1'
    )
      then 'undeliverable'
    when word.plain in ('unknown', 'error', 'reverify', 'timeout', 'blocked', 'unverified', '4')
      then 'unknown'
  end
  from (select lower(translate(btrim(left(p_word, 40), E' \t\r\n'), '-_ ', '')) as plain) as word;
$$;
