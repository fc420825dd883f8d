"""A single cost and one of a batch take the same forms of numbers, and refuse the same."""

import uuid
from decimal import Decimal
from typing import Any

import pytest

from campaigndb import CampaignStore, InvalidInputError
from tests.track_campaign_costs_batch.conftest import NewCost

FORMS: dict[Any, str] = {
    "1E+2": "100",
    "1e-5": "0",
    "5e-5": "0.0001",
    "1.5e1": "15",
    " 1.5\t": "1.5",
    "+1.": "1",
    ".5": "0.5",
    "-0": "0",
    "0.00005": "0.0001",
    1: "1",
    Decimal("1E+2"): "100",
    Decimal("1E-5"): "0",
}
NO_FORMS: list[Any] = ["", ".", "e5", "1e", "1 e5", "0x10", "1_000", "1,5", "NaN", "1e9999"]


def test_every_form_is_taken_by_both(
    store: CampaignStore, new_cost: NewCost, campaign_id: uuid.UUID, subtests: pytest.Subtests
) -> None:
    total = Decimal()
    for form, amount in FORMS.items():
        with subtests.test(repr(form)):
            single = store.track_campaign_cost(campaign_id, "facebook", 1, form)
            (in_a_batch,) = store.track_campaign_costs_batch([new_cost(form)]).costs
            assert single.new_total == total + Decimal(amount)
            total = in_a_batch.new_total
            assert total == single.new_total + Decimal(amount)


def test_what_is_no_number_is_refused_by_both(
    store: CampaignStore, new_cost: NewCost, campaign_id: uuid.UUID, subtests: pytest.Subtests
) -> None:
    for form in NO_FORMS:
        with subtests.test(repr(form)):
            with pytest.raises(InvalidInputError, match="cost_usd"):
                store.track_campaign_cost(campaign_id, "facebook", 1, form)
            with pytest.raises(InvalidInputError, match="cost_usd"):
                store.track_campaign_costs_batch([new_cost(form)])
