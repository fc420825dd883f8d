create or replace function decoded_entities(p_text text)
returns text
language plpgsql
immutable
parallel safe
as $$
begin
  -- A text in which HTML entities stand for characters, with the characters. Decoded once: an
  -- entity that stands for "&" begins no other. What is no entity, or none of a character that
  -- a text can hold, stays as it is.
  if p_text !~ '&(?!amp;)(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});' then
    return replace(p_text, '&amp;', '&');
  end if;
  return (
      select string_agg(
        coalesce(
          part.piece[1],
          case
            when code.point between 32 and 55295 or code.point in (9, 10, 13)
              or code.point between 57344 and 1114111
              then chr(code.point)
          end,
          '&' || part.piece[2] || ';'
        ),
        '' order by part.position
      )
      from regexp_matches(
        p_text, '([^&]+|&(?!#?[0-9a-zA-Z]{1,8};))|&(#?[0-9a-zA-Z]{1,8});', 'g'
      ) with ordinality as part(piece, position)
      cross join lateral (
        select case
          when part.piece[2] ~ '^#[0-9]{1,7}$' then substr(part.piece[2], 2)::int
          when part.piece[2] ~ '^#[xX][0-9a-fA-F]{1,6}$'
            then ('x' || lpad(substr(part.piece[2], 3), 8, '0'))::bit(32)::int
          else (
            '{
              "amp": 38, "lt": 60, "gt": 62, "quot": 34, "apos": 39, "nbsp": 160, "iexcl": 161,
              "cent": 162, "pound": 163, "curren": 164, "yen": 165, "brvbar": 166, "sect": 167,
              "uml": 168, "copy": 169, "ordf": 170, "laquo": 171, "not": 172, "shy": 173,
              "reg": 174, "macr": 175, "deg": 176, "plusmn": 177, "sup2": 178, "sup3": 179,
              "acute": 180, "micro": 181, "para": 182, "middot": 183, "cedil": 184, "sup1": 185,
              "ordm": 186, "raquo": 187, "frac14": 188, "frac12": 189, "frac34": 190,
              "iquest": 191, "Agrave": 192, "Aacute": 193, "Acirc": 194, "Atilde": 195,
              "Auml": 196, "Aring": 197, "AElig": 198, "Ccedil": 199, "Egrave": 200,
              "Eacute": 201, "Ecirc": 202, "Euml": 203, "Igrave": 204, "Iacute": 205,
              "Icirc": 206, "Iuml": 207, "ETH": 208, "Ntilde": 209, "Ograve": 210,
              "Oacute": 211, "Ocirc": 212, "Otilde": 213, "Ouml": 214, "times": 215,
              "Oslash": 216, "Ugrave": 217, "Uacute": 218, "Ucirc": 219, "Uuml": 220,
              "Yacute": 221, "THORN": 222, "szlig": 223, "agrave": 224, "aacute": 225,
              "acirc": 226, "atilde": 227, "auml": 228, "aring": 229, "aelig": 230,
              "ccedil": 231, "egrave": 232, "eacute": 233, "ecirc": 234, "euml": 235,
              "igrave": 236, "iacute": 237, "icirc": 238, "iuml": 239, "eth": 240,
              "ntilde": 241, "ograve": 242, "oacute": 243, "ocirc": 244, "otilde": 245,
              "ouml": 246, "divide": 247, "oslash": 248, "ugrave": 249, "uacute": 250,
              "ucirc": 251, "uuml": 252, "yacute": 253, "thorn": 254, "yuml": 255,
              "OElig": 338, "oelig": 339, "Scaron": 352, "scaron": 353, "Yuml": 376,
              "ndash": 8211, "mdash": 8212, "lsquo": 8216, "rsquo": 8217, "sbquo": 8218,
              "ldquo": 8220, "rdquo": 8221, "bdquo": 8222, "bull": 8226, "hellip": 8230,
              "prime": 8242, "euro": 8364, "trade": 8482
            }'::jsonb ->> part.piece[2]
          )::int
        end as point
      ) as code
  );
end;
$$;
