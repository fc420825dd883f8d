"""Any value at any key of any verifier's answer: always an envelope, and the verdict is stored."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigndb import CampaignStore, InvalidInputError
from tests.update_email_verification.test_answers_of_verifiers import ANSWERS
from tests.update_enrichment_batch.test_wrong_types import ANYTHING

SHAPES = [answer for answer, _ in ANSWERS.values()]


@st.composite
def answers(draw: st.DrawFn) -> dict[str, Any]:
    """A verifier's answer with other values at one to three of its keys, or within its objects."""
    answer = dict(draw(st.sampled_from(SHAPES)))
    inner = [name for name, value in answer.items() if isinstance(value, dict)]
    if inner and draw(st.booleans()):
        name = draw(st.sampled_from(inner))
        names = st.sampled_from(list(answer[name]) or ["x"])
        changed = draw(st.dictionaries(names, ANYTHING, min_size=1, max_size=2))
        return answer | {name: answer[name] | changed}
    names = st.sampled_from([*answer, "is_safe", "score", "flags", "data", "verification"])
    return answer | draw(st.dictionaries(names, ANYTHING, min_size=1, max_size=3))


def test_an_answer_is_stored_or_refused_for_want_of_a_status(
    store: CampaignStore, add_business
) -> None:
    business_id = add_business("a", email="john@acme.example")

    @settings(
        max_examples=120,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(answer=answers())
    def check(answer: dict[str, Any]) -> None:
        try:
            stored = store.update_email_verification(business_id, "john@acme.example", answer)
        except InvalidInputError as error:
            assert error.detail == "p_verification_data.status is missing"  # noqa: PT017
        else:
            assert stored.status in ("deliverable", "risky", "undeliverable", "unknown")
            assert stored.is_safe in (True, False)

    check()
