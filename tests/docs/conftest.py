from collections.abc import Iterator

import pytest
from sqlalchemy.engine import URL

from tests.migrations.databases import new_database


@pytest.fixture
def empty_database(server_url: URL) -> Iterator[URL]:
    with new_database(server_url) as url:
        yield url
