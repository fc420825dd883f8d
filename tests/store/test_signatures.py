"""One API: methods are the functions, parameters theirs less `p_`, for callers of both kinds."""

import inspect

import pytest
from sqlalchemy import text

from campaigndb import AsyncBoundStore, AsyncCampaignStore, BoundStore, CampaignStore
from campaigndb.calling.catalogue import FUNCTIONS

CONTRACT = (
    "create_campaign_with_coverage",
    "insert_businesses_batch",
    "update_campaign_statistics",
    "track_campaign_cost",
    "update_coverage_status",
    "update_enrichment_batch",
    "update_email_verification",
    "get_businesses_for_enrichment",
)
PAIRS = [(CampaignStore, AsyncCampaignStore), (BoundStore, AsyncBoundStore)]


def public_methods(cls):
    return {
        name: method
        for name, method in inspect.getmembers(cls, inspect.isfunction)
        if not name.startswith("_")
    }


@pytest.mark.parametrize(("sync", "asynchronous"), PAIRS)
def test_both_kinds_have_the_same_methods_with_the_same_signatures(
    sync, asynchronous, subtests
) -> None:
    ours, theirs = public_methods(sync), public_methods(asynchronous)
    assert set(ours) == set(theirs)
    assert set(CONTRACT) <= set(ours)
    for name in ours:
        with subtests.test(name):
            left = inspect.signature(ours[name])
            right = inspect.signature(theirs[name])
            assert list(left.parameters) == list(right.parameters)
            for parameter in left.parameters:
                one, other = left.parameters[parameter], right.parameters[parameter]
                assert (one.kind, one.default) == (other.kind, other.default), parameter
                if name in CONTRACT or name.startswith("iter_"):
                    assert one.annotation == other.annotation, parameter
            if name in CONTRACT:
                assert left.return_annotation == right.return_annotation
                assert inspect.iscoroutinefunction(theirs[name])
                assert not inspect.iscoroutinefunction(ours[name])


def test_every_method_is_documented(subtests) -> None:
    for cls in (CampaignStore, AsyncCampaignStore):
        for name, method in public_methods(cls).items():
            if name in CONTRACT or name.startswith("iter_"):
                with subtests.test(cls.__name__, method=name):
                    assert inspect.getdoc(method)


def test_parameters_are_those_of_the_sql_functions_less_their_prefix(
    owner_engine, subtests
) -> None:
    with owner_engine.connect() as connection:
        for function in CONTRACT:
            with subtests.test(function):
                arguments, defaults = connection.execute(
                    text(
                        "select proargnames[1:pronargs], pronargdefaults from pg_proc"
                        " where oid = to_regproc(:name)"
                    ),
                    {"name": function},
                ).one()
                parameters = list(
                    inspect.signature(getattr(CampaignStore, function)).parameters.values()
                )[1:]
                assert [f"p_{parameter.name}" for parameter in parameters] == arguments
                optional = [p for p in parameters if p.default is not inspect.Parameter.empty]
                assert len(optional) >= defaults


def test_what_is_called_has_the_names_and_types_of_what_is_there(owner_engine, subtests) -> None:
    with owner_engine.connect() as connection:
        for function in FUNCTIONS.values():
            with subtests.test(function.name):
                signatures = connection.execute(
                    text("""
                        select array_agg(name || ' ' || type::regtype::text order by position)
                        from pg_proc
                        cross join unnest(proargnames[1:pronargs], proargtypes::oid[])
                          with ordinality as argument(name, type, position)
                        where proname = :name
                        group by pg_proc.oid
                    """),
                    {"name": function.name},
                ).scalars()
                types = {"varchar": "character varying", "int": "integer"}
                types |= {"timestamptz": "timestamp with time zone"}
                expected = [
                    f"{name} {types.get(sql_type, sql_type)}"
                    for name, parameter in function.parameters.items()
                    for sql_type in [parameter.kind.sql_type]
                ]
                # One, so never overloaded.
                assert list(signatures) == [expected]
