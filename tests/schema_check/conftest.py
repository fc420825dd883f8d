import pytest
from sqlalchemy.engine import URL


@pytest.fixture
def app_role(app_url: URL) -> str:
    """The application role that the test database was migrated for."""
    assert app_url.username is not None
    return app_url.username
