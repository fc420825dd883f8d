"""What the documents show works: tour and commands run, settings and functions are all named."""

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from app import calls
from app.cli.main import run_command
from app.settings import Settings, get_settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(
    (ROOT / "docs").glob("*.md")
)


def section(title: str) -> str:
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_the_tour_runs_as_it_is_printed_and_twice(
    app_url: URL, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    [tour] = re.findall(r"```python\n(.*?)```", section("A tour"), re.DOTALL)
    monkeypatch.setenv("DATABASE_URL", app_url.render_as_string(hide_password=False))
    for _ in range(2):
        exec(tour, {})
        printed = capsys.readouterr().out
        assert "total_businesses=1, total_emails=1" in printed
        assert "total_verified_emails=1" in printed
        assert "22023 p_cost_usd is not a finite amount of 0 or more False" in printed


def test_the_command_lines_commands_work_one_after_the_other(
    empty_database: URL,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = section("The command line")
    [block] = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    [record] = re.findall(r"^`(\{.*\})`", text, re.MULTILINE)
    json.loads(record)
    (tmp_path / "places.jsonl").write_text(record + "\n", encoding="utf-8")
    # Not the embedded server, which would be the developer's, and not what takes minutes.
    commands = [shlex.split(line, comments=True)[1:] for line in block.splitlines()]
    commands = [words for words in commands if words not in (["db", "start"], ["bench"])]
    assert len(commands) > 8
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", empty_database.render_as_string(hide_password=False))
    get_settings.cache_clear()
    try:
        for words in commands:
            assert run_command(words) == 0, f"{words}: {capsys.readouterr().err}"
    finally:
        get_settings.cache_clear()
    printed = capsys.readouterr().out
    assert "inserted                 1" in printed
    assert "no drift" in printed


def test_what_is_to_be_installed_has_the_names_that_are_built() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    package = json.loads((ROOT / "clients/javascript/package.json").read_text(encoding="utf-8"))
    named = {
        name: version
        for document in (*DOCUMENTS, ROOT / "clients/javascript/README.md")
        for name, version in re.findall(
            r"\bcampaigndb-([\d.]+)(-py3-none-any\.whl|\.tgz)", document.read_text("utf-8")
        )
    }
    assert named
    assert set(named) == {project["version"]} == {package["version"]}
    for extra in re.findall(r"(?:\.|\.whl)\[(\w+)\]", README):
        assert extra in project["optional-dependencies"]


def test_the_readme_leads_to_every_document() -> None:
    for document in (ROOT / "docs").glob("*.md"):
        assert f"](docs/{document.name})" in README, f"README.md has no link to {document.name}"


def test_links_to_headings_lead_to_one() -> None:
    for document in DOCUMENTS:
        for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", document.read_text("utf-8")):
            text = (document.parent / target if target else document).read_text(encoding="utf-8")
            headings = {
                re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-")
                for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
            }
            assert anchor in headings, f"{document.name}: {target}#{anchor}"


def test_the_readme_names_every_setting() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "app").rglob("*.py"))
    for variable in set(re.findall(r"\bCAMPAIGNDB_[A-Z_]*[A-Z]", code)):
        assert f"`{variable}`" in README, f"README.md does not explain {variable}"
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
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    requirements = project["dependencies"] + project["optional-dependencies"]["dev"]
    for requirement in requirements:
        name = re.split(r"[\[<>=]", requirement)[0]
        assert re.search(rf"\b{re.escape(name)}\b", contributing), f"{name} is not justified"
