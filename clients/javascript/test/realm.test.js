// What a runtime may lack or forbid: crypto, performance, changes of a prototype. tests/supabase runs
// this file, and others, where no prototype of a global can be changed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { callStoredFunction, createCampaignStore, StoredFunctionError } from "../supabase-db.js";
import { failure } from "./support.js";

const UUID4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const cost = Object.freeze({
  campaignId: "x",
  service: /** @type {const} */ ("bouncer"),
  itemsProcessed: 1,
  costUsd: "0.01",
});
const CONFLICT = Object.freeze({
  success: false,
  error: "Operation conflict, please retry",
  error_code: "40P01",
  error_detail: "deadlock detected",
  retry_recommended: true,
});

/**
 * A client that answers from a list, and then for ever with its last answer; an answer that is
 * undefined never comes.
 *
 * @param {...unknown} answers
 */
function answering(...answers) {
  /** @type {any[]} */
  const sent = [];
  /** @param {string} _ @param {unknown} parameters @returns {any} */
  const rpc = (_, parameters) => {
    const data = answers[Math.min(sent.length, answers.length - 1)];
    sent.push(parameters);
    /** @param {AbortSignal} signal */
    const abortSignal = (signal) =>
      data !== undefined
        ? Promise.resolve({ data, error: null, status: 200 })
        : new Promise((resolve) => {
            const error = { message: "aborted", details: "", hint: "", code: "" };
            const ended = () => resolve({ data: null, error, status: 0 });
            signal.addEventListener("abort", ended, { once: true });
          });
    return { abortSignal };
  };
  return { client: /** @type {any} */ ({ rpc }), sent };
}

/** @param {"crypto" | "performance"} name @param {unknown} value */
function without(name, value = undefined) {
  const usual = /** @type {PropertyDescriptor} */ (Object.getOwnPropertyDescriptor(globalThis, name));
  Object.defineProperty(globalThis, name, { value, configurable: true });
  return () => Object.defineProperty(globalThis, name, usual);
}

test("an error keeps its name, its fields and its class, and is tried again", async () => {
  const { client, sent } = answering(CONFLICT);
  const store = createCampaignStore(client, { retries: { attempts: 3, firstWaitMs: 1 } });
  const error = await failure(store.costs.track(cost));
  assert.deepEqual(
    [error.name, error.code, error.attempts, error.retryRecommended, sent.length],
    ["StoredFunctionError", "40P01", 3, true, 3],
  );
  assert.ok(error instanceof Error);
  assert.ok(Object.hasOwn(error, "name"));
  assert.equal(String(error).slice(0, 40), "StoredFunctionError: track_campaign_cost");
  assert.match(error.stack ?? "", /track_campaign_cost/);
});

test("an attempt that hangs is ended, and a signal's reason is thrown", async () => {
  const { client, sent } = answering(undefined, { success: true });
  const retries = { attemptMs: 20, firstWaitMs: 1 };
  assert.deepEqual(await createCampaignStore(client, { retries }).costs.track(cost), {
    success: true,
  });
  assert.equal(sent[0].p_metadata.idempotency_key, sent[1].p_metadata.idempotency_key);
  const hung = createCampaignStore(answering(undefined).client);
  const reason = { mine: true };
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 20);
  await assert.rejects(
    hung.costs.track(cost, { signal: controller.signal }),
    (thrown) => thrown === reason,
  );
});

test("without crypto, a key of one's own is asked for, and is enough", async () => {
  const restore = without("crypto");
  try {
    const { client, sent } = answering({ success: true });
    const store = createCampaignStore(client);
    const error = await failure(store.costs.track(cost));
    assert.deepEqual([error.code, error.attempts, sent.length], ["22023", 0, 0]);
    assert.equal(
      error.error,
      "Invalid input: this runtime has no crypto: give p_metadata.idempotency_key a value of your own",
    );
    await store.costs.track({ ...cost, metadata: { idempotency_key: "job 7" } });
    await store.campaigns.createWithCoverage({ campaignData: { id: "7", name: "x" } });
    await store.campaigns.updateStatistics({ campaignId: "x" });
    assert.equal(sent.length, 3);
    assert.throws(() => store.work.batches({ kind: "facebook", campaignId: "x" }), /no crypto/);
  } finally {
    restore();
  }
});

test("without randomUUID, as on a page without HTTPS, keys are random UUIDs all the same", async () => {
  const { crypto } = globalThis;
  const restore = without("crypto", {
    getRandomValues: (/** @type {Uint8Array<ArrayBuffer>} */ bytes) => crypto.getRandomValues(bytes),
  });
  try {
    const { client, sent } = answering({ success: true });
    for (let count = 0; count < 50; count++) await createCampaignStore(client).costs.track(cost);
    const keys = sent.map((parameters) => parameters.p_metadata.idempotency_key);
    for (const key of keys) assert.match(key, UUID4);
    assert.equal(new Set(keys).size, 50);
  } finally {
    restore();
  }
});

test("without performance, the deadline holds by the time of day", async () => {
  const restore = without("performance");
  try {
    const { client } = answering(CONFLICT);
    const retries = { attempts: 1000, deadlineMs: 100, firstWaitMs: 5, longestWaitMs: 20 };
    const error = await failure(
      callStoredFunction(client, "update_campaign_statistics", { p_campaign_id: "x" }, { retries }),
    );
    assert.ok(error instanceof StoredFunctionError);
    assert.ok(error.attempts > 1 && error.attempts < 1000);
  } finally {
    restore();
  }
});
