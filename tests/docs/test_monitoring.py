"""docs/monitoring.md: its role sees everything, its metrics and attributes are those there are."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL

from campaigndb.calling import telemetry
from campaigndb.operations.monitoring import Unavailable, read_statistics
from campaigndb.operations.monitoring.prometheus import as_prometheus
from campaigndb.operations.report import read_figures
from tests.migrations.databases import PASSWORD

DOCUMENT = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text(encoding="utf-8")
STATEMENTS = re.findall(r"```sql\n(.*?)```", DOCUMENT, re.DOTALL)
ROLE = "campaign_monitor"


def test_the_documented_role_sees_everything_and_the_metrics_are_all_named(
    owner_engine: Engine, database_url: URL
) -> None:
    _, extension, role, grants_of_the_report = STATEMENTS
    role = role.replace(" login", f" login password '{PASSWORD}'", 1)
    try:
        with owner_engine.begin() as connection:
            connection.execute(text(extension))
            connection.execute(text(role))
        engine = create_engine(database_url.set(username=ROLE, password=PASSWORD))
        found = read_statistics(engine, "public")
        with owner_engine.begin() as connection:
            connection.execute(text(grants_of_the_report))
        figures = read_figures(engine, "public")
        with engine.connect() as connection:
            connection.execute(text("select version_num from gmaps_alembic_version")).scalar_one()
        engine.dispose()
    finally:
        with owner_engine.begin() as connection:
            connection.execute(text(f"drop owned by {ROLE}; drop role {ROLE}"))
    for part in ("lock_waits", "activity", "queues", "reconciliation", "tables", "indexes"):
        assert not isinstance(getattr(found, part), Unavailable), part
    assert found.tracks_statements
    assert figures.all_campaigns.campaigns == 0
    assert len(found.notes) == 1  # what no role can know

    exposed = re.findall(r"^# TYPE (\S+)", as_prometheus(found), re.MULTILINE)
    # The text format names a counter's family without its ending in some versions.
    assert {name for name in exposed if f"`{name}`" in DOCUMENT} == set(exposed)
    rules = yaml.safe_load(re.search(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)[1])
    for rule in rules["groups"][0]["rules"]:
        assert set(re.findall(r"campaigndb_\w+", rule["expr"])) <= set(exposed)


def test_attributes_of_spans_are_all_named() -> None:
    code = Path(telemetry.__file__).read_text(encoding="utf-8")
    for name in re.findall(r'"((?:db|campaigndb|error)\.[\w.]+)"', code):
        assert f"`{name}`" in DOCUMENT, name
