"""Where settings are read from, and what is said of those that cannot be."""

from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from campaigndb.settings import get_settings
from tests.cli.conftest import CampaignDb, Result

COMMANDS = [
    ["campaign", "list"],
    ["db", "migrate"],
    ["db", "status"],
    ["db", "url"],
    ["drift"],
    ["reconcile"],
    ["stats"],
    ["tenant", "list"],
]
EMPTY = (
    "campaigndb: DATABASE_URL: it is set, but empty: is a secret missing? "
    "Unset, it means the embedded server\n"
)


def outcome(result: Result) -> tuple[int, str, str]:
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("value", ["", " "])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_an_empty_address_is_not_the_embedded_server(
    campaigndb: CampaignDb, monkeypatch: pytest.MonkeyPatch, command: list[str], value: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", value)
    assert outcome(campaigndb(*command)) == (2, "", EMPTY)


def test_nor_is_one_in_the_file(
    campaigndb: CampaignDb, monkeypatch: pytest.MonkeyPatch, database_url: URL, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=\nCAMPAIGNDB_APP_ROLE=\n")
    # The environment counts before the file, and another empty value is as if it were not there.
    assert campaigndb("campaign", "list").exit_code == 0
    monkeypatch.delenv("DATABASE_URL")
    assert outcome(campaigndb("campaign", "list")) == (2, "", EMPTY)


def test_an_empty_address_is_not_the_one_in_the_file(
    campaigndb: CampaignDb, monkeypatch: pytest.MonkeyPatch, database_url: URL, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://nobody@127.0.0.1:1/nothing\n")
    monkeypatch.setenv("DATABASE_URL", "")
    assert outcome(campaigndb("campaign", "list")) == (2, "", EMPTY)


def test_an_empty_address_of_the_shadow(
    campaigndb: CampaignDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = "it is set, but empty: is a secret missing?\n"
    expected = (2, "", f"campaigndb: --shadow-url: {problem}")
    assert outcome(campaigndb("drift", "--shadow-url", "")) == expected
    monkeypatch.setenv("CAMPAIGNDB_SHADOW_URL", "")
    expected = (2, "", f"campaigndb: CAMPAIGNDB_SHADOW_URL: {problem}")
    assert outcome(campaigndb("drift")) == expected


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's root, with the working folder two below it and no settings in the environment."""
    (tmp_path / "project" / "a" / "b").mkdir(parents=True)
    (tmp_path / "project" / "pyproject.toml").touch()
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.chdir(tmp_path / "project" / "a" / "b")
    get_settings.cache_clear()
    return tmp_path / "project"


def test_a_subfolder_has_the_settings_of_the_project(
    campaigndb: CampaignDb, project: Path, database_url: URL
) -> None:
    address = database_url.set(drivername="postgresql").render_as_string(hide_password=False)
    (project / ".env").write_text(f"DATABASE_URL={address}\n")
    assert campaigndb("db", "url").stdout == f"{address}\n"
    assert outcome(campaigndb("campaign", "list")) == (0, "0 campaigns\n", "")


def test_the_nearest_file_counts_alone(project: Path) -> None:
    (project / ".env").write_text("CAMPAIGNDB_SCHEMA=far\nCAMPAIGNDB_APP_ROLE=role\n")
    (project / "a" / ".env").write_text("CAMPAIGNDB_SCHEMA=near\n")
    assert (get_settings().schema_name, get_settings().app_role) == ("near", None)


def test_nothing_above_the_project_counts(project: Path, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CAMPAIGNDB_SCHEMA=another\n")
    assert get_settings().schema_name == "public"


def test_folders_in_the_file_are_relative_to_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / ".env").write_text("CAMPAIGNDB_DATA_DIR=state\ncampaigndb_pg_bin=~/bin\n")
    monkeypatch.setenv("HOME", str(project / "home"))
    for name in ("CAMPAIGNDB_DATA_DIR", "CAMPAIGNDB_PG_BIN"):
        monkeypatch.delenv(name, raising=False)
    assert get_settings().data_dir == project / "state"
    assert get_settings().pg_bin == project / "home" / "bin"


def test_a_file_that_is_not_utf_8(campaigndb: CampaignDb, project: Path) -> None:
    file = project / ".env"
    file.write_bytes(b"# caf\xe9\n")
    expected = (2, "", f"campaigndb: {file}: not UTF-8 (byte 6)\n")
    assert outcome(campaigndb("campaign", "list")) == expected


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("CAMPAIGNDB_TENANT_JOBS", "0", "less than 1"),
        ("CAMPAIGNDB_TENANT_JOBS", "1.5", "not a whole number"),
        ("CAMPAIGNDB_MIGRATION_LOCK_TIMEOUT", "-1", "less than 0"),
        ("CAMPAIGNDB_MIGRATION_LOCK_TIMEOUT", "soon", "not a valid number"),
        ("CAMPAIGNDB_ROLLOUT_COMPARE_READS", "perhaps", "neither true nor false"),
        ("CAMPAIGNDB_ROLLOUT", "[]", "not a JSON object"),
        ("CAMPAIGNDB_ROLLOUT", '{"all": "x"}', "not a whole number"),
        ("CAMPAIGNDB_ROLLOUT", "{", "the value is not JSON"),
    ],
)
def test_a_value_that_cannot_be_is_told_in_words_of_the_setting(
    campaigndb: CampaignDb, monkeypatch: pytest.MonkeyPatch, name: str, value: str, problem: str
) -> None:
    monkeypatch.setenv(name, value)
    assert outcome(campaigndb("campaign", "list")) == (2, "", f"campaigndb: {name}: {problem}\n")
