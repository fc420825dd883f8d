"""Answers over HTTP and what they mean for the call: `answers.json`, for every client.

- `status` and `body`: what the API, or a gateway before it, answers to a call that writes.
- `code`: the SQLSTATE or PostgREST's own code that the error has; null where there is none.
- `retried`: the call is made again, under the same idempotency key.
- `open`: it may have taken effect, so that a later failure of the same call does not say otherwise.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_name("answers.json")


def load_answers() -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = json.loads(PATH.read_text(encoding="utf-8"))["answers"]
    return answers
