// Rows beyond the API's limit of rows, and a queue that moves while it is read.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createCampaignStore } from "../supabase-db.js";
import { API_URL, failure, newCampaign, newClient, newServer, sql, store } from "./support.js";

const enrichmentType = /** @type {const} */ ("facebook");

/**
 * A proxy before the API that answers with at most so many rows, as PostgREST does at its max-rows.
 *
 * @param {number} limit
 * @param {(request: number) => Promise<unknown>} [between] is called before each request
 */
async function cuttingStore(limit, between = async () => {}) {
  let requests = 0;
  const address = await newServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    await between((requests += 1));
    const answer = await fetch(`${API_URL}${request.url}`, {
      method: "POST",
      headers: { apikey: String(request.headers.apikey), "content-type": "application/json" },
      body: Buffer.concat(chunks),
    });
    const body = await answer.json();
    const cut = Array.isArray(body) ? body.slice(0, limit) : body;
    response.writeHead(answer.status, { "content-type": "application/json" });
    response.end(JSON.stringify(cut));
  });
  return createCampaignStore(newClient(address));
}

/** @param {string} campaignId @param {number} count @param {string} [name] */
async function addPlaces(campaignId, count, name = "a") {
  const businesses = Array.from({ length: count }, (_, index) => ({
    place_id: `${name} ${index} of ${campaignId}`,
    name: "B",
    facebook_url: "https://facebook.com/b",
  }));
  await store.businesses.insertBatch({ campaignId, zipCode: null, businesses });
}

/** @param {AsyncIterable<{ business_id: string }>} businesses */
async function ids(businesses) {
  const found = [];
  for await (const business of businesses) found.push(business.business_id);
  return found;
}

for (const cut of [1, 2, 3, 7, 100]) {
  test(`a limit over the API's is answered in full where that shows ${cut} rows`, async () => {
    const campaignId = await newCampaign();
    await addPlaces(campaignId, 7);
    const queue = { campaignId, enrichmentType };
    const all = await store.enrichments.getBusinesses(queue);
    const cutting = await cuttingStore(cut);
    for (const { limit, offset = 0 } of [{ limit: 50 }, { limit: 5 }, { limit: 50, offset: 3 }]) {
      const rows = await cutting.enrichments.getBusinesses({ ...queue, limit, offset });
      assert.deepEqual(rows, all.slice(offset, offset + limit));
    }
    assert.deepEqual(await cutting.enrichments.getBusinesses({ ...queue, offset: 7 }), []);
    const after = await cutting.enrichments.getBusinessesAfter({ ...queue, limit: 6 });
    assert.equal(new Set(after.map((row) => row.business_id)).size, 6);
    const iterated = await ids(cutting.enrichments.iterate({ ...queue, pageSize: 50 }));
    assert.deepEqual(iterated, all.map((row) => row.business_id));
  });
}

test("a queue that moves between two pages is read anew, and not for ever", async () => {
  const campaignId = await newCampaign();
  await addPlaces(campaignId, 6);
  const queue = { campaignId, enrichmentType };
  const finishFirst = async () => {
    const [first] = await store.enrichments.getBusinesses({ ...queue, limit: 1 });
    if (!first) return;
    const enrichments = [{ business_id: first.business_id, success: true, page_name: "P" }];
    await store.enrichments.updateBatch({ enrichmentType, enrichments });
  };
  const once = await cuttingStore(3, async (request) => request === 2 && finishFirst());
  const rows = await once.enrichments.getBusinesses({ ...queue, limit: 50 });
  assert.deepEqual(rows, await store.enrichments.getBusinesses(queue));
  assert.equal(rows.length, 5);

  await addPlaces(campaignId, 30, "b");
  const always = await cuttingStore(3, async (request) => request % 2 === 0 && finishFirst());
  const error = await failure(always.enrichments.getBusinesses({ ...queue, limit: 50 }));
  assert.match(error.error, /^The queue moved/);
  assert.deepEqual([error.retryRecommended, error.outcomeUnknown], [true, false]);
});

test("an iterator misses no business of a transaction that began early and ended late", async () => {
  const campaignId = await newCampaign();
  const late = await sql.reserve();
  await late`begin`;
  await late`
    insert into gmaps_businesses (campaign_id, place_id, name, facebook_url, needs_enrichment)
    values (${campaignId}, ${`late of ${campaignId}`}, 'Late', 'https://facebook.com/l', true)`;
  await addPlaces(campaignId, 4);
  const seen = [];
  for await (const business of store.enrichments.iterate({ campaignId, enrichmentType, pageSize: 2 })) {
    seen.push(business.name);
    if (seen.length === 3) await late`commit`;
  }
  late.release();
  assert.deepEqual(seen, ["B", "B", "B", "B", "Late"]);
});
