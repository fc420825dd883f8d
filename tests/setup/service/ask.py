"""Requests to the service, and what it answers."""

import json
import uuid

from app.main import service
from fastapi.testclient import TestClient

COST = {"service": "facebook", "items": 1, "usd": "0.25"}

with TestClient(service) as client:
    made = client.post("/campaigns", json={"name": "Oulu", "zip_codes": ["90100"], "note": "new"})
    campaign = f"/campaigns/{made.json()['id']}"
    answers = [
        (made.status_code, made.json()["zips"]),
        client.post(f"{campaign}/costs", json=COST).json(),
        client.post(f"{campaign}/costs", json=COST | {"usd": "-1"}).status_code,
        client.post(f"/campaigns/{uuid.uuid4()}/costs", json=COST).status_code,
        client.get(f"{campaign}/queue").json(),
    ]
    print(json.dumps(answers))
