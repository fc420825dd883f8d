"""A small service on campaigndb: a table of its own and the functions in one transaction."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import Text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from campaigndb import (
    AsyncCampaignStore,
    InvalidInputError,
    MissingReferenceError,
    StoredFunctionError,
)


class Base(DeclarativeBase):
    """The service's own tables."""


class Note(Base):
    """A note on a campaign."""

    __tablename__ = "service_notes"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    campaign_id: Mapped[uuid.UUID]
    text: Mapped[str] = mapped_column(Text)


@asynccontextmanager
async def lifespan(service: FastAPI) -> AsyncGenerator[None]:
    engine = create_async_engine(os.environ["DATABASE_URL"])
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    service.state.store = AsyncCampaignStore(engine)
    service.state.sessions = async_sessionmaker(engine, expire_on_commit=False)
    yield
    await engine.dispose()


service = FastAPI(lifespan=lifespan)


def get_store(request: Request) -> AsyncCampaignStore:
    store: AsyncCampaignStore = request.app.state.store
    return store


async def get_session(request: Request) -> AsyncIterator[AsyncSession]:
    async with request.app.state.sessions() as session:
        yield session


Store = Annotated[AsyncCampaignStore, Depends(get_store)]
Session = Annotated[AsyncSession, Depends(get_session)]

STATUS: list[tuple[type[StoredFunctionError], int]] = [
    (MissingReferenceError, 404),
    (InvalidInputError, 422),
]


@service.exception_handler(StoredFunctionError)
async def stored_function_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StoredFunctionError)
    status = next((code for cls, code in STATUS if isinstance(error, cls)), 503)
    return JSONResponse({"error": error.error, "code": error.error_code}, status)


class NewCampaign(BaseModel):
    name: str
    zip_codes: list[str]
    note: str


class Cost(BaseModel):
    service: str
    items: int
    usd: Decimal


@service.post("/campaigns", status_code=201)
async def create(new: NewCampaign, store: Store, session: Session) -> dict[str, str | int]:
    bound = await store.bind(session)
    created = await bound.create_campaign_with_coverage({"name": new.name}, new.zip_codes)
    session.add(Note(campaign_id=created.campaign_id, text=new.note))
    await session.commit()
    return {"id": str(created.campaign_id), "zips": created.zip_count}


@service.post("/campaigns/{campaign_id}/costs")
async def cost(campaign_id: uuid.UUID, cost: Cost, store: Store) -> dict[str, Decimal]:
    tracked = await store.track_campaign_cost(campaign_id, cost.service, cost.items, cost.usd)
    return {"total": tracked.new_total}


@service.get("/campaigns/{campaign_id}/queue")
async def queue(campaign_id: uuid.UUID, store: Store) -> list[str]:
    return [
        business.name
        async for business in store.iter_businesses_for_enrichment(campaign_id, "facebook")
    ]
