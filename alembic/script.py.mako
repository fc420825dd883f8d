"""${message}

Revises: ${down_revision | comma,n}

Rules of a revision, from its release on never edited again:
- upgrade and downgrade are each one short transaction; both are tested with data.
- Functions are replaced by frozen copies (FUNCTIONS below), never dropped and created.
- Another signature or return type is another name: add it, move the callers, drop the old later.
- New columns are nullable or have a constant default; constraints on filled tables come NOT VALID
  and are validated in a revision of their own; indexes on filled tables are built CONCURRENTLY in
  a revision of their own, within `op.get_context().autocommit_block()`.
"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
from app.migrations.functions import replace_functions, restore_functions

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}

# Name -> (frozen copy that this revision installs, the one before or None).
FUNCTIONS: dict[str, tuple[str, str | None]] = {
% for name, copies in config.attributes.get("functions", {}).items():
    ${repr(name)}: ${repr(copies)},
% endfor
}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
    replace_functions(FUNCTIONS)


def downgrade() -> None:
    restore_functions(FUNCTIONS)
    ${downgrades if downgrades else "pass"}
