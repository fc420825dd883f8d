"""What each answer over HTTP means for the call, in the Python client."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from campaigndb import DatabaseConnectionError, StoredFunctionError
from campaigndb.calling.retries import RetryPolicy
from campaigndb.http.supabase_store import SupabaseStore
from tests.supabase.gateway import Gateway
from tests.vectors.answers import load_answers

TWICE = RetryPolicy(attempts=2, first_wait=0.001)
CANCELED = 500, '{"code": "57014", "message": "canceled"}'


class AnsweringGateway(Gateway):
    """Answers with `answer` first and then with `then`; notes the keys that came."""

    def __init__(self, answer: tuple[int, str]) -> None:
        self.answer = self.then = answer
        self.keys: list[str] = []

    def respond(self, handler: Any, request: bytes) -> tuple[int, str]:
        self.keys.append(json.loads(request).get("p_metadata", {}).get("idempotency_key", ""))
        return self.answer if len(self.keys) == 1 else self.then


@pytest.fixture
def gateway(answer: dict[str, Any]) -> Iterator[AnsweringGateway]:
    with AnsweringGateway((answer["status"], answer["body"])) as server:
        yield server


@pytest.mark.parametrize(
    "answer", load_answers(), ids=lambda answer: f"{answer['status']} {answer['name']}"
)
def test_an_answer_means_what_the_vectors_say(
    gateway: AnsweringGateway, answer: dict[str, Any]
) -> None:
    store = SupabaseStore(gateway.client(), policies=TWICE)

    def failure() -> StoredFunctionError:
        gateway.keys.clear()
        with pytest.raises(StoredFunctionError) as caught:
            store.track_campaign_cost(uuid.uuid4(), "bouncer", 1, "0.01")
        return caught.value

    error = failure()
    # Where no code came, the error has HTTP's.
    assert error.error_code in (answer["code"] or str(answer["status"]), answer["code"])
    assert (error.attempts, error.retry_recommended) == (
        2 if answer["retried"] else 1,
        answer["retried"],
    )
    assert len(set(gateway.keys)) == 1
    assert "html" not in str(error)
    if answer["open"]:
        assert isinstance(error, DatabaseConnectionError)
    if answer["retried"]:
        gateway.then = CANCELED
        later = failure()
        assert later.error_code == "57014"
        assert isinstance(later, DatabaseConnectionError) == answer["open"]


@pytest.mark.parametrize("body", ["", "null", "<html>secret</html>", '{"success": true}'])
def test_an_answer_without_rows_is_no_empty_queue(body: str) -> None:
    with Gateway() as gateway:
        gateway.answer = 200, body
        store = SupabaseStore(gateway.client(), policies=TWICE)
        with pytest.raises(DatabaseConnectionError, match="did not arrive") as caught:
            store.get_businesses_for_enrichment(uuid.uuid4(), "facebook")
        assert caught.value.attempts == 2
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("body", ['{"success": true}', '{"success": true, "total_emails": "x"}'])
def test_an_envelope_of_another_release_is_told_and_not_sent_again(body: str) -> None:
    with Gateway() as gateway:
        gateway.answer = 200, body
        store = SupabaseStore(gateway.client(), policies=TWICE)
        with pytest.raises(StoredFunctionError, match="cannot be read") as caught:
            store.update_campaign_statistics(uuid.uuid4())
        assert caught.value.attempts == 1
