// The HTTP API in front of databases of the test server: `/<database>/rest/v1/rpc/<function>`, as
// PostgREST serves it on Supabase, by Supabase Lite. Prints its port once it listens; ends with its
// standard input, so that it cannot outlive the tests that started it.

import { AsyncLocalStorage } from "node:async_hooks";
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
      types: {
        jsonb: { to: 3802, from: [3802], serialize: toJson, parse: JSON.parse },
        // A number in JSON, as PostgREST has it; the driver's own is a text.
        numeric: { to: 1700, from: [1700], serialize: String, parse: Number },
      },
      max: 3, // PostgREST has more: here a crowd meets itself less often, and the tests are cheap
      onnotice: () => {},
    },
  });
  const normalize = connection.normalizeDbError.bind(connection);
  Object.assign(connection, {
    // It would grant every table to Supabase's roles, which is what the migrations take back.
    ensureRlsContext: async () => true,
    /** @param {unknown} error */
    normalizeDbError: (error) => {
      const normal = normalize(error);
      Object.assign(requests.getStore() ?? {}, { error: normal });
      return normal;
    },
  });
  return new App({ connection, options: { server: { apiKeys: { resolver: resolveKey } } } });
}

/** @type {AsyncLocalStorage<{ error?: any }>} what went wrong in the database, by request */
const requests = new AsyncLocalStorage();

/**
 * The app's answer, with the database's own code where the app has no word for it: PostgREST
 * forwards every code.
 *
 * @param {ReturnType<typeof openApp>} app
 * @param {Request} request
 * @returns {Promise<Response>}
 */
function answer(app, request) {
  /** @type {{ error?: any }} */
  const context = {};
  return requests.run(context, async () => {
    const response = await app.fetch(request);
    const code = String(context.error?.code);
    if (response.status !== 500 || !/^[0-9A-Z]{5}$/.test(code)) return response;
    const { message, detail = null, hint = null } = context.error;
    const status = code === "P0001" ? 400 : /^(08|53)/.test(code) ? 503 : 500;
    return Response.json({ code, message, details: detail, hint }, { status });
  });
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
    if (!(await this.#serializablePaths).has(path)) return answer(this.#app, request);
    this.#serializableApp ??= openApp(this.#name, "serializable");
    return answer(this.#serializableApp, request);
  }

  async close() {
    const apps = [this.#app, this.#serializableApp];
    // Without waiting for calls that a test has left behind.
    await Promise.all(apps.map((app) => app?.connection.driver.end({ timeout: 0 })));
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
