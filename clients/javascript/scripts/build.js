// Makes dist/ from the sources: their types, and the same modules as CommonJS.

import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = dirname(dirname(fileURLToPath(import.meta.url)));
const tsc = join(
  dirname(createRequire(import.meta.url).resolve("typescript/package.json")),
  "bin/tsc",
);
const sources = ["supabase-db.js"];
const options = "--allowJs --checkJs --strict --skipLibCheck --declaration --target es2022".split(
  " ",
);

/** @param {string[]} more */
function compile(...more) {
  // A file list leaves tsconfig.json aside, which type-checks the tests too.
  const command = [tsc, ...sources, "--ignoreConfig", "--lib", "es2022,dom", "--rootDir", "."];
  execFileSync(process.execPath, [...command, ...options, ...more], {
    cwd: folder,
    stdio: "inherit",
  });
}

rmSync(join(folder, "dist"), { recursive: true, force: true });
compile("--module", "nodenext", "--emitDeclarationOnly", "--outDir", "dist/types");
compile("--module", "commonjs", "--moduleResolution", "bundler", "--outDir", "dist/commonjs");
writeFileSync(join(folder, "dist/commonjs/package.json"), '{ "type": "commonjs" }\n');
