// What each answer over HTTP means for the call: tests/vectors/answers.json, whose form
// tests/vectors/answers.py describes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { callStoredFunction, createCampaignStore } from "../supabase-db.js";
import { failure, newClient, newServer } from "./support.js";

const PATH = new URL("../../../tests/vectors/answers.json", import.meta.url);
/** @type {{ name: string, status: number, body: string, code: string | null, retried: boolean, open: boolean }[]} */
const answers = JSON.parse(readFileSync(PATH, "utf8")).answers;
const CANCELED = '{"code": "57014", "message": "canceled"}';
const cost = Object.freeze({
  campaignId: "00000000-0000-0000-0000-000000000001",
  service: /** @type {const} */ ("bouncer"),
  itemsProcessed: 1,
  costUsd: "0.01",
});
const retries = { attempts: 2, firstWaitMs: 1 };

for (const answer of answers) {
  test(`${answer.name} (${answer.status} ${answer.body.slice(0, 20)})`, async () => {
    /** @type {string[]} */
    const keys = [];
    let then = answer;
    const address = await newServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      keys.push(JSON.parse(Buffer.concat(chunks).toString()).p_metadata?.idempotency_key);
      const { status, body } = keys.length === 1 ? answer : then;
      response.writeHead(status, { "content-type": "application/json" }).end(body);
    });
    const client = newClient(address);
    const store = createCampaignStore(client, { retries });
    const error = await failure(store.costs.track(cost));
    assert.deepEqual(
      [error.code ?? null, error.attempts, error.retryRecommended, error.outcomeUnknown],
      [answer.code, answer.retried ? 2 : 1, answer.retried, answer.open],
    );
    assert.equal(new Set(keys).size, 1, "every attempt has the same key");
    assert.doesNotMatch(error.message, /html/);

    // What fails after an open outcome leaves it open.
    if (answer.retried) {
      keys.length = 0;
      then = { ...answer, status: 500, body: CANCELED };
      const later = await failure(store.costs.track(cost));
      assert.deepEqual([later.code, later.outcomeUnknown], ["57014", answer.open]);
    }
    // Whether a function of somebody else may be repeated is for its caller to say.
    if (answer.open && answer.status >= 300) {
      keys.length = 0;
      const other = await failure(callStoredFunction(client, "somebody_elses", {}, { retries }));
      assert.deepEqual([other.attempts, other.outcomeUnknown], [1, true]);
    }
  });
}
