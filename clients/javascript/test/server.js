// The HTTP API in front of databases of the test server: `/<database>/rest/v1/rpc/<function>`, as
// PostgREST serves it on Supabase, by Supabase Lite. Prints its port once it listens; ends with its
// standard input, so that it cannot outlive the tests that started it.
//
// Environment: API_SERVER_URL (the server's address, without a database), and a key and a role for
// each of API_SERVICE_KEY, API_SERVICE_ROLE, API_ANON_KEY, API_ANON_ROLE.

import { serve } from "@hono/node-server";
import { App } from "@supabase/lite";
import { createPostgresConnection } from "@supabase/lite/postgres";

const environment = process.env;
/** @type {Map<string | null, { type: "secret" | "publishable", claims: { role: string } }>} */
const keys = new Map([
  [environment.API_SERVICE_KEY, { type: "secret", claims: { role: environment.API_SERVICE_ROLE } }],
  [environment.API_ANON_KEY, { type: "publishable", claims: { role: environment.API_ANON_ROLE } }],
]);

// PostgREST begins a function's transaction at the level of the function's own setting
// default_transaction_isolation; this server does not, so that such functions have connections of
// their own.
const SERIALIZABLE_FUNCTIONS = `
  select proname from pg_proc
  where pronamespace = 'public'::regnamespace
    and 'default_transaction_isolation=serializable' = any (proconfig)`;

/** JSON as PostgREST passes it on: the API server writes objects as text, and the driver would once
 * more. @param {unknown} value */
function toJson(value) {
  if (typeof value !== "string") return JSON.stringify(value);
  try {
    JSON.parse(value);
    return value;
  } catch {
    return JSON.stringify(value);
  }
}

/** @param {string} database @param {string} isolation */
function openApp(database, isolation) {
  const url = new URL(environment.API_SERVER_URL);
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
  connection.ensureRlsContext = async () => true;
  const options = { server: { apiKeys: { resolver: async (key) => keys.get(key) ?? null } } };
  return new App({ connection, options });
}

/** One database: an app for most functions, another one for those at SERIALIZABLE. */
class Database {
  constructor(name) {
    this.name = name;
    this.app = openApp(name, "read committed");
  }

  async fetch(request, path) {
    this.serializable ??= this.app.connection.driver
      .unsafe(SERIALIZABLE_FUNCTIONS)
      .then((rows) => new Set(rows.map((row) => `/rest/v1/rpc/${row.proname}`)));
    if (!(await this.serializable).has(path)) return this.app.fetch(request);
    this.serializableApp ??= openApp(this.name, "serializable");
    return this.serializableApp.fetch(request);
  }

  async close() {
    const apps = [this.app, ...(this.serializableApp ? [this.serializableApp] : [])];
    // A client that went away leaves its transaction open here: it is not waited for.
    await Promise.all(apps.map((app) => app.connection.driver.end({ timeout: 1 })));
  }
}

/** @type {Map<string, Database>} */
const databases = new Map();

async function handle(request) {
  const url = new URL(request.url);
  const [, name, ...rest] = url.pathname.split("/");
  if (request.method === "DELETE" && rest.length === 0) {
    await databases.get(name)?.close();
    databases.delete(name);
    return new Response(null, { status: 204 });
  }
  if (!databases.has(name)) databases.set(name, new Database(name));
  url.pathname = `/${rest.join("/")}`;
  return databases.get(name).fetch(new Request(url, request), url.pathname);
}

const server = serve({ fetch: handle, hostname: "127.0.0.1", port: 0 }, ({ port }) => {
  console.log(port);
});
process.stdin.resume().on("end", () => {
  server.closeAllConnections?.();
  process.exit(0);
});
