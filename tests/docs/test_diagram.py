"""docs/schema.md is what the metadata says."""

from pathlib import Path

from scripts.schema_diagram import page

ROOT = Path(__file__).resolve().parents[2]


def test_the_diagram_is_up_to_date() -> None:
    assert (ROOT / "docs" / "schema.md").read_text(encoding="utf-8") == page(), (
        "run: .venv/bin/python -m scripts.schema_diagram > docs/schema.md"
    )
