// No answer: lost ones, a server that is not there, deadlines, and signals that abort.

import assert from "node:assert/strict";
import { test } from "node:test";
import { callStoredFunction, createCampaignStore } from "../supabase-db.js";
import {
  answerLosingAddress,
  closedAddress,
  failure,
  lockCampaign,
  newBusiness,
  newCampaign,
  newClient,
  newServer,
  sql,
  store,
} from "./support.js";

const once = Object.freeze({ retries: { attempts: 1 } });

test("a call whose answer is lost is repeated and takes effect once", async () => {
  const losing = createCampaignStore(newClient(await answerLosingAddress()));
  const created = await losing.campaigns.createWithCoverage({
    campaignData: { name: "Turku" },
    zipCodes: ["20100"],
  });
  assert.equal(created.replayed, true);
  const campaignId = created.campaign_id;

  const place = { placeId: `lost ${campaignId}`, title: "Kahvila", emails: ["a@kahvila.fi"] };
  const batch = { campaignId, zipCode: "20100", businesses: [place] };
  assert.equal((await losing.businesses.insertBatch(batch)).skipped, 1);

  const service = /** @type {const} */ ("linkedin");
  const tracked = await losing.costs.track({
    campaignId,
    service,
    itemsProcessed: 1,
    costUsd: "0.5",
  });
  assert.deepEqual([tracked.replayed, tracked.new_total], [true, 0.5]);
  const cost = { campaign_id: campaignId, service, items_processed: 1, cost_usd: "0.25" };
  const batchTracked = await losing.costs.trackBatch({ costs: [cost, cost] });
  assert.deepEqual(
    batchTracked.costs.map((entry) => [entry.replayed, entry.new_total]),
    [
      [true, 0.75],
      [true, 1],
    ],
  );

  const scraped = { campaignId, zipCode: "20100", businessesFound: 1, emailsFound: 1 };
  await losing.coverage.updateStatus({ ...scraped, actualCost: "1" });

  const [business] = await sql`select id from gmaps_businesses where campaign_id = ${campaignId}`;
  const businessId = business?.id;
  await losing.enrichments.updateBatch({
    enrichmentType: "linkedin",
    enrichments: [{ business_id: businessId, success: true }],
  });
  const verified = await losing.emails.updateVerification({
    businessId,
    email: "a@kahvila.fi",
    verificationData: { status: "deliverable" },
  });
  assert.equal(verified.replayed, true);
  assert.equal((await losing.campaigns.updateStatistics({ campaignId })).total_businesses, 1);

  const [counts] = await sql`
    select
      (select count(*)::int from gmaps_campaigns where name = 'Turku') as campaigns,
      (select count(*)::int from gmaps_api_costs where campaign_id = ${campaignId}) as costs,
      (select count(*)::int from gmaps_email_verifications where business_id = ${businessId}) as log,
      (select enrichment_attempts from gmaps_businesses where id = ${businessId}) as attempts`;
  assert.deepEqual({ ...counts }, { campaigns: 1, costs: 3, log: 1, attempts: 1 });
});

test("a server that is not there is tried as often as allowed, and named", async () => {
  const nowhere = newClient(await closedAddress());
  const error = await failure(
    createCampaignStore(nowhere, {
      retries: { attempts: 3, firstWaitMs: 1 },
    }).campaigns.updateStatistics({ campaignId: "x" }),
  );
  assert.deepEqual(
    [error.error, error.code, error.attempts, error.outcomeUnknown, error.retryRecommended],
    ["The API could not be reached", undefined, 3, true, true],
  );
  assert.match(error.detail, /ECONNREFUSED/);

  // Whether a function of somebody else may be repeated is for its caller to say.
  const other = await failure(callStoredFunction(nowhere, "somebody_elses"));
  assert.deepEqual([other.attempts, other.retryRecommended], [1, false]);
  const repeatable = { repeatable: true, retries: { attempts: 2, firstWaitMs: 1 } };
  assert.equal((await failure(callStoredFunction(nowhere, "x", {}, repeatable))).attempts, 2);
});

test("what fails after a lost answer does not claim that nothing was written", async () => {
  const cases = [
    { status: 500, body: '{"code": "57014", "message": "canceled"}', attempts: 3, unknown: true },
    { status: 409, body: '{"code": "40001", "message": "conflict"}', attempts: 3, unknown: true },
    { status: 400, body: '{"code": "22023", "message": "negative"}', attempts: 2, unknown: false },
  ];
  for (const { status, body, attempts, unknown } of cases) {
    let asked = 0;
    const address = await newServer((request, response) => {
      if (++asked === 1) request.socket.destroy();
      else response.writeHead(status).end(body);
    });
    const told = await failure(
      createCampaignStore(newClient(address)).campaigns.updateStatistics(
        { campaignId: "x" },
        { retries: { attempts: 3, firstWaitMs: 1 } },
      ),
    );
    assert.deepEqual([told.attempts, told.outcomeUnknown], [attempts, unknown], body);
  }
});

/** @type {[string, (response: import("node:http").ServerResponse, body: string) => void][]} */
const hanging = [
  ["no answer", () => {}],
  ["half an answer", (response, body) => response.writeHead(200).write(body.slice(0, 9))],
];
for (const [what, lose] of hanging) {
  test(`${what} on an open connection is waited for no longer than an attempt's share`, async () => {
    const campaignId = await newCampaign();
    const cost = { campaignId, service: /** @type {const} */ ("bouncer"), itemsProcessed: 1 };
    await store.costs.track({ ...cost, costUsd: "1" }); // the API's first one takes longer
    let closed = 0;
    const address = await answerLosingAddress((response, body) => {
      response.on("close", () => closed++);
      lose(response, body);
    });
    /** @type {unknown[]} */
    const told = [];
    const tracked = await createCampaignStore(newClient(address)).costs.track(
      { ...cost, costUsd: "0.5" },
      {
        retries: { deadlineMs: 15_000, attemptMs: 700 },
        onRetry: (error) => told.push([error.error, error.outcomeUnknown, error.retryRecommended]),
      },
    );
    assert.deepEqual([tracked.replayed, tracked.new_total], [true, 1.5]);
    assert.deepEqual(told, [["No answer came within 700 ms", true, true]]);
    assert.equal(closed, 1, "the attempt that hung was ended");
    const [row] = await sql`
      select count(*)::int as costs from gmaps_api_costs where campaign_id = ${campaignId}`;
    assert.equal(row?.costs, 2);
  });
}

test("an attempt has a third of the deadline, the last one and one of its own all of it", async () => {
  /** @type {string[]} */
  const keys = [];
  const address = await newServer(async (request) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    keys.push(JSON.parse(Buffer.concat(chunks).toString()).p_metadata?.idempotency_key);
  });
  const hung = newClient(address);
  const cost = { campaignId: "x", service: /** @type {const} */ ("bouncer"), itemsProcessed: 1 };
  /** @param {object} retries */
  const track = (retries) =>
    failure(
      createCampaignStore(hung).costs.track(
        { ...cost, costUsd: "1" },
        { retries: { deadlineMs: 600, firstWaitMs: 1, ...retries } },
      ),
    );
  const error = await track({});
  assert.deepEqual(
    [error.error, error.attempts, error.outcomeUnknown, error.retryRecommended],
    ["No answer came before the deadline", 3, true, true],
  );
  assert.equal(new Set(keys).size, 1, "every attempt has the same key");

  const single = await track({ attempts: 1 });
  assert.deepEqual(
    [single.error, single.attempts, single.retryRecommended],
    ["No answer came before the deadline", 1, true],
  );
  const short = await track({ attempts: 2, attemptMs: 20 });
  assert.deepEqual([short.error, short.attempts], ["No answer came within 20 ms", 2]);

  // What must not be repeated is waited for as long as there is time, and not recommended.
  const other = await failure(
    callStoredFunction(hung, "somebody_elses", {}, { retries: { deadlineMs: 100 } }),
  );
  assert.deepEqual(
    [other.error, other.attempts, other.outcomeUnknown, other.retryRecommended],
    ["No answer came before the deadline", 1, true, false],
  );
});

test("the deadline ends a call in flight", async () => {
  const campaignId = await newCampaign();
  const release = await lockCampaign(campaignId);
  const retries = { deadlineMs: 100, attempts: 1 };
  const error = await failure(store.campaigns.updateStatistics({ campaignId }, { retries }));
  await release();
  assert.deepEqual(
    [error.error, error.outcomeUnknown, error.retryRecommended, error.attempts],
    ["No answer came before the deadline", true, true, 1],
  );
});

test("a signal ends a call in flight", async () => {
  const campaignId = await newCampaign();
  const release = await lockCampaign(campaignId);
  const reason = new Error("enough");
  const controller = new AbortController();
  const call = store.campaigns.updateStatistics({ campaignId }, { signal: controller.signal });
  setTimeout(() => controller.abort(reason), 50);
  await assert.rejects(call, (thrown) => thrown === reason);
  await release();
});

test("a signal ends a wait", async () => {
  const controller = new AbortController();
  const nowhere = createCampaignStore(newClient(await closedAddress()), {
    retries: { firstWaitMs: 60_000, longestWaitMs: 60_000, deadlineMs: Infinity },
    signal: controller.signal,
    onRetry: () => setTimeout(() => controller.abort(), 10),
  });
  const started = performance.now();
  await assert.rejects(nowhere.campaigns.updateStatistics({ campaignId: "x" }), {
    name: "AbortError",
  });
  assert.ok(performance.now() - started < 5000);
});

test("a signal that has aborted lets nothing be sent", async () => {
  const campaignId = await newCampaign();
  const businessId = await newBusiness(campaignId);
  const signal = AbortSignal.abort();
  const before = await sql`select updated_at from gmaps_businesses where id = ${businessId}`;
  await assert.rejects(
    store.enrichments.updateBatch(
      { enrichmentType: "facebook", enrichments: [{ business_id: businessId }] },
      { signal, ...once },
    ),
    { name: "AbortError" },
  );
  const after = await sql`select updated_at from gmaps_businesses where id = ${businessId}`;
  assert.deepEqual([...after], [...before]);
});
