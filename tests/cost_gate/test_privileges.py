"""The application may lock the gates; there is nothing in them, and nothing else it may do."""

import psycopg
import pytest
from sqlalchemy import Engine, text

from campaigndb.tables import cost_gates

GATE = cost_gates[7].name


def test_the_application_may_lock_every_gate(app_engine: Engine) -> None:
    with app_engine.begin() as connection:
        for gate in cost_gates:
            connection.exec_driver_sql(f"lock table {gate.name} in share row exclusive mode")


@pytest.mark.parametrize(
    "statement",
    [
        f"select * from {GATE}",
        f"select count(*) from {GATE}",
        f"insert into {GATE} default values",
        f"delete from {GATE}",
        f"truncate {GATE}",
        f"drop table {GATE}",
        f"alter table {GATE} add column a int",
        f"create index on {GATE} ((1))",
        f"create trigger t before insert on {GATE} execute function f()",
        f"copy {GATE} to stdout",
        f"lock table {GATE.replace('gate_07', 'repairs')} in access share mode",
        "lock table gmaps_campaigns in row exclusive mode",
    ],
)
def test_the_application_may_do_nothing_else_with_it(app_engine: Engine, statement: str) -> None:
    driver = app_engine.raw_connection()
    try:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            driver.driver_connection.execute(statement)
    finally:
        driver.close()


def test_others_may_not_even_lock_it(app_engine: Engine, owner_engine: Engine) -> None:
    grants = text(
        "select c.relname, acl.grantee::regrole::text, acl.privilege_type"
        " from pg_class as c, aclexplode(c.relacl) as acl"
        " where c.relname like 'gmaps_cost_gate_%' and acl.grantee <> c.relowner"
    )
    with owner_engine.connect() as connection:
        rows = connection.execute(grants).all()
        role = app_engine.url.username
        assert sorted(rows) == [(gate.name, role, "UPDATE") for gate in cost_gates]


def test_row_security_is_on_and_no_policy_lets_anyone_in(owner_engine: Engine) -> None:
    with owner_engine.connect() as connection:
        secured = connection.scalar(
            text(
                "select count(*) from pg_class"
                " where relname like 'gmaps_cost_gate_%' and relrowsecurity"
            )
        )
        policies = connection.scalar(
            text("select count(*) from pg_policies where tablename like 'gmaps_cost_gate_%'")
        )
    assert (secured, policies) == (64, 0)
