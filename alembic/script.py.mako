"""${message}

Revises: ${down_revision | comma,n}

Rules of a revision, from its release on never edited again:
- upgrade and downgrade are each one short transaction; both are tested with data.
- It runs while callers work: a waiting ALTER TABLE stops everybody behind it, so it waits for
  CAMPAIGNDB_MIGRATION_LOCK_TIMEOUT at most and is then tried again, as a whole. Of several tables
  alter in this order: campaigns, coverage, businesses, enrichments, the rest.
- The last release's callers run against the new schema until they are replaced: first expand (add),
  in a later release contract (drop).
- Functions are replaced by frozen copies (FUNCTIONS below), never dropped and created.
- Another signature or return type is another name: add it, move the callers, drop the old later.
- New columns are nullable or have a constant default; constraints on filled tables come NOT VALID
  and are validated in a revision of their own.
- Indexes on filled tables are built CONCURRENTLY, in a revision of their own that does nothing
  else: by create_index_concurrently and drop_index_concurrently.
- What squawk reports and is safe here is excused: SQUAWK_EXCUSES = {"rule": "reason"}. After an
  edit: make seal.
"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
from campaigndb.migrations.revision_operations import (
    drop_functions, recreate_functions, replace_functions, restore_functions
)

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}

% if config.attributes.get("excuses"):
SQUAWK_EXCUSES = {
% for rule, reason in config.attributes["excuses"].items():
    ${repr(rule)}: ${repr(reason)},
% endfor
}

% endif
# Name -> (frozen copy that this revision installs, the one before or None).
FUNCTIONS: dict[str, tuple[str, str | None]] = {
% for name, copies in config.attributes.get("functions", {}).items():
    ${repr(name)}: ${repr(copies)},
% endfor
}
% if config.attributes.get("dropped"):
# Name -> its last frozen copy, of each function that this revision drops.
DROPPED: dict[str, str] = {
% for name, last in config.attributes["dropped"].items():
    ${repr(name)}: ${repr(last)},
% endfor
}
% endif


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
