"""What one item of each outside service costs (USD), of the order of what such services take."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

PRICES: Mapping[str, Decimal] = MappingProxyType(
    {
        "google_maps": Decimal("0.0040"),  # a place scraped
        "facebook": Decimal("0.0026"),  # a business looked up
        "linkedin": Decimal("0.0085"),  # a business looked up
        "bouncer": Decimal("0.0070"),  # an email verified
    }
)


def price(service: str, items: int) -> Decimal:
    """USD for `items` items of a service."""
    return PRICES[service] * items
