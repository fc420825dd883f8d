// The loop of a worker.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createCampaignStore } from "../supabase-db.js";
import {
  answerLosingAddress,
  failure,
  newBusiness,
  newCampaign,
  newClient,
  sql,
  store,
} from "./support.js";

/** @param {number} count */
async function campaignWith(count) {
  const campaignId = await newCampaign();
  const businesses = [];
  for (let index = 0; index < count; index++) businesses.push(await newBusiness(campaignId));
  return { campaignId, businesses };
}

/** @param {{ business_id: string }} business */
function found({ business_id }) {
  return { business_id, success: true, page_name: "P", primary_email: `${business_id}@a.fi` };
}

/** @param {string} campaignId */
async function held(campaignId) {
  const { leases } = await store.work.status({ campaignId });
  return leases.reduce((sum, lease) => sum + lease.held, 0);
}

test("two workers share a queue, each lookup is paid once, and the end has its reason", async () => {
  const { campaignId, businesses } = await campaignWith(7);
  /** @type {string[]} */
  const seen = [];
  const worker = async () => {
    const batches = store.work.batches({ kind: "facebook", campaignId, pageSize: 2, unitCostUsd: "0.01" });
    for await (const batch of batches) {
      seen.push(...batch.items.map((business) => business.business_id));
      const outcome = await batch.finish(batch.items.map(found), {
        costUsd: `0.0${batch.items.length}`,
        metadata: { run: 7 },
      });
      assert.equal(outcome?.updated, batch.items.length);
    }
    return batches.reason;
  };
  assert.deepEqual(await Promise.all([worker(), worker()]), ["empty", "empty"]);
  assert.deepEqual(seen.sort(), businesses.sort());
  const [ledger] = await sql`
    select sum(cost_usd)::text as sum, sum(items_processed)::int as items,
      bool_and(metadata ->> 'run' = '7') as has_run
    from gmaps_api_costs where campaign_id = ${campaignId} and service = 'facebook'`;
  assert.deepEqual({ ...ledger }, { sum: "0.0700", items: 7, has_run: true });
});

test("an exception, a break and a batch that is not finished give the items back", async () => {
  const { campaignId } = await campaignWith(3);
  const batches = () => store.work.batches({ kind: "facebook", campaignId, worker: "w" });
  const reason = new Error("mine");
  await assert.rejects(
    async () => {
      for await (const batch of batches()) {
        assert.deepEqual([batch.items.length, await held(campaignId)], [3, 3]);
        throw reason;
      }
    },
    (thrown) => thrown === reason,
  );
  assert.equal(await held(campaignId), 0);
  for await (const batch of batches()) {
    assert.equal(batch.items.length, 3);
    break;
  }
  assert.equal(await held(campaignId), 0);
  await assert.rejects(async () => {
    for await (const _ of batches());
  }, /was not finished: await batch.finish/);
  assert.equal(await held(campaignId), 0);
});

test("a signal ends the loop with its reason, and what was held is given back", async () => {
  const { campaignId } = await campaignWith(2);
  const controller = new AbortController();
  const reason = new Error("enough");
  const parameters = { kind: /** @type {const} */ ("facebook"), campaignId, worker: "w" };
  await assert.rejects(
    async () => {
      const batches = store.work.batches(parameters, { signal: controller.signal });
      for await (const batch of batches) {
        controller.abort(reason);
        await batch.finish(batch.items.map(found));
      }
    },
    (thrown) => thrown === reason,
  );
  assert.equal(await held(campaignId), 0);
});

test("stop() ends the loop behind the batch at hand", async () => {
  const { campaignId } = await campaignWith(3);
  const batches = store.work.batches({ kind: "facebook", campaignId, pageSize: 1 });
  let count = 0;
  for await (const batch of batches) {
    count += 1;
    batches.stop();
    await batch.finish(batch.items.map(found));
  }
  assert.deepEqual([count, batches.reason], [1, "stopped"]);
});

test("the loop says that the budget is exhausted, or that the campaign is paused", async () => {
  const { campaignId } = await campaignWith(4);
  await store.campaigns.updateBudget({ campaignId, budgetUsd: "0.25" });
  const batches = store.work.batches({ kind: "facebook", campaignId, unitCostUsd: "0.1" });
  let count = 0;
  for await (const batch of batches) {
    count += batch.items.length;
    await batch.finish(batch.items.map(found), { costUsd: "0.2" });
  }
  assert.deepEqual([count, batches.reason], [2, "budget_exhausted"]);
  await store.campaigns.updateStatus({ campaignId, status: "paused" });
  const paused = store.work.batches({ kind: "facebook", campaignId });
  for await (const _ of paused) assert.fail("a paused campaign hands out nothing");
  assert.equal(paused.reason, "paused");
});

test("the lease is extended while the body works", async () => {
  const { campaignId } = await campaignWith(1);
  const batches = store.work.batches({ kind: "facebook", campaignId, worker: "w", leaseSeconds: 1 });
  for await (const batch of batches) {
    await new Promise((resolve) => setTimeout(resolve, 1600));
    assert.equal(await held(campaignId), 1, "nobody else gets it");
    await batch.finish(batch.items.map(found));
  }
});

test("an item without a result has failed, and finishing twice counts once", async () => {
  const { campaignId } = await campaignWith(2);
  const losing = createCampaignStore(newClient(await answerLosingAddress()), {
    retries: { firstWaitMs: 1 },
  });
  for await (const batch of losing.work.batches({ kind: "facebook", campaignId })) {
    const results = batch.items.slice(0, 1).map(found);
    await batch.finish(results, { costUsd: "0.02" });
    await batch.finish(results, { costUsd: "0.02" });
  }
  const [state] = await sql`
    select
      (select sum(cost_usd)::text from gmaps_api_costs where campaign_id = ${campaignId}) as cost,
      (select array_agg(enrichment_attempts order by enrichment_attempts)
        from gmaps_businesses where campaign_id = ${campaignId}) as attempts`;
  assert.deepEqual({ ...state }, { cost: "0.0200", attempts: [1, 1] });
  const { queues } = await store.work.status({ campaignId });
  assert.equal(queues.find((queue) => queue.kind === "facebook")?.waiting, 1);
});

test("addresses and ZIP codes are worked off the same way", async () => {
  const campaignId = await newCampaign();
  await newBusiness(campaignId, { emails: ["hei@kahvila.fi"] });
  const verification = store.work.batches({ kind: "verification", campaignId });
  for await (const batch of verification) {
    const verdicts = batch.items.map((item) => ({ ...item, status: "deliverable", source: undefined }));
    await batch.finish(verdicts, { costUsd: "0.008" });
  }
  assert.equal(verification.reason, "empty");
  const coverage = store.work.batches({ kind: "coverage", campaignId, pageSize: 1 });
  const zipCodes = [];
  for await (const batch of coverage) {
    const results = batch.items.map(({ zip_code }) => ({ zip_code, businesses_found: 3, actual_cost: "0.5" }));
    await assert.rejects(batch.finish([]), /no result for the ZIP codes 00/);
    await batch.finish(results, { costUsd: "0.5" });
    zipCodes.push(...batch.items.map((item) => item.zip_code));
  }
  assert.deepEqual(zipCodes.sort(), ["00100", "00120"]);
  const services = await sql`
    select service, sum(cost_usd)::text as sum from gmaps_api_costs
    where campaign_id = ${campaignId} group by service order by service`;
  assert.deepEqual(
    services.map((row) => ({ ...row })),
    [
      { service: "bouncer", sum: "0.0080" },
      { service: "google_maps", sum: "1.0000" },
    ],
  );
});

test("a kind that does not exist is refused, and the campaign is looked for", async () => {
  const campaignId = "00000000-0000-0000-0000-000000000001";
  assert.throws(() => store.work.batches(/** @type {any} */ ({ kind: "fax", campaignId })), TypeError);
  const first = store.work.batches({ kind: "facebook", campaignId })[Symbol.asyncIterator]().next();
  assert.equal((await failure(first)).code, "23503");
});
