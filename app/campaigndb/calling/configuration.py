"""The configuration of every store: its schema or tenant, and its retry policies."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable, Iterator, Mapping

from campaigndb.calling.arguments import Identifier, as_uuid
from campaigndb.calling.catalogue import Policies
from campaigndb.calling.retries import RetryPolicy
from campaigndb.database import quote_identifier
from campaigndb.settings import SchemaSettings, check_schema_name, tenant_schema


class ConfiguredStore:
    """A store's schema, tenant and policies.

    Raises:
        ValueError: the schema or the tenant has an invalid name, or both are given.
    """

    def __init__(
        self,
        schema: str | None,
        tenant: str | None,
        policies: Mapping[str, RetryPolicy] | RetryPolicy | None,
    ) -> None:
        if tenant is not None and schema is not None:
            raise ValueError("a store is of a tenant or of a schema: a tenant's name says both")
        self.tenant = tenant
        if tenant is not None:
            self.schema = tenant_schema(tenant)
        elif schema is not None:
            self.schema = check_schema_name(schema)
        else:
            self.schema = SchemaSettings().schema_name
        self._policies = Policies(policies)

    def policy(self, function_name: str) -> RetryPolicy:
        """The retry policy of a function."""
        return self._policies.of(function_name)


def search_path(schema: str) -> str:
    """SQL that sets the search path until the transaction ends.

    It takes no snapshot, so gates may follow.
    """
    return f"SET LOCAL search_path TO {quote_identifier(schema)}, pg_temp"


def uuids(campaign_ids: Iterable[Identifier]) -> list[uuid.UUID | None]:
    """Converts the campaigns' ids to UUIDs.

    Raises:
        InvalidInputError: an id is not a UUID.
    """
    return [as_uuid(campaign_id, "campaign_id") for campaign_id in campaign_ids]


def keys_of(seed: uuid.UUID) -> Iterator[uuid.UUID]:
    """Idempotency keys derived from `seed`: every attempt gets the same keys in the same order."""
    return (uuid.uuid5(seed, str(number)) for number in itertools.count())
