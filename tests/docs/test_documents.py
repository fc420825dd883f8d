"""What the documents show works: tour and commands run, settings and functions are all named."""

import csv
import json
import re
import shlex
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.engine import URL

import campaigndb
from campaigndb.calling.catalogue import FUNCTIONS
from campaigndb.cli.main import run_command
from campaigndb.settings import Settings, get_settings, variable_names
from campaigndb.tables import campaigns

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
        assert "Kahvila hei@kahvila.fi deliverable" in printed
        assert "22023 p_cost_usd is not a finite amount of 0 or more False" in printed


def campaign_of(database: URL) -> str:
    engine = create_engine(database)
    try:
        with engine.connect() as connection:
            return str(connection.execute(select(campaigns.c.id)).scalar_one())
    finally:
        engine.dispose()


def run_the_block_of(
    title: str, database: URL, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> list[list[str]]:
    """Runs the commands of the section's only block in this folder, one after the other."""
    [block] = re.findall(r"```sh\n(.*?)```", section(title), re.DOTALL)
    # Not the embedded server, which would be the developer's.
    commands = [shlex.split(line, comments=True)[1:] for line in block.splitlines()]
    commands = [words for words in commands if words != ["db", "start"]]
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DATABASE_URL", database.render_as_string(hide_password=False))
    get_settings.cache_clear()
    try:
        for words in commands:
            if "ID" in words:  # which `campaign list` shows
                words[words.index("ID")] = campaign_of(database)
            assert run_command(words) == 0, words
    finally:
        get_settings.cache_clear()
    return commands


def test_a_scraped_file_becomes_leads_by_the_commands_that_are_printed(
    empty_database: URL,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    run_the_block_of("From a scraped file to leads", empty_database, tmp_path, monkeypatch)
    assert "inserted               916" in capsys.readouterr().out
    with (tmp_path / "leads.csv").open(encoding="utf-8", newline="") as file:
        leads = list(csv.DictReader(file))
    assert len(leads) > 100
    assert all("@" in lead["email"] for lead in leads)


def test_the_command_lines_commands_work_one_after_the_other(
    empty_database: URL,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    [record] = re.findall(r"^`(\{.*\})`", section("The command line"), re.MULTILINE)
    json.loads(record)
    (tmp_path / "places.jsonl").write_text(record + "\n", encoding="utf-8")
    commands = run_the_block_of("The command line", empty_database, tmp_path, monkeypatch)
    assert len(commands) > 8
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
    assert set(named) == {campaigndb.__version__} == {package["version"]}
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


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_heading_is_repeated(document: Path) -> None:
    """A repeated heading has no link of its own, and its body is often a second copy."""
    text = re.sub(r"^```.*?^```", "", document.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = Counter(re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE))
    assert [heading for heading, count in headings.items() if count > 1] == []


def test_the_readme_names_every_setting() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "app").rglob("*.py"))
    for variable in set(re.findall(r"\bCAMPAIGNDB_[A-Z_]*[A-Z]", code)):
        assert f"`{variable}`" in README, f"README.md does not explain {variable}"
    for variable in variable_names(Settings).values():
        assert f"`{variable}`" in README, f"README.md does not explain {variable}"


def test_the_guide_explains_every_function_for_callers() -> None:
    guide = (ROOT / "docs" / "functions.md").read_text(encoding="utf-8")
    for function in FUNCTIONS.values():
        assert function.name in guide, f"docs/functions.md does not explain {function.name}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (document.parent / target).exists(), f"{document.name}: {target} is not there"


def test_contributing_justifies_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    requirements = sum(project["optional-dependencies"].values(), project["dependencies"])
    for requirement in requirements:
        name = re.split(r"[\[<>=]", requirement)[0]
        assert re.search(rf"\b{re.escape(name)}\b", contributing), f"{name} is not justified"
