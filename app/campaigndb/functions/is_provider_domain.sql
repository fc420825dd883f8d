create or replace function is_provider_domain(p_domain text)
returns boolean
language sql
immutable
parallel safe
as $$
  -- Whether a domain's addresses are those of everybody: suppressing it takes out leads by the
  -- thousand, which is rarely meant.
  select p_domain = any (
    '{
      gmail.com,googlemail.com,yahoo.com,ymail.com,rocketmail.com,yahoo.co.uk,yahoo.fr,yahoo.de,
      yahoo.it,yahoo.es,yahoo.ca,yahoo.com.br,yahoo.com.mx,yahoo.co.in,yahoo.co.jp,hotmail.com,
      hotmail.co.uk,hotmail.fr,hotmail.de,hotmail.it,hotmail.es,outlook.com,outlook.fr,outlook.de,
      live.com,live.co.uk,live.fr,msn.com,aol.com,aim.com,icloud.com,me.com,mac.com,comcast.net,
      verizon.net,att.net,sbcglobal.net,bellsouth.net,cox.net,charter.net,earthlink.net,juno.com,
      optonline.net,frontier.com,frontiernet.net,windstream.net,centurylink.net,netzero.net,
      roadrunner.com,rr.com,shaw.ca,rogers.com,bell.net,sympatico.ca,telus.net,btinternet.com,
      sky.com,talktalk.net,virginmedia.com,ntlworld.com,gmx.com,gmx.net,gmx.de,gmx.at,gmx.ch,web.de,
      t-online.de,freenet.de,orange.fr,wanadoo.fr,free.fr,sfr.fr,laposte.net,libero.it,virgilio.it,
      tiscali.it,alice.it,terra.com.br,uol.com.br,bol.com.br,mail.com,email.com,usa.com,
      protonmail.com,proton.me,pm.me,fastmail.com,hey.com,tutanota.com,tuta.io,zoho.com,
      yandex.com,yandex.ru,mail.ru,bk.ru,inbox.ru,list.ru,rambler.ru,qq.com,163.com,126.com,sina.com,
      naver.com,daum.net,hanmail.net,rediffmail.com,seznam.cz,wp.pl,o2.pl,onet.pl,interia.pl,
      luukku.com,kolumbus.fi,bluewin.ch,telenet.be,skynet.be,ziggo.nl,kpnmail.nl,planet.nl,
      bigpond.com,optusnet.com.au,xtra.co.nz
    }'::text[]
  );
$$;
