// The HTTP API in front of databases of the test server: `/<database>/rest/v1/rpc/<function>`, as
// PostgREST serves it on Supabase, by Supabase Lite. Prints its port once it listens; ends with its
// standard input, so that it cannot outlive the tests that started it.

import { serve } from "@hono/node-server";
import { App } from "@supabase/lite";
import { createPostgresConnection } from "@supabase/lite/postgres";

/** @param {string} name */
function environment(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

const serverUrl = environment("API_SERVER_URL"); // without a database
// Each key stands for a role of the database.
const keys = new Map([
  [environment("API_SERVICE_KEY"), { type: "secret", role: environment("API_SERVICE_ROLE") }],
  [environment("API_ANON_KEY"), { type: "publishable", role: environment("API_ANON_ROLE") }],
]);

// PostgREST begins a function's transaction at the level of the function's own setting
// default_transaction_isolation; this server does not, so that such functions have connections of
// their own.
const SERIALIZABLE_FUNCTIONS = `
  select proname from pg_proc
  where pronamespace = 'public'::regnamespace
    and 'default_transaction_isolation=serializable' = any (proconfig)`;

/**
 * JSON as PostgREST passes it on: the API server writes objects as text, and the driver would once
 * more.
 *
 * @param {unknown} value
 */
function toJson(value) {
  if (typeof value !== "string") return JSON.stringify(value);
  try {
    JSON.parse(value);
    return value;
  } catch {
    return JSON.stringify(value);
  }
}

/** @param {string | null} key @returns {Promise<any>} */
async function resolveKey(key) {
  const known = keys.get(key ?? "");
  return known ? { type: known.type, claims: { role: known.role } } : null;
}

/** @param {string} database @param {"read committed" | "serializable"} isolation */
function openApp(database, isolation) {
  const url = new URL(serverUrl);
  url.pathname = database;
  const connection = createPostgresConnection({
    url: url.href,
    postgresOptions: {
      connection: { default_transaction_isolation: isolation, application_name: "api server" },
      types: { jsonb: { to: 3802, from: [3802], serialize: toJson, parse: JSON.parse } },
      onnotice: () => {},
    },
  });
  // It would grant every table to Supabase's roles, which is what the migrations take back.
  Object.assign(connection, { ensureRlsContext: async () => true });
  return new App({ connection, options: { server: { apiKeys: { resolver: resolveKey } } } });
}

/** One database: an app for most functions, another one for those at SERIALIZABLE. */
class Database {
  #name;
  #app;
  /** @type {ReturnType<typeof openApp> | undefined} */
  #serializableApp;
  /** @type {Promise<Set<string>>} */
  #serializablePaths;

  /** @param {string} name */
  constructor(name) {
    this.#name = name;
    this.#app = openApp(name, "read committed");
    this.#serializablePaths = this.#app.connection.driver
      .unsafe(SERIALIZABLE_FUNCTIONS)
      .then((rows) => new Set(rows.map((row) => `/rest/v1/rpc/${row.proname}`)));
  }

  /** @param {Request} request @param {string} path */
  async fetch(request, path) {
    if (!(await this.#serializablePaths).has(path)) return this.#app.fetch(request);
    this.#serializableApp ??= openApp(this.#name, "serializable");
    return this.#serializableApp.fetch(request);
  }

  async close() {
    await Promise.all([this.#app.connection.close(), this.#serializableApp?.connection.close()]);
  }
}

/** @type {Map<string, Database>} */
const databases = new Map();

/** @param {Request} request */
async function handle(request) {
  const url = new URL(request.url);
  const [, name = "", ...rest] = url.pathname.split("/");
  if (request.method === "DELETE" && rest.length === 0) {
    await databases.get(name)?.close();
    databases.delete(name);
    return new Response(null, { status: 204 });
  }
  const database = databases.get(name) ?? new Database(name);
  databases.set(name, database);
  url.pathname = `/${rest.join("/")}`;
  return database.fetch(new Request(url, request), url.pathname);
}

serve({ fetch: handle, hostname: "127.0.0.1", port: 0 }, ({ port }) => console.log(port));
process.stdin.resume().on("end", () => process.exit(0));
