"""In which order variants take their turns.

What was done just before changes how long a call takes: a query that read a large table has
emptied the caches for the next one. So each variant should follow each other one equally often,
which a mere rotation does not give: there it follows nearly always the same. The orders here are
those of a Williams design (Latin squares balanced for carry-over effects).
"""

from __future__ import annotations

from functools import cache


@cache
def orders(number: int) -> list[list[int]]:
    """Orders of so many variants, by index; used one after the other, again and again.

    Over all of them each variant has each place, and each other variant before it, equally often.
    """
    if number == 0:
        return []
    zigzag = [(turn + 1) // 2 * (1 if turn % 2 else -1) for turn in range(number)]
    shifted = [[(index + shift) % number for index in zigzag] for shift in range(number)]
    # An odd number needs the mirrored ones too.
    return shifted + [order[::-1] for order in shifted] if number % 2 else shifted
