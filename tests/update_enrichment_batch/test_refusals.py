"""A batch as a whole is refused only where it is no batch, or of no known type."""

import pytest

from campaigndb import CampaignStore, InvalidInputError


def test_an_unknown_type_is_refused(raw_call, add_business, nothing_changes, subtests) -> None:
    items = [{"business_id": str(add_business("a"))}]
    for kind in (None, "", "Facebook", "instagram", "f" * 65536, "facebook\n"):
        with subtests.test(kind=str(kind)[:20]), nothing_changes():
            envelope = raw_call(
                "update_enrichment_batch", p_enrichment_type=kind, p_enrichments=items
            )
            assert (envelope["success"], envelope["error_code"]) == (False, "22023")
            assert envelope["error_detail"] == "p_enrichment_type is not one of facebook, linkedin"


def test_what_is_no_array_is_refused(raw_call, nothing_changes, subtests) -> None:
    for value in (None, "null", "{}", '"x"', "7", "true"):
        with subtests.test(enrichments=value), nothing_changes():
            envelope = raw_call(
                "update_enrichment_batch", p_enrichment_type="facebook", p_enrichments=value
            )
            assert (envelope["success"], envelope["error_code"]) == (False, "22023")
            assert envelope["error_detail"] == "p_enrichments is not a JSON array"


def test_the_store_refuses_the_same(store: CampaignStore, subtests) -> None:
    for arguments, detail in [
        (("twitter", []), "p_enrichment_type is not one of facebook, linkedin"),
        ((7, []), "p_enrichment_type is not a text"),
        (("facebook", None), "p_enrichments is not a JSON array"),
        (("facebook", {"business_id": "x"}), "p_enrichments is not a JSON array"),
        (
            ("facebook", [object()]),
            "p_enrichments is not JSON: object is not JSON (p_enrichments[0])",
        ),
    ]:
        with subtests.test(detail):
            with pytest.raises(InvalidInputError) as caught:
                store.update_enrichment_batch(*arguments)
            assert caught.value.detail == detail
