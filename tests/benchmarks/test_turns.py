"""Orders in which no variant always follows the same other one."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from benchmarks.turns import orders


@pytest.mark.parametrize("number", range(1, 10))
def test_each_place_and_each_neighbour_is_had_equally_often(number: int) -> None:
    in_turn = orders(number)
    places = Counter(place for order in in_turn for place in enumerate(order))
    neighbours = Counter(pair for order in in_turn for pair in pairwise(order))
    assert len(places) == number * number
    assert len(neighbours) == number * (number - 1)
    assert len(set(places.values())) == 1
    assert len(set(neighbours.values())) <= 1


def test_two_variants_alternate() -> None:
    assert orders(2) == [[0, 1], [1, 0]]
