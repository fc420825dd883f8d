create or replace function is_usable_email(p_email text)
returns boolean
language sql
immutable
parallel safe
as $$
  -- Whether one clean address can be somebody's. Scrapers find file names, the ids of error
  -- reporters and the placeholders of forms where a page has no address. 254 characters is the
  -- longest address of SMTP (RFC 5321), and far below what an index can hold. Lists rather than one
  -- pattern, which takes ten times as long, and letters as in the collation C, which lowers only ASCII
  -- and takes a tenth of the time.
  select length(p_email) <= 254
    and lower(split_part(p_email, '.', -1) collate "C") <> all (
      '{
        png,jpg,jpeg,gif,webp,svg,avif,bmp,ico,tif,tiff,heic,css,scss,js,mjs,json,woff,woff2,ttf,otf,
        eot,mp3,mp4,webm,pdf,htm,html
      }'
    )
    and case lower(split_part(p_email, '@', 2) collate "C")
      when 'domain.com' then false
      when 'yourdomain.com' then false
      when 'your-domain.com' then false
      when 'mydomain.com' then false
      when 'domainname.com' then false
      when 'yoursite.com' then false
      when 'mysite.com' then false
      when 'yourwebsite.com' then false
      when 'sitename.com' then false
      when 'yourcompany.com' then false
      when 'company.com' then lower(split_part(p_email, '@', 1) collate "C") <> all ('{you,your,yourname,name,email,user}')
        and p_email !~* '^(first|last|f|l)?[._-]?name'
      else lower(split_part(p_email, '@', 1) collate "C") <> all (
        '{
          you,your,yourname,your.name,your-name,your_name,youremail,your.email,your-email,your_email,
          yourmail,name,fullname,email,e-mail,mail,emailaddress,email.address,username,user,example,
          someone,somebody,firstname,lastname,firstname.lastname,first.last,first.name,john.doe,
          johndoe,jane.doe,janedoe,test,address,myname,myemail
        }'
      ) or lower(split_part(p_email, '@', 2) collate "C") <> all (
        '{
          email.com,mail.com,gmail.com,example.com,example.org,example.net,address.com,host.com,
          provider.com,server.com,test.com,sample.com,business.com,website.com,site.com
        }'
      )
    end
    and case
      when strpos(lower(p_email collate "C"), 'sentry') > 0 or strpos(lower(p_email collate "C"), 'wixpress') > 0
        then p_email !~* '@([^@]*[.-])?(sentry|wixpress)[.-]'
      when strpos(p_email, '@') = 33 then p_email !~ '^[0-9a-f]{32}@'
      else true
    end;
$$;
