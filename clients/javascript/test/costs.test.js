// Costs under contention, and costs that are sent again.

import assert from "node:assert/strict";
import { test } from "node:test";
import { failure, newCampaign, sql, store } from "./support.js";

/** @param {string} campaignId */
async function ledger(campaignId) {
  const [row] = await sql`
    select
      (select actual_cost::text from gmaps_campaigns where id = ${campaignId}) as total,
      count(*)::int as entries, coalesce(sum(cost_usd), 0)::text as sum,
      count(distinct metadata ->> 'idempotency_key')::int as keys
    from gmaps_api_costs where campaign_id = ${campaignId}`;
  return { ...row, total: Number(row?.total), sum: Number(row?.sum) };
}

/** @param {string} campaignId */
function oneCost(campaignId) {
  return {
    campaignId,
    service: /** @type {const} */ ("google_maps"),
    itemsProcessed: 1,
    costUsd: "0.0013",
  };
}

test("a hundred costs of one campaign at once are all counted, and none is given up", async () => {
  const campaignId = await newCampaign();
  let retries = 0;
  const onRetry = () => {
    retries += 1;
  };
  const tracked = await Promise.all(
    Array.from({ length: 100 }, () => store.costs.track(oneCost(campaignId), { onRetry })),
  );
  assert.ok(retries > 0, "the costs did not meet");
  assert.deepEqual(await ledger(campaignId), { total: 0.13, entries: 100, sum: 0.13, keys: 100 });
  // Each saw a total of its own: they took turns.
  assert.equal(new Set(tracked.map((cost) => cost.new_total)).size, 100);
});

test("a cost with a key of the caller's own counts once", async () => {
  const campaignId = await newCampaign();
  const metadata = { idempotency_key: `job 7 of ${campaignId}`, page: 1 };
  const first = await store.costs.track({ ...oneCost(campaignId), metadata });
  const second = await store.costs.track({ ...oneCost(campaignId), metadata });
  assert.deepEqual(second, { ...first, replayed: true, message: "Cost was tracked before" });
  const error = await failure(
    store.costs.track({ ...oneCost(campaignId), costUsd: "5", metadata }),
  );
  assert.deepEqual([error.code, error.retryRecommended, error.attempts], ["23505", false, 1]);
  assert.deepEqual(await ledger(campaignId), { total: 0.0013, entries: 1, sum: 0.0013, keys: 1 });
});

test("a batch with a cost that is refused leaves nothing behind", async () => {
  const campaignId = await newCampaign();
  /** @param {string} cost_usd */
  const cost = (cost_usd) => ({
    campaign_id: campaignId,
    service: /** @type {const} */ ("bouncer"),
    items_processed: 1,
    cost_usd,
  });
  const error = await failure(store.costs.trackBatch({ costs: [cost("1"), cost("-1")] }));
  assert.equal(error.code, "22023");
  assert.deepEqual(await ledger(campaignId), { total: 0, entries: 0, sum: 0, keys: 0 });
});
