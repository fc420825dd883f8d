"""`campaigndb revision`, in a copy of the project: what changed is frozen, a revision written."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.project_copy import PROJECT, Copy


class RevisionCopy(Copy):
    """A copy of the project in which functions and tables may be changed."""

    def revision(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run("revision", *arguments, **environment)

    def passes_checks(self, path: str) -> None:
        ruff = Path(sys.executable).with_name("ruff")
        for check in (["format", "--check"], ["check"]):
            subprocess.run([ruff, *check, path], cwd=self.folder, check=True)

    def files(self) -> set[str]:
        return {
            str(path.relative_to(self.folder))
            for path in (self.folder / "alembic").rglob("*")
            if path.suffix in (".sql", ".py")
        }


@pytest.fixture
def copy(tmp_path: Path) -> RevisionCopy:
    return RevisionCopy(tmp_path / "a copy")


def latest_number(copy: RevisionCopy) -> int:
    return max(int(Path(name).name[:4]) for name in copy.files() if "versions" in name)


def test_nothing_changed(copy: RevisionCopy) -> None:
    before = copy.files()
    checked = copy.revision("--check")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout == "Every function is as its latest frozen copy.\n"

    refused = copy.revision("nothing")

    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("campaigndb: Nothing changed")
    assert copy.files() == before


def test_changed_functions_and_tables_become_one_revision(copy: RevisionCopy) -> None:
    before, number = copy.files(), f"{latest_number(copy) + 1:04}"
    copy.replace("app/campaigndb/functions/scraped_text.sql", "-- Scrapers", "-- All scrapers")
    (copy.folder / "app/campaigndb/functions/added.sql").write_text(
        "create or replace function added(p_value text)\nreturns text\nlanguage sql\n"
        "immutable\nas $$\n  select scraped_text(p_value);\n$$;\n"
    )
    copy.replace(
        "app/campaigndb/tables/businesses.py",
        'Column("twitter_url", Text),',
        'Column("twitter_url", Text),\n    Column("added_url", Text),',
    )
    checked = copy.revision("--check")
    assert checked.returncode == 1
    assert "added is new\n" in checked.stdout
    assert "scraped_text changed since " in checked.stdout

    # The roles and the schema of the real database are of no concern here.
    written = copy.revision(
        "50% of  'what'\n is \"added\"",
        CAMPAIGNDB_APP_ROLE="no_such_role",
        CAMPAIGNDB_OWNER_ROLE="no_such_role",
        CAMPAIGNDB_SCHEMA="tenant",
    )

    assert (written.returncode, written.stderr) == (0, "")
    frozen = {f"alembic/functions/{name}.{number}.sql" for name in ("added", "scraped_text")}
    revision = f"alembic/versions/{number}_50_of_what_is_added.py"
    assert set(written.stdout.splitlines()) == copy.files() - before == {revision, *frozen}
    for path in frozen:
        name = Path(path).name.split(".")[0]
        head = copy.folder / f"app/campaigndb/functions/{name}.sql"
        assert (copy.folder / path).read_bytes() == head.read_bytes()
    script = (copy.folder / revision).read_text()
    assert script.startswith('"""50% of \'what\' is "added"\n')
    assert f'"added": ("{number}", None)' in script
    assert 'op.add_column("gmaps_businesses", sa.Column("added_url"' in script
    copy.passes_checks(revision)
    assert copy.revision("--check").returncode == 0
    sums = (copy.folder / "alembic/SHA256SUMS").read_text()
    before_them = (PROJECT / "alembic/SHA256SUMS").read_text()
    assert sums.startswith(before_them)
    assert sums.removeprefix(before_them).splitlines() == [
        f"{hashlib.sha256((copy.folder / path).read_bytes()).hexdigest()}"
        f"  {path.removeprefix('alembic/')}"
        for path in [*sorted(frozen), revision]
    ]


def test_a_revision_of_functions_alone_imports_no_more_than_it_needs(copy: RevisionCopy) -> None:
    number = f"{latest_number(copy) + 1:04}"
    copy.replace("app/campaigndb/functions/scraped_text.sql", "-- Scrapers", "-- All scrapers")
    assert copy.revision("comment").returncode == 0
    revision = f"alembic/versions/{number}_comment.py"
    script = (copy.folder / revision).read_text()
    assert "import sqlalchemy" not in script
    assert "    pass\n" not in script
    copy.passes_checks(revision)


def test_another_signature_is_refused_and_nothing_is_written(copy: RevisionCopy) -> None:
    before = copy.files()
    copy.replace("app/campaigndb/functions/scraped_text.sql", "(p_value text)", "(p_other text)")
    for arguments in (["--check"], ["rename"]):
        refused = copy.revision(*arguments)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "scraped_text.sql: the parameters changed" in refused.stderr
        assert refused.stderr.count("\n") == 1
    assert copy.files() == before
