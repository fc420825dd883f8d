"""What the JavaScript package holds: its rules are the project's, its types and examples work, and
what is published is what should be.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

import campaigndb
from campaigndb.calling import errors
from campaigndb.calling.catalogue import FUNCTIONS, Policies
from campaigndb.calling.retries import RetryPolicy
from tests.supabase.api_server import Api
from tests.supabase.node import CLIENT, node

ROOT = CLIENT.parents[1]
MODULES = (
    *("call", "catalogue", "envelopes", "errors", "json", "queues", "retries"),
    *("stored-functions", "work"),
)


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """What the command prints; the test fails with all of it where the command does."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def evaluated(expression: str) -> Any:
    """A JSON value of the client's modules, which the expression names as `errors`, `retries`…"""
    imports = "".join(
        f"import * as {name} from './lib/{file}.js';"
        for name, file in (
            ("errors", "errors"),
            ("retries", "retries"),
            ("functions", "catalogue"),
        )
    )
    program = f"{imports} console.log(JSON.stringify({expression}))"
    return json.loads(run(node(), "--input-type=module", "--eval", program, cwd=CLIENT))


def test_its_rules_are_those_of_the_python_callers() -> None:
    found = evaluated(
        """{
          policies: Object.fromEntries(
            Object.keys(functions.STORED_FUNCTIONS)
              .map((name) => [name, retries.retryPolicy(name)])),
          sqlstates: errors.SQLSTATES,
          classes: errors.SQLSTATE_CLASSES,
        }"""
    )
    assert found["policies"] == {
        function.name: in_milliseconds(Policies().of(function.name))
        for function in FUNCTIONS.values()
    }
    assert found["sqlstates"] == {
        code: [text, retry] for code, (_, text, retry) in errors._ERRORS.items()
    }
    assert found["classes"] == {
        code: [text, retry] for code, (_, text, retry) in errors._CLASSES.items()
    }


def test_its_required_parameters_are_those_of_the_functions(owner_engine: Engine) -> None:
    found = evaluated(
        "Object.entries(functions.STORED_FUNCTIONS).map(([name, { required }]) => [name, required])"
    )
    with owner_engine.connect() as connection:
        rows = connection.execute(
            text(
                "select proname, proargnames[1:pronargs - pronargdefaults] from pg_proc "
                "where pronamespace = 'public'::regnamespace and proname = any (:names)"
            ),
            {"names": [function.name for function in FUNCTIONS.values()]},
        )
        assert dict(found) == {row.proname: row[1] for row in rows}


def in_milliseconds(policy: RetryPolicy) -> dict[str, float]:
    return {
        "attempts": policy.attempts,
        "deadlineMs": policy.deadline * 1000,
        "firstWaitMs": policy.first_wait * 1000,
        "longestWaitMs": policy.longest_wait * 1000,
    }


def test_types_are_right() -> None:
    run(node(), "node_modules/typescript/bin/tsc", "-p", ".", cwd=CLIENT)


CONSUMER = """
import type { SupabaseClient } from "@supabase/supabase-js";
import { callStoredFunction, createCampaignStore, StoredFunctionError } from "campaigndb";
import type { BatchInserted, CampaignStore } from "campaigndb";
interface Database {
  public: {
    Tables: {};
    Views: {};
    Functions: {
      update_campaign_statistics: { Args: { p_campaign_id: string }; Returns: unknown };
    };
  };
}
export async function use(plain: SupabaseClient, typed: SupabaseClient<Database>): Promise<number> {
  const store: CampaignStore = createCampaignStore(typed, { retries: { attempts: 3 } });
  const batch: BatchInserted = await createCampaignStore(plain).businesses.insertBatch({
    campaignId: "x", zipCode: null, businesses: [],
  });
  // @ts-expect-error: no such service
  await store.costs.track({ campaignId: "x", service: "fax", itemsProcessed: 1, costUsd: "1" });
  // @ts-expect-error: a misspelt parameter
  await store.campaigns.updateStatistics({ campaign: "x" });
  const error = new StoredFunctionError("f", { error: "x" });
  await callStoredFunction(typed, "update_campaign_statistics", { p_campaign_id: "x" });
  return batch.inserted + error.attempts;
}
"""
LOADED = """
const names = Object.keys(campaigndb).filter((name) => name !== "default").sort();
campaigndb.callStoredFunction({ rpc() {} }, "update_campaign_statistics").catch((error) => {
  const isOurs = error instanceof campaigndb.StoredFunctionError;
  console.log(JSON.stringify([names, error.name, isOurs]));
});
"""


def test_what_is_published_loads_in_both_module_systems_and_has_types(tmp_path: Path) -> None:
    node()
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    [packed] = json.loads(run(npm, "pack", "--json", "--pack-destination", tmp_path, cwd=CLIENT))
    sources = {f"lib/{name}" for name in MODULES} | {"supabase-db"}
    assert {entry["path"] for entry in packed["files"]} == {
        *("LICENSE", "README.md", "package.json", "dist/commonjs/package.json"),
        *(f"{source}.js" for source in sources),
        *(f"dist/commonjs/{source}.{end}" for source in sources for end in ("js", "d.ts")),
        *(f"dist/types/{source}.d.ts" for source in sources),
    }

    modules = tmp_path / "node_modules"
    modules.mkdir()
    # Not Python's tarfile: its arguments differ between patch releases.
    run("tar", "-xzf", packed["filename"], cwd=tmp_path)
    (tmp_path / "package").rename(modules / "campaigndb")
    for name in ("@supabase", "@types", "undici-types"):
        (modules / name).symlink_to(CLIENT / "node_modules" / name)

    (tmp_path / "module.mjs").write_text(f'import * as campaigndb from "campaigndb";{LOADED}')
    (tmp_path / "script.cjs").write_text(f'const campaigndb = require("campaigndb");{LOADED}')
    for program in ("module.mjs", "script.cjs"):
        # A require() that loads ES modules is not in every Node 20.
        flags = ["--no-experimental-require-module"] if has_require_module() else []
        assert json.loads(run(node(), *flags, program, cwd=tmp_path)) == [
            [
                "COST_POLICY",
                "DEFAULT_POLICY",
                "StoredFunctionError",
                "callStoredFunction",
                "createCampaignStore",
            ],
            "StoredFunctionError",
            True,
        ]

    for program in ("module.mts", "script.cts"):
        (tmp_path / program).write_text(CONSUMER)
    tsc = CLIENT / "node_modules" / "typescript" / "bin" / "tsc"
    options = (
        "--noEmit",
        "--strict",
        "--skipLibCheck",
        "--module",
        "nodenext",
        "--target",
        "es2022",
    )
    run(node(), tsc, *options, "module.mts", "script.cts", cwd=tmp_path)


def has_require_module() -> bool:
    return bool(json.loads(run(node(), "-p", "!!process.features.require_module", cwd=CLIENT)))


@pytest.mark.parametrize("document", ["clients/javascript/README.md", "docs/supabase.md"])
def test_the_documents_examples_run(api: Api, tmp_path: Path, document: str) -> None:
    [example] = re.findall(r"```js\n(.*?)```", (ROOT / document).read_text("utf-8"), re.DOTALL)
    modules = tmp_path / "node_modules"
    modules.mkdir()
    (modules / "campaigndb").symlink_to(CLIENT)
    (modules / "@supabase").symlink_to(CLIENT / "node_modules" / "@supabase")
    (tmp_path / "example.mjs").write_text(example, encoding="utf-8")
    printed = run(
        node(),
        "--experimental-websocket",  # Node 20 has none otherwise
        "example.mjs",
        cwd=tmp_path,
        SUPABASE_URL=api.url,
        SUPABASE_SERVICE_KEY=api.service_key,
    )
    if "README" in document:
        assert "total_businesses: 1" in printed
        assert "total_verified_emails: 1" in printed
        assert "22023 p_cost_usd is not a finite amount of 0 or more false" in printed
    else:
        assert printed == "0.08\n0\n"


def test_the_package_is_the_projects() -> None:
    package = json.loads((CLIENT / "package.json").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert package["version"] == campaigndb.__version__
    assert package["license"] == project["license"]
    assert (CLIENT / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert "dependencies" not in package
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for name, version in package["devDependencies"].items():
        assert re.fullmatch(r"[\d.]+", version), f"{name} is not pinned"
        assert re.search(rf"^\| .*{re.escape(name)}\b.* \|", contributing, re.MULTILINE), (
            f"{name} is not justified"
        )


def test_the_lock_file_records_no_addresses() -> None:
    settings = (CLIENT / ".npmrc").read_text().split()
    assert "omit-lockfile-registry-resolved=true" in settings
    lock = json.loads((CLIENT / "package-lock.json").read_text())
    assert len(lock["packages"]) > 1
    for path, package in lock["packages"].items():
        assert "resolved" not in package, path
        assert not path or package.get("integrity"), path
