"""Writes the answers that the functions give today: `.venv/bin/python -m tests.vectors.record`

For new steps, whose answers are then read over before they are committed: the file is the contract.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import create_engine

from campaigndb import CampaignStore
from campaigndb.calling.retries import NO_RETRY
from campaigndb.embedded_server import temporary_server
from campaigndb.migrations.commands import upgrade
from campaigndb.settings import Settings
from tests.vectors.vectors import (
    ANY_TIME,
    ANY_UUID,
    PATH,
    Scenario,
    is_time,
    is_uuid,
    load_scenarios,
    run,
    through,
)


def _written(answer: Any, known: Mapping[str, str]) -> Any:
    """The answer with names in the place of what differs from run to run."""
    if isinstance(answer, Mapping):
        return {name: _written(value, known) for name, value in answer.items()}
    if isinstance(answer, list):
        return [_written(item, known) for item in answer]
    if isinstance(answer, Decimal):
        return float(answer)
    if isinstance(answer, str):
        for name, meaning in known.items():
            answer = answer.replace(meaning, f"{{{name}}}")
        if is_time(answer):
            return ANY_TIME
        return ANY_UUID if is_uuid(answer) and not answer.startswith("5f1c0c1e-") else answer
    return answer


def _as_text(scenarios: list[Scenario]) -> str:
    """One step a line: a changed answer is one changed line."""
    blocks = []
    for scenario in scenarios:
        head = json.dumps({key: scenario[key] for key in ("name", "ids")}, ensure_ascii=False)
        steps = ",\n".join(
            "   " + json.dumps(step, ensure_ascii=False) for step in scenario["steps"]
        )
        blocks.append(f'  {head[:-1]}, "steps": [\n{steps}\n  ]}}')
    return '{\n "scenarios": [\n' + ",\n".join(blocks) + "\n ]\n}\n"


def main() -> None:
    scenarios = load_scenarios()

    def tell(_: int, step: dict[str, Any], answer: Any, known: Mapping[str, str]) -> None:
        step["answer"] = _written(answer, known)

    with temporary_server(Settings(_env_file=None)) as server:
        upgrade(server.url, settings=Settings(_env_file=None))
        engine = create_engine(server.url)
        call = through(CampaignStore(engine, schema="public", policies=NO_RETRY))
        for scenario in scenarios:
            run(scenario, call, tell)
        engine.dispose()
    PATH.write_text(_as_text(scenarios), encoding="utf-8")
    print(PATH)


if __name__ == "__main__":
    main()
