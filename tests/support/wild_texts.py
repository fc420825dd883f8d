"""Texts that have broken systems: every text place must keep them as they are."""

KB_64 = "ä" * 32768  # 64 KB of UTF-8
WILD_TEXTS = (
    "Ravintola Penélope – Ääkköset",
    "日本語のレストラン",
    "مطعم القدس",
    "👩‍👩‍👧‍👦 Family & Friends",
    "e\u0301\u202eright-to-left",
    "00120",
    "Robert'); drop table gmaps_businesses;--",
    'a "quoted" back\\slash %s %(x)s :name {} $1 $$',
    "line\nbreak\tand tab",
    "null",
    "NaN",
    "1e400",
    KB_64,
)
