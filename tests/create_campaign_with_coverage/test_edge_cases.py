"""Long, strange and many: stored as they are."""

import zipcodes

from campaigndb import CampaignStore
from campaigndb.tables import campaign_coverage, campaigns
from tests.support.wild_texts import KB_64, WILD_TEXTS


def test_texts_of_every_kind_are_kept(store: CampaignStore, row, subtests) -> None:
    for text in WILD_TEXTS:
        with subtests.test(text=text[:20]):
            created = store.create_campaign_with_coverage(
                {
                    "name": text,
                    "description": text,
                    "location": text,
                    "keywords": [text, "x"],
                    "custom_zip_codes": [text],
                },
                [{"zip": "00100", "keywords": [text]}],
            )
            campaign = row(campaigns, id=created.campaign_id)
            assert campaign.name == campaign.description == campaign.location == text
            assert (campaign.keywords, campaign.custom_zip_codes) == ([text, "x"], [text])
            assert row(campaign_coverage, campaign_id=campaign.id).keywords == [text]


def test_characters_that_postgresql_cannot_store_are_replaced(store: CampaignStore, row) -> None:
    store.create_campaign_with_coverage({"name": "a\x00b\ud800c\ud83d\ude00"})
    assert row(campaigns).name == "a\ufffdb\ufffdc😀"


def test_a_zip_code_of_100_characters_is_one(store: CampaignStore, row) -> None:
    zip_code = "å" * 100
    store.create_campaign_with_coverage({"name": "Helsinki"}, [zip_code])
    assert row(campaign_coverage).zip_code == zip_code


def test_unknown_fields_are_ignored(store: CampaignStore, row) -> None:
    store.create_campaign_with_coverage(
        {"name": "Helsinki", "zip": {"deep": [KB_64]}, "actual_cost": 99}, [{"zip": "1", "x": [[]]}]
    )
    assert row(campaigns).actual_cost == 0


def test_ten_thousand_real_zip_codes_make_ten_thousand_rows(store: CampaignStore, rows) -> None:
    zip_codes = [place["zip_code"] for place in zipcodes.list_all()[:10_000]]
    assert any(zip_code.startswith("00") for zip_code in zip_codes)

    created = store.create_campaign_with_coverage({"name": "everywhere"}, zip_codes)

    stored = [entry.zip_code for entry in rows(campaign_coverage)]
    assert created.zip_count == len(stored) == len(set(zip_codes))
    assert set(stored) == set(zip_codes)
