// What the tests share: a client with the service key, a store, and the owner's connection.

import assert from "node:assert/strict";
import { createServer, request } from "node:http";
import { after } from "node:test";
import { createClient } from "@supabase/supabase-js";
import postgres from "postgres";
import ws from "ws";
import { createCampaignStore, StoredFunctionError } from "../supabase-db.js";

/** @param {string} name */
function environment(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run these tests with make test`);
  return value;
}

export const API_URL = environment("TEST_API_URL");
export const SERVICE_KEY = environment("TEST_SERVICE_KEY");
export const ANON_KEY = environment("TEST_ANON_KEY");

/** @param {string} [url] @param {string} [key] */
export function newClient(url = API_URL, key = SERVICE_KEY) {
  return createClient(url, key, {
    auth: { persistSession: false, autoRefreshToken: false },
    realtime: { transport: /** @type {any} */ (ws) }, // Node 20 has no WebSocket
    ...(process.env.TEST_REALM === "n8n" ? { global: { fetch: fetchOverHttp } } : {}),
  });
}

/**
 * A fetch for frozen realms: Node's own fails there where a connection closes, as it assigns its
 * errors their names.
 *
 * @param {string | URL | Request} url
 * @param {RequestInit} [init]
 * @returns {Promise<Response>}
 */
async function fetchOverHttp(url, { method, headers, body, signal } = {}) {
  const response = await new Promise((resolve, reject) => {
    const given = Object.fromEntries(new Headers(headers));
    const sent = request(String(url), { method: method ?? "GET", headers: given, agent: false });
    signal?.addEventListener("abort", () => sent.destroy(), { once: true });
    sent.on("response", resolve).on("error", reject).end(body);
  });
  const chunks = [];
  for await (const chunk of response) chunks.push(chunk);
  const { statusCode: status } = response;
  return new Response(status === 204 ? null : Buffer.concat(chunks), { status });
}

export const supabase = newClient();
export const store = createCampaignStore(supabase);

/** The database as its owner, who may look at the tables. */
export const sql = postgres(environment("TEST_DATABASE_URL"), { max: 3, onnotice: () => {} });
after(() => sql.end());

/** A campaign over two ZIP codes; its id. */
export async function newCampaign() {
  const created = await store.campaigns.createWithCoverage({
    campaignData: { name: "Helsinki" },
    zipCodes: ["00100", "00120"],
  });
  return created.campaign_id;
}

let places = 0;

/**
 * One business with a Facebook page; its id.
 *
 * @param {string} campaignId
 * @param {Record<string, unknown>} [record]
 */
export async function newBusiness(campaignId, record) {
  const placeId = `place ${(places += 1)} of ${campaignId}`;
  const business = {
    placeId,
    title: "Kauppahalli",
    facebooks: [`https://facebook.com/${places}`],
    ...record,
  };
  await store.businesses.insertBatch({ campaignId, zipCode: "00100", businesses: [business] });
  const [row] = await sql`select id from gmaps_businesses where place_id = ${placeId}`;
  return /** @type {string} */ (row?.id);
}

/**
 * The error with which a call failed.
 *
 * @param {Promise<unknown>} call
 * @returns {Promise<StoredFunctionError>}
 */
export async function failure(call) {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof StoredFunctionError, `not a StoredFunctionError: ${error}`);
    return error;
  }
  return assert.fail("the call did not fail");
}

/**
 * Holds the lock of a campaign's row, as another writer does, until it is released.
 *
 * @param {string} campaignId
 * @returns {Promise<() => Promise<void>>} releases it
 */
export async function lockCampaign(campaignId) {
  const connection = await sql.reserve();
  await connection`begin`;
  await connection`select from gmaps_campaigns where id = ${campaignId} for update`;
  return async () => {
    await connection`rollback`;
    connection.release();
  };
}

/**
 * A server of the test's own on loopback; its address.
 *
 * @param {import("node:http").RequestListener} listener
 */
export async function newServer(listener) {
  const server = createServer(listener);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  return `http://127.0.0.1:${address.port}`;
}

/** An address where nothing listens. */
export async function closedAddress() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${address.port}`;
}

/**
 * A proxy before the API that loses the first answer to every function: the call takes effect, and
 * its caller is told nothing.
 *
 * @param {(response: import("node:http").ServerResponse, body: string) => void} [lose] what becomes
 *   of that answer; default: the connection is closed
 */
export async function answerLosingAddress(lose = (response) => response.destroy()) {
  /** @type {Set<string | undefined>} */
  const lost = new Set();
  return newServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const answer = await fetch(`${API_URL}${request.url}`, {
      method: request.method ?? "POST",
      headers: {
        apikey: String(request.headers.apikey),
        "content-type": "application/json",
      },
      body: Buffer.concat(chunks),
    });
    const body = await answer.text();
    if (!lost.has(request.url)) {
      lost.add(request.url);
      lose(response, body);
      return;
    }
    response.writeHead(answer.status, { "content-type": "application/json" }).end(body);
  });
}
