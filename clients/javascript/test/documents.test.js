// The cases of the plan that this system came from, by bare supabase.rpc and the wrapper of its documents.

import assert from "node:assert/strict";
import { test } from "node:test";
import { newBusiness, newCampaign, sql, supabase } from "./support.js";

/**
 * @param {string} name
 * @param {Record<string, unknown>} parameters
 * @param {{ retries?: number, retryDelay?: number }} [options]
 */
async function callWithRetry(name, parameters, { retries = 5, retryDelay = 20 } = {}) {
  for (let attempt = 0; ; attempt++) {
    const { data, error } = await supabase.rpc(name, parameters);
    if (error) throw new Error(error.message);
    if (data.success || !data.retry_recommended || attempt >= retries) return data;
    await new Promise((resolve) => setTimeout(resolve, retryDelay * 2 ** attempt * Math.random()));
  }
}

test("a campaign with five ZIP codes is created whole, and with a failing one not at all", async () => {
  const zipCodes = ["00100", "00120", "00130", "00140", "00150"];
  const created = await callWithRetry("create_campaign_with_coverage", {
    p_campaign_data: { name: "five" },
    p_zip_codes: zipCodes,
  });
  assert.equal(created.zip_count, 5);
  const failed = await callWithRetry("create_campaign_with_coverage", {
    p_campaign_data: { name: "four and a bad one" },
    p_zip_codes: [...zipCodes.slice(1), { zip_code: "00160", max_results: "many" }],
  });
  assert.deepEqual([failed.success, failed.error_code.slice(0, 2)], [false, "22"]);
  const [row] = await sql`
    select count(*)::int as count from gmaps_campaigns where name = 'four and a bad one'`;
  assert.equal(row?.count, 0);
});

test("an unknown business in a batch is listed, and the others go in", async () => {
  const campaignId = await newCampaign();
  const known = await newBusiness(campaignId);
  const unknown = "00000000-0000-0000-0000-000000000009";
  const answer = await callWithRetry("update_enrichment_batch", {
    p_enrichment_type: "facebook",
    p_enrichments: [known, unknown].map((business_id) => ({ business_id, page_name: "P" })),
  });
  assert.deepEqual([answer.updated, answer.failed, answer.failures[0].index], [1, 1, 1]);
  assert.equal(answer.message, "Enrichments updated: 1, failed: 1");
});

test("an unknown business rolls the batch back where all or nothing is asked for", async () => {
  const campaignId = await newCampaign();
  const known = await newBusiness(campaignId);
  const unknown = "00000000-0000-0000-0000-000000000009";
  const answer = await callWithRetry("update_enrichment_batch", {
    p_enrichment_type: "facebook",
    p_enrichments: {
      items: [known, unknown].map((business_id) => ({ business_id, page_name: "P" })),
      all_or_nothing: true,
    },
  });
  assert.deepEqual([answer.success, answer.error_code], [false, "23503"]);
  const [row] = await sql`
    select count(*)::int as count from gmaps_facebook_enrichments where business_id = ${known}`;
  assert.equal(row?.count, 0);
});

test("a campaign's status has its times", async () => {
  const p_campaign_id = await newCampaign();
  /** @type {unknown[]} */
  const times = [];
  for (const p_status of ["running", "paused", "running", "completed"]) {
    const answer = await callWithRetry("update_campaign_status", { p_campaign_id, p_status });
    assert.equal(answer.status, p_status);
    times.push([answer.started_at !== null, answer.completed_at !== null]);
  }
  assert.deepEqual(times, [
    [true, false],
    [true, false],
    [true, false],
    [true, true],
  ]);
});

test("ten costs of 1.00 at once are 10.00", async () => {
  const campaignId = await newCampaign();
  const answers = await Promise.all(
    Array.from({ length: 10 }, () =>
      callWithRetry(
        "track_campaign_cost",
        { p_campaign_id: campaignId, p_service: "bouncer", p_items_processed: 1, p_cost_usd: 1.0 },
        { retries: 30 },
      ),
    ),
  );
  assert.deepEqual([...new Set(answers.map((answer) => answer.success))], [true]);
  const [row] = await sql`select actual_cost::text from gmaps_campaigns where id = ${campaignId}`;
  assert.equal(row?.actual_cost, "10.0000");
});
