"""There is nothing to count where there is no campaign."""

import uuid

import pytest

from campaigndb import CampaignStore, InvalidInputError, MissingReferenceError


def test_a_missing_campaign_is_a_missing_reference(
    store: CampaignStore, campaign_id, nothing_changes, subtests
) -> None:
    for missing in (uuid.uuid4(), None):
        with subtests.test(campaign_id=missing), nothing_changes():
            with pytest.raises(MissingReferenceError) as caught:
                store.update_campaign_statistics(missing)
            assert (caught.value.error_code, caught.value.detail) == (
                "23503",
                f"there is no campaign {missing or 'null'}",
            )


def test_what_is_no_uuid_is_refused(store: CampaignStore, subtests) -> None:
    for value in ("", "7", 7, 7.0, [], "z" * 65536, "\ud800", "\x00", b"x" * 16):
        with subtests.test(campaign_id=str(value)[:10]):
            with pytest.raises(InvalidInputError) as caught:
                store.update_campaign_statistics(value)
            assert caught.value.detail == "p_campaign_id is not a UUID"
