// Who may not call, what the API does not know, and what cannot be sent.

import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { callStoredFunction, createCampaignStore } from "../supabase-db.js";
import { STORED_FUNCTIONS } from "../lib/catalogue.js";
import {
  ANON_KEY,
  API_URL,
  failure,
  newCampaign,
  newClient,
  sql,
  store,
  supabase,
} from "./support.js";

/** Its contents are nobody else's. */
class Hidden {
  #secret = 1;
  get secret() {
    return this.#secret;
  }
}

const ID = "00000000-0000-0000-0000-000000000001";
const queue = { p_campaign_id: ID, p_enrichment_type: "facebook" };
/** @type {Record<string, Record<string, unknown>>} */
const PARAMETERS = {
  create_campaign_with_coverage: { p_campaign_data: { name: "x" }, p_zip_codes: null },
  insert_businesses_batch: { p_campaign_id: ID, p_zip_code: "00100", p_businesses: [] },
  update_campaign_statistics: { p_campaign_id: ID },
  track_campaign_cost: {
    p_campaign_id: ID,
    p_service: "facebook",
    p_items_processed: 1,
    p_cost_usd: "1",
  },
  track_campaign_costs_batch: { p_costs: [] },
  update_coverage_status: {
    p_campaign_id: ID,
    p_zip_code: "00100",
    p_businesses_found: 1,
    p_emails_found: 1,
    p_actual_cost: "1",
  },
  update_enrichment_batch: { p_enrichment_type: "facebook", p_enrichments: [] },
  update_email_verification: { p_business_id: ID, p_email: "a@b.fi", p_verification_data: {} },
  get_businesses_for_enrichment: queue,
  get_businesses_for_enrichment_after: queue,
};

test("the anonymous key may call nothing", async () => {
  const anonymous = newClient(API_URL, ANON_KEY);
  for (const [name, { required }] of Object.entries(STORED_FUNCTIONS)) {
    const parameters = Object.fromEntries(required.map((parameter) => [parameter, null]));
    const error = await failure(
      callStoredFunction(anonymous, name, { ...parameters, ...PARAMETERS[name] }),
    );
    assert.deepEqual(
      [error.functionName, error.code, error.error, error.attempts],
      [name, "42501", "The key's role may not call the function", 1],
    );
  }
});

test("a key that is none is refused", async () => {
  const stranger = createCampaignStore(newClient(API_URL, "sb_secret_nobody"));
  const error = await failure(stranger.campaigns.updateStatistics({ campaignId: ID }));
  assert.deepEqual(
    [error.error, error.status, error.attempts],
    ["The API refused the key", 401, 1],
  );
});

test("an unknown function and a wrong parameter are named", async () => {
  const unknown = await failure(callStoredFunction(supabase, "no_such_function", { p_a: 1 }));
  assert.deepEqual([unknown.code, unknown.status, unknown.attempts], ["PGRST202", 404, 1]);
  assert.match(unknown.message, /no_such_function/);
  assert.match(unknown.error, /knows no such function/);

  const wrong = { p_campaign: ID };
  const misnamed = await failure(callStoredFunction(supabase, "update_campaign_statistics", wrong));
  assert.equal(misnamed.detail, "p_campaign_id is missing; given: p_campaign");
  const more = await failure(
    callStoredFunction(supabase, "update_campaign_statistics", { p_campaign_id: ID, ...wrong }),
  );
  assert.equal(more.code, "PGRST202");
  assert.match(more.detail, /p_campaign\b/);
  // A misspelt name is not left out silently.
  const misspelt = { campaignId: ID, limits: 3, enrichmentType: /** @type {const} */ ("facebook") };
  assert.match((await failure(store.enrichments.getBusinesses(misspelt))).detail, /p_limits/);
});

test("what is missing is named, and nothing is sent", async () => {
  const none = /** @type {any} */ (undefined);
  for (const [group, methods] of Object.entries(store)) {
    for (const [name, method] of Object.entries(methods)) {
      // One needs no parameter, the other calls nothing itself.
      if (name === "list" || name === "batches") continue;
      const called = name === "iterate" ? method().next() : method();
      const error = await failure(called);
      assert.deepEqual([error.code, error.attempts], ["22023", 0], `${group}.${name}`);
      assert.match(error.message, /^\w+: Invalid input: p_\w+.* missing; given: (none|p_zip_codes|p_limit)/);
    }
  }
  const campaignId = none; // a variable that nobody set
  const cost = { campaignId, service: none, itemsProcessed: 1, costUsd: "1" };
  assert.equal(
    (await failure(store.costs.track(cost))).detail,
    "p_campaign_id, p_service are missing; given: p_items_processed, p_cost_usd",
  );
  assert.equal(
    (await failure(callStoredFunction(supabase, "update_campaign_statistics"))).detail,
    "p_campaign_id is missing; given: none",
  );
  await assert.rejects(callStoredFunction(none, "update_campaign_statistics"), TypeError);
  await assert.rejects(callStoredFunction(supabase, none), /a function's name/);
});

test("failures of a function keep their code and their text", async () => {
  const missing = await failure(store.campaigns.updateStatistics({ campaignId: ID }));
  assert.deepEqual(
    [missing.code, missing.error, missing.status, missing.outcomeUnknown],
    ["23503", "Referenced record not found", undefined, false],
  );
  assert.match(missing.detail, new RegExp(ID));
  const rows = await failure(
    store.enrichments.getBusinesses({ campaignId: ID, enrichmentType: "facebook" }),
  );
  assert.deepEqual([rows.code, rows.error], ["23503", "Referenced record not found"]);
  const noUuid = await failure(store.campaigns.updateStatistics({ campaignId: "x" }));
  assert.deepEqual([noUuid.code, noUuid.retryRecommended], ["22P02", false]);
});

test("what JSON would change silently is refused before it is sent", async () => {
  const campaignId = await newCampaign();
  /** @type {Record<string, unknown>} */
  const itself = { name: "x" };
  itself.again = itself;
  let deep = {};
  for (let depth = 0; depth < 100_000; depth++) deep = { deep };
  /** @type {[unknown, RegExp][]} */
  const values = [
    [NaN, /p_businesses\[1\]\.rating is NaN$/],
    [-Infinity, /is -Infinity$/],
    [[undefined], /rating\[0\] is undefined$/],
    [() => 1, /is a function$/],
    [Symbol("x"), /is a symbol$/],
    [new Map(), /is a Map$/],
    [new Set([1]), /is a Set$/],
    [new Uint8Array(2), /is a Uint8Array$/],
    [Buffer.from("x"), /is a Buffer$/],
    [new ArrayBuffer(2), /is an ArrayBuffer$/],
    [new Error("x"), /is an Error$/],
    [/x/, /is a RegExp$/],
    [Promise.resolve(1), /is a Promise$/],
    [new URLSearchParams("x=1"), /is an? URLSearchParams$/],
    [new Hidden(), /is a Hidden$/],
    [runInNewContext("new Map([[1, 2]])"), /is a Map$/],
    [new Date("never"), /is an invalid Date$/],
    [runInNewContext("new Date('never')"), /is an invalid Date$/],
    [new Number(NaN), /is NaN$/],
    [itself, /contains itself$/],
    [deep, /nested too deeply$/],
  ];
  for (const [rating, detail] of values) {
    const businesses = [{ placeId: `first ${campaignId}`, title: "x" }, { rating }];
    const error = await failure(
      store.businesses.insertBatch({ campaignId, zipCode: null, businesses }),
    );
    assert.deepEqual([error.code, error.attempts, error.retryRecommended], ["22023", 0, false]);
    assert.match(error.detail, detail);
  }
  const [row] = await sql`
    select count(*)::int as count from gmaps_businesses where campaign_id = ${campaignId}`;
  assert.equal(row?.count, 0);
});

test("an object that would be sent without its contents is refused wherever an object may be", async () => {
  const campaignId = await newCampaign();
  const service = /** @type {const} */ ("facebook");
  const cost = { campaignId, service, itemsProcessed: 1, costUsd: "1" };
  const item = { campaign_id: campaignId, service, items_processed: 1, cost_usd: "1" };
  const any = /** @type {any} */ (new Map([["job", 7]]));
  const hidden = /** @type {any} */ (new Hidden());
  /** @type {[Promise<unknown>, string][]} */
  const calls = [
    [store.costs.track({ ...cost, metadata: any }), "p_metadata is a Map"],
    [store.costs.track({ ...cost, metadata: hidden }), "p_metadata is a Hidden"],
    [store.costs.track({ ...cost, metadata: { a: [any] } }), "p_metadata.a[0] is a Map"],
    [store.costs.trackBatch({ costs: any }), "p_costs is a Map"],
    [store.costs.trackBatch({ costs: runInNewContext("new Map()") }), "p_costs is a Map"],
    [store.costs.trackBatch({ costs: [item, any] }), "p_costs[1] is a Map"],
    [
      store.costs.trackBatch({ costs: [{ ...item, metadata: any }] }),
      "p_costs[0].metadata is a Map",
    ],
    [
      store.campaigns.createWithCoverage({ campaignData: any, zipCodes: [] }),
      "p_campaign_data is a Map",
    ],
    [
      store.enrichments.updateBatch({ enrichmentType: "facebook", enrichments: [any] }),
      "p_enrichments[0] is a Map",
    ],
    [
      store.emails.updateVerification({ businessId: ID, email: "a@b.fi", verificationData: any }),
      "p_verification_data is a Map",
    ],
  ];
  for (const [call, detail] of calls) {
    const error = await failure(call);
    assert.deepEqual([error.code, error.attempts, error.detail], ["22023", 0, detail]);
  }
  const [row] = await sql`
    select count(*)::int as count from gmaps_api_costs where campaign_id = ${campaignId}`;
  assert.equal(row?.count, 0);
});

test("an object with a class is sent as its fields, or as it says itself", async () => {
  const campaignId = await newCampaign();
  class Job {
    /** @param {number} number */
    constructor(number) {
      this.number = number;
    }
  }
  class Document {
    #fields = { job: new Job(7), idempotency_key: `key of ${campaignId}` };
    internal = new Map();
    toJSON() {
      return this.#fields;
    }
  }
  const service = /** @type {const} */ ("facebook");
  const cost = { campaignId, service, itemsProcessed: 1, costUsd: "1" };
  const { cost_id: costId } = await store.costs.track({
    ...cost,
    metadata: /** @type {any} */ (new Document()),
  });
  const item = { campaign_id: campaignId, service, items_processed: 1, cost_usd: "1" };
  const boxed = Object.assign(Object.create(null), { flag: new Boolean(false), none: {} });
  await store.costs.trackBatch({ costs: new Set([{ ...item, metadata: boxed }]) });
  const rows = await sql`
    select metadata - 'idempotency_key' as metadata, id = ${costId} as is_document,
      metadata ->> 'idempotency_key' as key
    from gmaps_api_costs where campaign_id = ${campaignId} order by is_document`;
  assert.deepEqual(
    rows.map((row) => row.metadata),
    [{ flag: false, none: {} }, { job: { number: 7 } }],
  );
  assert.equal(rows[1]?.key, `key of ${campaignId}`);
});

test("what JSON has another way of writing goes in", async () => {
  const campaignId = await newCampaign();
  const record = {
    placeId: `dates ${campaignId}`,
    title: "x",
    seen: new Date(0),
    reviews: 12n,
    nothing: undefined,
  };
  await store.businesses.insertBatch({ campaignId, zipCode: null, businesses: [record] });
  const [row] = await sql`select raw_data from gmaps_businesses where campaign_id = ${campaignId}`;
  assert.deepEqual(row?.raw_data, {
    placeId: record.placeId,
    title: "x",
    seen: "1970-01-01T00:00:00.000Z",
    reviews: "12",
  });
});

test("money that is no amount is refused", async () => {
  const campaignId = await newCampaign();
  /** @param {any} costUsd */
  const track = (costUsd) =>
    failure(store.costs.track({ campaignId, service: "facebook", itemsProcessed: 1, costUsd }));
  for (const costUsd of [NaN, Infinity]) {
    const error = await track(costUsd);
    assert.deepEqual(
      [error.code, error.attempts, error.detail],
      ["22023", 0, `p_cost_usd is ${costUsd}`],
    );
  }
  for (const costUsd of ["NaN", "Infinity", "-0.01", null]) {
    assert.equal((await track(costUsd)).code, "22023");
  }
  assert.equal((await track("much")).code, "22P02");
  const inBatch = { campaign_id: campaignId, service: /** @type {const} */ ("facebook") };
  const error = await failure(
    store.costs.trackBatch({ costs: [{ ...inBatch, items_processed: 1, cost_usd: NaN }] }),
  );
  assert.equal(error.detail, "p_costs[0].cost_usd is NaN");
});

test("a text that PostgreSQL cannot store is refused", async () => {
  const error = await failure(
    store.emails.updateVerification({ businessId: ID, email: "a\0@b.fi", verificationData: {} }),
  );
  assert.match(error.detail, /^p_email holds a character/);
});

test("a key that PostgreSQL cannot store is refused, and no other call's key becomes the same", async () => {
  const campaignId = await newCampaign();
  const service = /** @type {const} */ ("facebook");
  const cost = { campaignId, service, itemsProcessed: 1, costUsd: "1" };
  const item = { campaign_id: campaignId, service, items_processed: 1, cost_usd: "1" };
  for (const character of ["\0", "\uD800", "\uDFFF"]) {
    const keyed = { idempotency_key: `job ${character}` };
    /** @type {[Promise<unknown>, string][]} */
    const calls = [
      [store.costs.track({ ...cost, metadata: keyed }), "p_metadata"],
      [
        store.costs.trackBatch({ costs: [item, { ...item, metadata: keyed }] }),
        "p_costs[1].metadata",
      ],
      [
        store.enrichments.updateBatch({
          enrichmentType: "facebook",
          enrichments: [{ business_id: ID, ...keyed }],
        }),
        "p_enrichments[0]",
      ],
      [
        store.emails.updateVerification({
          businessId: ID,
          email: "a@b.fi",
          verificationData: keyed,
        }),
        "p_verification_data",
      ],
    ];
    for (const [call, place] of calls) {
      const error = await failure(call);
      assert.deepEqual(
        [error.code, error.attempts, error.detail],
        ["22023", 0, `${place}.idempotency_key holds a character that PostgreSQL cannot store`],
      );
    }
  }
  // Elsewhere it is replaced; and what only looks like half of a pair is a key like any other.
  const metadata = { idempotency_key: "job 😀", note: "a\0b", inner: { idempotency_key: "\0" } };
  assert.equal((await store.costs.track({ ...cost, metadata })).replayed, false);
  const rows = await sql`
    select metadata from gmaps_api_costs where campaign_id = ${campaignId}`;
  assert.deepEqual(
    rows.map((row) => row.metadata),
    [{ idempotency_key: "job 😀", note: "a\uFFFDb", inner: { idempotency_key: "\uFFFD" } }],
  );
});

test("a client that throws instead of returning errors is understood", async () => {
  const throwing = new Proxy(supabase, {
    get: (client, property) =>
      property === "rpc"
        ? (/** @type {[string, any]} */ ...call) => client.rpc(...call).throwOnError()
        : Reflect.get(client, property),
  });
  const error = await failure(callStoredFunction(throwing, "no_such_function"));
  assert.deepEqual([error.code, error.attempts], ["PGRST202", 1]);
});

test("a store needs a client", () => {
  assert.throws(() => createCampaignStore(/** @type {any} */ (undefined)), TypeError);
  const old = /** @type {any} */ ({ rpc() {} }); // the first releases of supabase-js 2
  assert.throws(() => createCampaignStore(old, { schema: "x" }), /no schema\(\)/);
});
