"""What the contract refuses, by name and place, and without leaving anything behind."""

import uuid

import pytest

from campaigndb import CampaignStore, InvalidInputError

# What is wrong -> the campaign's data (over a valid name), and what the error says.
BAD_CAMPAIGNS = {
    "name missing": ({"name": None}, "p_campaign_data.name is missing"),
    "name blank": ({"name": " \t\n"}, "p_campaign_data.name is missing"),
    "name a number": ({"name": 7}, "p_campaign_data.name is not a text"),
    "name an object": ({"name": {"en": "x"}}, "p_campaign_data.name is not a text"),
    "id no UUID": ({"id": "7"}, "p_campaign_data.id is not a UUID"),
    "id a number": ({"id": 7}, "p_campaign_data.id is not a UUID"),
    "id longer than a UUID": ({"id": str(uuid.uuid4()) + "0"}, "id is not a UUID"),
    "description a list": ({"description": []}, "description is not a text"),
    "keywords an object": ({"keywords": {}}, "keywords is not a list of texts"),
    "keywords with a number": ({"keywords": ["a", 1]}, "keywords is not a list of texts"),
    "keywords nested": ({"keywords": [["a"]]}, "keywords is not a list of texts"),
    "coverage profile": ({"coverage_profile": "all"}, "coverage_profile is not one of"),
    "coverage profile a list": ({"coverage_profile": ["budget"]}, "coverage_profile is not one"),
    "status": ({"status": "Draft"}, "status is not one of"),
    "custom ZIPs": ({"custom_zip_codes": [100]}, "custom_zip_codes is not a list of texts"),
    "count negative": ({"target_zip_count": -1}, "target_zip_count is not a whole number"),
    "count fractional": ({"target_zip_count": 1.5}, "target_zip_count is not a whole number"),
    "count too large": ({"target_zip_count": 2**31}, "target_zip_count is not a whole number"),
    "percentage": ({"coverage_percentage": 100.5}, "coverage_percentage is not between 0 and 100"),
    "cost negative": ({"estimated_cost": -0.00001}, "estimated_cost is not between"),
    "cost too large": ({"estimated_cost": 10**30}, "estimated_cost is not between"),
    "cost rounds to too large": ({"estimated_cost": "99999999999999.99995"}, "estimated_cost is"),
    "cost NaN": ({"estimated_cost": "NaN"}, "estimated_cost is not a number"),
    "cost infinite": ({"estimated_cost": "Infinity"}, "estimated_cost is not a number"),
    "cost with a comma": ({"estimated_cost": "1,5"}, "estimated_cost is not a number"),
    "cost in wide digits": ({"estimated_cost": "１"}, "estimated_cost is not a number"),
    "cost in wide space": ({"estimated_cost": "\u30001"}, "estimated_cost is not a number"),
    "cost empty": ({"estimated_cost": ""}, "estimated_cost is not a number"),
    "cost true": ({"estimated_cost": True}, "estimated_cost is not a number"),
    "cost of 100 digits": ({"estimated_cost": "1" * 100}, "estimated_cost is not a number"),
    "organization": ({"organization_id": "acme"}, "organization_id is not a UUID"),
    "creator": ({"created_by": []}, "created_by is not a text"),
}
# What is wrong -> the second of two ZIP codes, and what the error says of it.
BAD_ZIP_CODES = {
    "null": (None, " is neither a text nor an object"),
    "number": (120, " is neither a text nor an object (a number would lose its leading zeros)"),
    "list": (["00120"], " is neither a text nor an object"),
    "blank": ("  ", " is blank"),
    "blank in an object": ({"zip": " "}, ".zip_code is missing"),
    "empty object": ({}, ".zip_code is missing"),
    "number in an object": ({"zip_code": 120}, ".zip_code is not a text"),
    "number under the other name": ({"zip": 120}, ".zip is not a text"),
    "64 KB": ("0" * 65536, " is longer than 100 characters"),
    "64 KB in an object": ({"zip": "0" * 65536}, ".zip_code is longer than 100 characters"),
    "long behind a blank": (
        {"zip_code": " ", "zip": "0" * 150},
        ".zip_code is longer than 100 characters",
    ),
    "keywords": ({"zip": "1", "keywords": [1]}, ".keywords is not a list of texts"),
    "max_results": ({"zip": "1", "max_results": "many"}, ".max_results is not a number"),
    "max_results negative": ({"zip": "1", "max_results": -1}, ".max_results is not a whole number"),
    "cost negative": ({"zip": "1", "estimated_cost": -1}, ".estimated_cost is not between"),
    "cost NaN": ({"zip": "1", "estimated_cost": "nan"}, ".estimated_cost is not a number"),
}


def refused(envelope, detail: str) -> None:
    assert envelope["success"] is False
    assert envelope["error_code"] == "22023"
    assert detail in envelope["error_detail"]
    assert envelope["error"] == "Invalid input: " + envelope["error_detail"]
    assert envelope["retry_recommended"] is False


def test_a_bad_field_of_the_campaign_is_named(raw_call, nothing_changes, subtests) -> None:
    for name, (data, detail) in BAD_CAMPAIGNS.items():
        with subtests.test(name), nothing_changes():
            envelope = raw_call(
                "create_campaign_with_coverage",
                p_campaign_data={"name": "Helsinki"} | data,
                p_zip_codes=["00100"],
            )
            refused(envelope, detail)


def test_one_bad_zip_code_fails_the_whole_campaign(raw_call, nothing_changes, subtests) -> None:
    for name, (zip_code, detail) in BAD_ZIP_CODES.items():
        with subtests.test(name), nothing_changes():
            envelope = raw_call(
                "create_campaign_with_coverage",
                p_campaign_data={"name": "Helsinki"},
                p_zip_codes=["00100", zip_code],
            )
            refused(envelope, "p_zip_codes[1]" + detail)


def test_the_first_of_several_bad_zip_codes_is_named(raw_call, nothing_changes) -> None:
    with nothing_changes():
        envelope = raw_call(
            "create_campaign_with_coverage",
            p_campaign_data={"name": "Helsinki"},
            p_zip_codes=["1"] * 20 + [None] + ["2"] * 20 + [7],
        )
    refused(envelope, "p_zip_codes[20] ")


def test_parameters_of_another_type_are_refused(raw_call, nothing_changes, subtests) -> None:
    for value in (None, "null", "[]", '"text"', "1", "true"):
        with subtests.test(campaign_data=value), nothing_changes():
            envelope = raw_call(
                "create_campaign_with_coverage", p_campaign_data=value, p_zip_codes=[]
            )
            refused(envelope, "p_campaign_data is not a JSON object")
    for value in ("{}", '"00100"', "1", "true"):
        with subtests.test(zip_codes=value), nothing_changes():
            envelope = raw_call(
                "create_campaign_with_coverage", p_campaign_data={"name": "x"}, p_zip_codes=value
            )
            refused(envelope, "p_zip_codes is not a JSON array")


def test_a_sum_of_estimates_beyond_the_column_is_refused(raw_call, nothing_changes) -> None:
    with nothing_changes():
        envelope = raw_call(
            "create_campaign_with_coverage",
            p_campaign_data={"name": "Helsinki"},
            p_zip_codes=[{"zip": zip_code, "estimated_cost": "9" * 14} for zip_code in "12"],
        )
    assert envelope["error_code"] == "22003"
    assert "sum of estimated_cost" in envelope["error_detail"]


def test_the_store_raises_what_the_function_refuses(
    store: CampaignStore, nothing_changes, subtests
) -> None:
    for data, zip_codes, detail in [
        ({"name": ""}, None, "name is missing"),
        ({"name": "x", "estimated_cost": float("nan")}, None, "p_campaign_data is not JSON"),
        (None, None, "p_campaign_data is not a JSON object"),
        ({"name": "x"}, 7, "p_zip_codes is not a JSON array"),
        ({"name": "x"}, "00100", "p_zip_codes is not a JSON array"),
        ({"name": object()}, None, "p_campaign_data is not JSON"),
    ]:
        with subtests.test(detail), nothing_changes():
            with pytest.raises(InvalidInputError) as caught:
                store.create_campaign_with_coverage(data, zip_codes)
            assert detail in caught.value.detail
            assert (caught.value.error_code, caught.value.retry_recommended) == ("22023", False)
