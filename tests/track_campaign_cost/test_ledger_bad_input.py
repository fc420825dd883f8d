"""What must not get into the ledger gets a clear envelope, however it is sent."""

import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, text

from campaigndb import CampaignStore, InvalidInputError, IsolationLevelError, MissingReferenceError
from campaigndb.calling.json_codec import load_json
from tests.faults.ledger import check_totals, entries

Envelope = dict[str, Any]
KEY_PROBLEM = "p_metadata.idempotency_key is not a text of 1 to 255 characters"


@pytest.fixture
def campaign_id(store: CampaignStore) -> uuid.UUID:
    return store.create_campaign_with_coverage({"name": "Helsinki"}).campaign_id


@pytest.fixture
def call(app_engine: Engine, campaign_id: uuid.UUID) -> Callable[..., Envelope]:
    """The function itself, as a caller in any other language has it; COMMIT and all."""
    query = text(
        "select track_campaign_cost(p_campaign_id => cast(:campaign_id as uuid),"
        " p_service => :service, p_items_processed => :items, p_cost_usd => cast(:cost as numeric),"
        " p_metadata => cast(:metadata as jsonb))::text"
    )

    def run(level: str = "SERIALIZABLE", **changed: Any) -> Envelope:
        values = {
            "campaign_id": campaign_id,
            "service": "facebook",
            "items": 1,
            "cost": "1",
            "metadata": None,
        }
        with app_engine.connect().execution_options(isolation_level=level) as connection:
            envelope = load_json(connection.scalar(query, values | changed))
            connection.commit()
        return envelope

    return run


@pytest.fixture
def nothing_is_written(owner_engine: Engine, campaign_id: uuid.UUID) -> Iterator[None]:
    yield
    assert entries(owner_engine) == []
    check_totals(owner_engine, [campaign_id])


@pytest.mark.usefixtures("nothing_is_written")
def test_a_bad_value_is_refused_and_named(
    call: Callable[..., Envelope], subtests: pytest.Subtests
) -> None:
    bad: list[tuple[Envelope, str, str]] = [
        ({"cost": "NaN"}, "22023", "p_cost_usd is not a finite amount of 0 or more"),
        ({"cost": "Infinity"}, "22023", "p_cost_usd is not a finite amount of 0 or more"),
        ({"cost": "-Infinity"}, "22023", "p_cost_usd is not a finite amount of 0 or more"),
        ({"cost": "-1"}, "22023", "p_cost_usd is not a finite amount of 0 or more"),
        ({"cost": "-0.00001"}, "22023", "p_cost_usd is not a finite amount of 0 or more"),
        ({"cost": None}, "22023", "p_cost_usd is not a finite amount of 0 or more"),
        ({"cost": "1e30"}, "22003", "p_cost_usd is 1000000 or more"),
        ({"cost": "1e1000"}, "22003", "p_cost_usd is 1000000 or more"),
        ({"cost": "1000000"}, "22003", "p_cost_usd is 1000000 or more"),
        ({"cost": "999999.99995"}, "22003", "p_cost_usd is 1000000 or more"),
        ({"items": -1}, "22023", "p_items_processed is missing or negative"),
        ({"items": None}, "22023", "p_items_processed is missing or negative"),
        ({"service": "twitter"}, "22023", "p_service is not one of google_maps, facebook,"),
        ({"service": "FACEBOOK"}, "22023", "p_service is not one of google_maps, facebook,"),
        ({"service": " facebook"}, "22023", "p_service is not one of google_maps, facebook,"),
        ({"service": ""}, "22023", "p_service is not one of google_maps, facebook,"),
        ({"service": None}, "22023", "p_service is not one of google_maps, facebook,"),
        ({"metadata": "[]"}, "22023", "p_metadata is not a JSON object"),
        ({"metadata": "7"}, "22023", "p_metadata is not a JSON object"),
        ({"metadata": '"idempotency_key"'}, "22023", "p_metadata is not a JSON object"),
        ({"metadata": f'{{"idempotency_key": "{"k" * 10_000}"}}'}, "22023", KEY_PROBLEM),
        ({"metadata": f'{{"idempotency_key": "{"k" * 256}"}}'}, "22023", KEY_PROBLEM),
        ({"metadata": '{"idempotency_key": ""}'}, "22023", KEY_PROBLEM),
        ({"metadata": '{"idempotency_key": "  "}'}, "22023", KEY_PROBLEM),
        ({"metadata": '{"idempotency_key": 7}'}, "22023", KEY_PROBLEM),
        ({"metadata": '{"idempotency_key": {"a": 1}}'}, "22023", KEY_PROBLEM),
        ({"campaign_id": None}, "23503", "there is no campaign null"),
        (
            {"campaign_id": "00000000-0000-4000-8000-000000000000"},
            "23503",
            "there is no campaign 00000000-0000-4000-8000-000000000000",
        ),
    ]
    for changed, code, detail in bad:
        with subtests.test(str(changed)[:60]):
            envelope = call(**changed)
            assert envelope.keys() == {
                "success",
                "error",
                "error_code",
                "error_detail",
                "retry_recommended",
            }
            assert (envelope["success"], envelope["retry_recommended"]) == (False, False)
            assert envelope["error_code"] == code
            assert envelope["error_detail"].startswith(detail)
            assert "k" * 256 not in envelope["error"]


@pytest.mark.usefixtures("nothing_is_written")
@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ"])
def test_below_serializable_it_refuses_to_run(call: Callable[..., Envelope], level: str) -> None:
    envelope = call(level)
    assert (envelope["success"], envelope["error_code"]) == (False, "25001")
    assert envelope["error"] == "Must run in a SERIALIZABLE transaction"
    assert envelope["error_detail"].endswith(f"not in {level}")


def test_a_used_key_with_another_payload_is_refused_and_the_first_entry_stays(
    call: Callable[..., Envelope],
    owner_engine: Engine,
    campaign_id: uuid.UUID,
    subtests: pytest.Subtests,
) -> None:
    first = call(cost="1.5", metadata='{"idempotency_key": "a"}')
    for changed in (
        {"cost": "1.5001"},
        {"items": 2},
        {"service": "bouncer"},
        {"metadata": '{"idempotency_key": "a", "run": 1}'},
    ):
        with subtests.test(next(iter(changed))):
            envelope = call(**{"cost": "1.5", "metadata": '{"idempotency_key": "a"}'} | changed)
            assert (envelope["success"], envelope["error_code"]) == (False, "23505")
            assert envelope["error"] == "Duplicate record detected"
            assert "another payload" in envelope["error_detail"]
    (entry,) = entries(owner_engine)
    assert (str(entry.id), entry.cost_usd) == (first["cost_id"], Decimal("1.5"))
    check_totals(owner_engine, [campaign_id])


def test_null_metadata_is_no_metadata(call: Callable[..., Envelope], owner_engine: Engine) -> None:
    assert call(metadata=None)["success"]
    assert call(metadata="null")["success"]
    assert call(metadata='{"idempotency_key": null}')["success"]
    assert [entry.metadata for entry in entries(owner_engine)] == [
        {},
        {},
        {"idempotency_key": None},
    ]


def test_what_is_just_good_enough_is_stored(
    call: Callable[..., Envelope], owner_engine: Engine, campaign_id: uuid.UUID
) -> None:
    for changed in (
        {"cost": "0"},
        {"cost": "0.00004"},
        {"cost": "0.00005"},
        {"cost": "999999.99994"},
        {"items": 0},
        {"items": 2**31 - 1},
        {"metadata": f'{{"idempotency_key": "{"ä" * 255}"}}'},
    ):
        assert call(**changed)["success"], changed
    amounts = sorted(entry.cost_usd for entry in entries(owner_engine))
    assert amounts == [0, 0, Decimal("0.0001"), 1, 1, 1, Decimal("999999.9999")]
    check_totals(owner_engine, [campaign_id])


def test_the_store_refuses_the_same_in_its_own_words(
    store: CampaignStore,
    owner_engine: Engine,
    app_engine: Engine,
    campaign_id: uuid.UUID,
    subtests: pytest.Subtests,
) -> None:
    bad: list[tuple[type[Exception], Any]] = [
        (InvalidInputError, (campaign_id, "facebook", 1, Decimal("NaN"))),
        (InvalidInputError, (campaign_id, "facebook", 1, Decimal("Infinity"))),
        (InvalidInputError, (campaign_id, "facebook", 1, Decimal("-1"))),
        (InvalidInputError, (campaign_id, "facebook", 1, 10**30)),
        (InvalidInputError, (campaign_id, "facebook", 1, 0.1)),
        (InvalidInputError, (campaign_id, "facebook", 1, "1; commit")),
        (InvalidInputError, (campaign_id, "facebook", 1, None)),
        (InvalidInputError, (campaign_id, "facebook", -1, 1)),
        (InvalidInputError, (campaign_id, "facebook", 2**31, 1)),
        (InvalidInputError, (campaign_id, "facebook", 1.5, 1)),
        (InvalidInputError, (campaign_id, "twitter", 1, 1)),
        (InvalidInputError, (campaign_id, "face\x00book", 1, 1)),
        (InvalidInputError, (campaign_id, "facebook", 1, 1, "text")),
        (InvalidInputError, (campaign_id, "facebook", 1, 1, {"a": float("nan")})),
        (InvalidInputError, (campaign_id, "facebook", 1, 1, {"idempotency_key": "k" * 10_000})),
        (InvalidInputError, ("no uuid", "facebook", 1, 1)),
        (MissingReferenceError, (uuid.uuid4(), "facebook", 1, 1)),
        (MissingReferenceError, (None, "facebook", 1, 1)),
    ]
    for error, arguments in bad:
        with subtests.test(str(arguments)[38:98]), pytest.raises(error):
            store.track_campaign_cost(*arguments)
    with (
        app_engine.connect() as connection,
        pytest.raises(IsolationLevelError, match="SERIALIZABLE"),
    ):
        store.bind(connection).track_campaign_cost(campaign_id, "facebook", 1, 1)
    assert entries(owner_engine) == []
    # None of it hurt the connection.
    assert store.track_campaign_cost(campaign_id, "facebook", 1, 1).new_total == 1
    assert app_engine.pool.checkedout() == 0
