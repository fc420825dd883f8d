// Every function through the store, with raw records of a scraper.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { createCampaignStore } from "../supabase-db.js";
import { failure, newBusiness, newCampaign, sql, store, supabase } from "./support.js";

const PLACES = new URL("../../../examples/helsinki/data/helsinki_places.jsonl", import.meta.url);
/** @type {Record<string, any>[]} */
const places = readFileSync(PLACES, "utf8")
  .split("\n")
  .filter((line) => line)
  .map((line) => JSON.parse(line));

test("a campaign is created with its coverage", async () => {
  const created = await store.campaigns.createWithCoverage({
    campaignData: { name: "Espoo", estimated_cost: "12.3456" },
    zipCodes: new Set(["02100", "02110"]),
  });
  assert.match(created.campaign_id, /^[0-9a-f-]{36}$/);
  assert.deepEqual(created, {
    success: true,
    campaign_id: created.campaign_id,
    zip_count: 2,
    duplicate_zip_count: 0,
    replayed: false,
    message: "Campaign created, ZIP codes: 2",
  });
  const empty = await store.campaigns.createWithCoverage({ campaignData: { name: "Vantaa" } });
  assert.equal(empty.zip_count, 0);
});

test("a scraper's records go in as they are", async () => {
  const campaignId = await newCampaign();
  const batch = { campaignId, zipCode: "00100", businesses: places };
  const inserted = await store.businesses.insertBatch(batch);
  assert.deepEqual(
    [inserted.inserted, inserted.updated, inserted.skipped, inserted.total],
    [places.length, 0, 0, places.length],
  );
  const rows = await sql`select raw_data from gmaps_businesses where campaign_id = ${campaignId}`;
  /** @param {Record<string, any>} one @param {Record<string, any>} other */
  const byPlace = (one, other) => (one.placeId < other.placeId ? -1 : 1);
  assert.deepEqual(rows.map((row) => row.raw_data).sort(byPlace), [...places].sort(byPlace));

  const again = await store.businesses.insertBatch(batch);
  assert.deepEqual([again.inserted, again.updated, again.skipped], [0, 0, places.length]);
  const statistics = await store.campaigns.updateStatistics({ campaignId });
  assert.equal(statistics.total_businesses, places.length);
  assert.equal(statistics.total_emails, places.filter((place) => place.emails[0]).length);
});

test("one dirty text does not fail a batch", async () => {
  const campaignId = await newCampaign();
  const dirty = { placeId: `dirty ${campaignId}`, title: "Ka\0h\uD83Dvila \u{1F600}" };
  const answer = await store.businesses.insertBatch({
    campaignId,
    zipCode: null,
    businesses: [dirty, { title: "no place" }],
  });
  assert.deepEqual([answer.inserted, answer.rejected.length], [1, 1]);
  const [row] = await sql`select name from gmaps_businesses where place_id = ${dirty.placeId}`;
  assert.equal(row?.name, "Ka\uFFFDh\uFFFDvila \u{1F600}");
});

test("a ZIP code is marked as scraped", async () => {
  const campaignId = await newCampaign();
  const answer = await store.coverage.updateStatus({
    campaignId,
    zipCode: "00100",
    businessesFound: 3,
    emailsFound: 2,
    actualCost: 0.0215,
  });
  assert.deepEqual(answer, {
    success: true,
    campaign_id: campaignId,
    zip_code: "00100",
    businesses_found: 3,
    emails_found: 2,
    message: "Coverage updated",
  });
  const [row] = await sql`
    select actual_cost::text as cost from gmaps_campaign_coverage
    where campaign_id = ${campaignId} and scraped`;
  assert.equal(Number(row?.cost), 0.0215);
});

test("costs are exact, whether given as text, number or bigint", async () => {
  const campaignId = await newCampaign();
  const cost = { campaignId, service: /** @type {const} */ ("google_maps"), itemsProcessed: 1 };
  const first = await store.costs.track({ ...cost, costUsd: "0.1000" });
  assert.deepEqual([first.new_total, first.service, first.replayed], [0.1, "google_maps", false]);
  await store.costs.track({ ...cost, costUsd: 0.2 });
  await store.costs.track({ ...cost, costUsd: 3n, metadata: { page: 2 } });
  const [row] = await sql`select actual_cost::text from gmaps_campaigns where id = ${campaignId}`;
  assert.equal(Number(row?.actual_cost), 3.3);
  const [kept] = await sql`
    select metadata from gmaps_api_costs where campaign_id = ${campaignId} and cost_usd = 3`;
  assert.equal(kept?.metadata.page, 2);
});

test("a batch of costs is one transaction, over several campaigns", async () => {
  const campaignIds = [await newCampaign(), await newCampaign()];
  const answer = await store.costs.trackBatch({
    costs: campaignIds.map((campaign_id, index) => ({
      campaign_id,
      service: "facebook",
      items_processed: 1,
      cost_usd: `0.00${index + 1}`,
    })),
  });
  assert.deepEqual(
    answer.costs.map((cost) => [cost.campaign_id, cost.new_total, cost.replayed]),
    [
      [campaignIds[0], 0.001, false],
      [campaignIds[1], 0.002, false],
    ],
  );
});

test("enrichments are applied, and a queue is worked off while it shrinks", async () => {
  const campaignId = await newCampaign();
  const expected = new Set();
  for (let count = 0; count < 7; count++) expected.add(await newBusiness(campaignId));
  const enrichmentType = /** @type {const} */ ("facebook");

  const page = await store.enrichments.getBusinesses({ campaignId, enrichmentType, limit: 3 });
  assert.equal(page.length, 3);
  const rest = await store.enrichments.getBusinesses({ campaignId, enrichmentType, offset: 3 });
  assert.equal(rest.length, 4);

  const seen = [];
  for await (const business of store.enrichments.iterate({
    campaignId,
    enrichmentType,
    pageSize: 3,
  })) {
    seen.push(business.business_id);
    const answer = await store.enrichments.updateBatch({
      enrichmentType,
      enrichments: [{ business_id: business.business_id, primary_email: "hei@kahvila.fi" }],
    });
    assert.deepEqual([answer.updated, answer.failed], [1, 0]);
  }
  assert.equal(seen.length, expected.size);
  assert.deepEqual(new Set(seen), expected);
  assert.deepEqual(await store.enrichments.getBusinesses({ campaignId, enrichmentType }), []);
});

test("an email's verification is stored", async () => {
  const campaignId = await newCampaign();
  const businessId = await newBusiness(campaignId, { emails: ["hei@kahvila.fi"] });
  const answer = await store.emails.updateVerification({
    businessId,
    email: "hei@kahvila.fi",
    verificationData: { status: "deliverable", score: 97 },
  });
  assert.deepEqual(answer, {
    success: true,
    business_id: businessId,
    email: "hei@kahvila.fi",
    status: "deliverable",
    is_safe: answer.is_safe,
    unrecognised_status: null,
    late: false,
    replayed: false,
    message: "Email verification stored",
  });
  const statistics = await store.campaigns.updateStatistics({ campaignId });
  assert.equal(statistics.total_verified_emails, 1);
});

test("many verifiers' answers are stored at once, and what cannot be is listed", async () => {
  const campaignId = await newCampaign();
  const businessId = await newBusiness(campaignId, { emails: ["hei@kahvila.fi"] });
  const answer = await store.emails.updateVerificationsBatch({
    verifications: [
      { business_id: businessId, address: "hei@kahvila.fi", status: "valid", free_email: false },
      { business_id: businessId, email: "hei@kahvila.fi" },
    ],
  });
  assert.deepEqual([answer.updated, answer.failed], [1, 1]);
  assert.equal(answer.failures[0]?.reason, "status is missing");
  const statistics = await store.campaigns.updateStatistics({ campaignId });
  assert.equal(statistics.total_verified_emails, 1);
});

test("the functions are called in the schema that is named", async () => {
  const parameters = { campaignId: await newCampaign() };
  const here = createCampaignStore(supabase, { schema: "public" });
  assert.equal((await here.campaigns.updateStatistics(parameters)).total_businesses, 0);
  const elsewhere = createCampaignStore(supabase, { schema: "elsewhere" });
  const error = await failure(elsewhere.campaigns.updateStatistics(parameters));
  assert.deepEqual([error.code, error.status], ["PGRST106", 406]);
});
