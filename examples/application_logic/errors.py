"""Refusals, with the error classes and codes of the stored functions."""

from __future__ import annotations

from typing import NoReturn

from campaigndb.calling.errors import from_sqlstate


def refuse(detail: str, code: str = "22023") -> NoReturn:
    """Raises the error that a function's SQLSTATE and message become."""
    raise from_sqlstate(code, detail)


def refuse_missing(detail: str) -> NoReturn:
    """Raises `MissingReferenceError`."""
    refuse(detail, "23503")


def refuse_missing_campaign(campaign_id: object) -> NoReturn:
    """Raises `MissingReferenceError` for a campaign."""
    refuse_missing(f"there is no campaign {campaign_id or 'null'}")
