"""The packed JavaScript package, installed: in other runtimes, bundled, and for its tools."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.supabase.node import CLIENT, node
from tests.supabase.test_javascript_package import run

RUNTIMES = CLIENT / "test" / "runtimes"
BIN = CLIENT / "node_modules" / ".bin"
PROGRAMS = {
    "node-22": "node-22/bin/node",
    "node-24": "node-24/bin/node",
    "bun": "@oven/bun-linux-x64-baseline/bin/bun",
    "deno": "@deno/linux-x64-glibc/deno",
    "workerd": "@cloudflare/workerd-linux-64/bin/workerd",
}
PRINT = 'import { run } from "./run.mjs"; console.log(await run());'
IN_COMMONJS = """
const campaigndb = require("campaigndb");
if (typeof campaigndb.createCampaignStore !== "function") throw new Error("no store");
"""
WORKER = """
import { run } from "./run.mjs";
export default {
  async test() {
    const found = await run();
    if (found !== "ok") throw new Error(found);
  },
};
"""
WORKER_CONFIG = """
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "main", worker = .worker)]);
const worker :Workerd.Worker = (
  modules = [(name = "bundle.mjs", esModule = embed "bundle.mjs")],
  compatibilityDate = "2025-01-01",
);
"""


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    node()
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("packed")
    [packed] = json.loads(run(npm, "pack", "--json", "--pack-destination", folder, cwd=CLIENT))
    return folder / str(packed["filename"])


@pytest.fixture
def project(tarball: Path, tmp_path: Path) -> Path:
    """A project that has installed the package and supabase-js."""
    modules = tmp_path / "node_modules"
    modules.mkdir()
    run("tar", "-xzf", tarball, cwd=tmp_path)
    (tmp_path / "package").rename(modules / "campaigndb")
    for name in ("@supabase", "@types", "undici-types", "iceberg-js", "tslib", "ws"):
        if (CLIENT / "node_modules" / name).exists():
            (modules / name).symlink_to(CLIENT / "node_modules" / name)
    shutil.copy(RUNTIMES / "run.mjs", tmp_path)
    (tmp_path / "main.mjs").write_text(PRINT)
    (tmp_path / "common.cjs").write_text(IN_COMMONJS)
    dependencies = {"campaigndb": "*", "@supabase/supabase-js": "*"}
    (tmp_path / "package.json").write_text(json.dumps({"dependencies": dependencies}))
    return tmp_path


def runtime(name: str) -> Path:
    """The runtime's program, which CI installs; elsewhere the test is left out without it."""
    program = RUNTIMES / "node_modules" / PROGRAMS[name]
    if not program.exists() and os.environ.get("CI", "").lower() in ("true", "1"):
        npm = shutil.which("npm") or "npm"
        subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"],
            cwd=RUNTIMES,
            capture_output=True,
            timeout=600,
            check=False,
        )
    if not program.exists():
        pytest.skip(f"{name} is not installed: npm ci in {RUNTIMES.relative_to(CLIENT.parents[1])}")
    program.chmod(0o755)
    return program


def test_in_the_node_of_the_tests(project: Path) -> None:
    assert run(node(), "main.mjs", cwd=project) == "ok\n"
    run(node(), "common.cjs", cwd=project)


@pytest.mark.timeout(700)
@pytest.mark.parametrize("name", ["node-22", "node-24", "bun", "deno"])
def test_in_another_runtime(project: Path, name: str) -> None:
    flags = ["run", "-A", "--node-modules-dir=manual"] if name == "deno" else []
    assert run(runtime(name), *flags, "main.mjs", cwd=project).splitlines()[-1] == "ok"
    run(runtime(name), *flags, "common.cjs", cwd=project)


def bundled(project: Path, source: str, *options: str) -> None:
    esbuild = BIN / "esbuild"
    if not esbuild.exists():
        pytest.skip("esbuild is not installed")
    (project / "entry.mjs").write_text(source)
    run(esbuild, "entry.mjs", "--bundle", "--log-level=error", *options, cwd=project)


def test_bundled_by_esbuild(project: Path) -> None:
    # Also for older runtimes, whose classes have no fields.
    for target in ("es2022", "es2020"):
        source = 'import { run } from "./run.mjs"; run().then(console.log);'
        options = ("--minify", "--platform=node", "--format=cjs", f"--target={target}")
        bundled(project, source, *options, "--outfile=bundle.cjs")
        assert run(node(), "bundle.cjs", cwd=project) == "ok\n"


@pytest.mark.timeout(700)
def test_in_workerd(project: Path) -> None:
    program = runtime("workerd")
    bundled(project, WORKER, "--format=esm", "--conditions=workerd", "--outfile=bundle.mjs")
    (project / "config.capnp").write_text(WORKER_CONFIG)
    run(program, "test", "config.capnp", cwd=project)


def test_publint_and_attw_find_nothing(tarball: Path) -> None:
    assert "All good!" in run(node(), BIN / "publint", "run", tarball, "--strict", cwd=CLIENT)
    run(node(), BIN / "attw", tarball, cwd=CLIENT)


USES = (CLIENT / "test" / "runtimes" / "use.mts").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("module", "resolution"),
    [("node16", "node16"), ("nodenext", "nodenext"), ("esnext", "bundler")],
)
def test_types_fit_their_uses(project: Path, module: str, resolution: str) -> None:
    (project / "use.mts").write_text(USES)
    options = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022"]
    tsc = CLIENT / "node_modules" / "typescript" / "bin" / "tsc"
    resolving = ["--module", module, "--moduleResolution", resolution]
    run(node(), tsc, *options, *resolving, "use.mts", cwd=project)


@pytest.mark.timeout(700)
def test_types_fit_their_uses_in_deno(project: Path) -> None:
    (project / "use.mts").write_text(USES)
    run(runtime("deno"), "check", "--node-modules-dir=manual", "use.mts", cwd=project)


def test_the_tarball_is_no_file_of_the_repository() -> None:
    root = CLIENT.parents[1]
    ignored = run("git", "check-ignore", "clients/javascript/campaigndb-0.3.0.tgz", cwd=root)
    assert ignored.strip() == "clients/javascript/campaigndb-0.3.0.tgz"
