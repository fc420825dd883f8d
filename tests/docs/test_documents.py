"""What the documents show works: the tour runs, settings and functions are all named."""

import re
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from app import calls
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(
    (ROOT / "docs").glob("*.md")
)


def test_the_tour_runs_as_it_is_printed(app_url: URL, capsys: pytest.CaptureFixture[str]) -> None:
    tour = re.search(r"## A tour\n\n```python\n(.*?)```", README, re.DOTALL)
    assert tour is not None
    address = app_url.render_as_string(hide_password=False)
    exec(tour[1].replace("postgresql+psycopg://localhost/campaigns", address), {})
    printed = capsys.readouterr().out
    assert "total_businesses=1, total_emails=1" in printed
    assert "total_verified_emails=1" in printed
    assert "22023 p_cost_usd is not a finite amount of 0 or more False" in printed


def test_the_readme_names_every_setting() -> None:
    for name, field in Settings.model_fields.items():
        variable = field.validation_alias or f"CAMPAIGNDB_{name.upper()}"
        assert f"`{variable}`" in README, f"README.md does not explain {variable}"


def test_the_guide_explains_every_function_for_callers() -> None:
    guide = (ROOT / "docs" / "functions.md").read_text(encoding="utf-8")
    for function in calls.ALL_FUNCTIONS:
        assert function.name in guide, f"docs/functions.md does not explain {function.name}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (document.parent / target).exists(), f"{document.name}: {target} is not there"


def test_contributing_justifies_every_dependency() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    requirements = project["dependencies"] + project["optional-dependencies"]["dev"]
    for requirement in requirements:
        name = re.split(r"[\[<>=]", requirement)[0]
        assert re.search(rf"\b{re.escape(name)}\b", contributing), f"{name} is not justified"
