create or replace function is_social_page(p_link text)
returns boolean
language sql
immutable
parallel safe
as $$
  -- Whether a link, with or without its https://, can be a page of somebody's. What names no host is
  -- left as it is: it may be the page's name.
  select case
    when strpos(p_link, '/') = 0 then p_link !~* '^\s*([a-z0-9-]+\.)*(facebook|fb|linkedin|instagram|twitter|x)\.(com|me)\s*$'
    else lower(
      split_part(split_part(split_part(p_link, '/', case when strpos(p_link, '//') > 0 then 4 else 2 end), '?', 1), '#', 1)
        collate "C"
    ) <> all (
      '{
        "",sharer,sharer.php,share,share.php,sharing,sharearticle,dialog,plugins,tr,login,login.php,
        l.php,home,home.php,hashtag,help,policy,policies,privacy,legal,terms,tos,about,intent,search,
        explore,accounts,signup,authwall,feed,cws,widgets.js,reel,reels,stories,events,groups,watch,
        marketplace,photo,photo.php,story.php,permalink.php,settings,i,media,recover,business,ads,2008
      }'
    )
    and lower(p_link collate "C") <> 'n/a'
    and lower(split_part(rtrim(p_link, '/'), '/', -1) collate "C") <> all (
      '{pages,pg,company,in,pub,school,showcase,profile.php}'
    )
    -- A post of Instagram's; Facebook has pages under /p/.
    and (strpos(lower(p_link collate "C"), '.com/p/') = 0 or p_link ~* '(facebook|fb)\.com/p/[^/?#]')
    and (strpos(lower(p_link collate "C"), '/v') = 0 or p_link !~* '/v[0-9]+[.][0-9]+/')
  end;
$$;
