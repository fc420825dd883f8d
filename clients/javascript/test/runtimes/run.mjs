// What every runtime must do with the installed package and the real supabase-js: a call that is tried
// again under its key, and an error that says what failed. No network: fetch is a function here.

import { createClient } from "@supabase/supabase-js";
import { callStoredFunction, createCampaignStore, StoredFunctionError } from "campaigndb";

const CONFLICT = {
  success: false,
  error: "Operation conflict, please retry",
  error_code: "40P01",
  error_detail: "deadlock detected",
  retry_recommended: true,
};
const TRACKED = { success: true, cost_id: "x", new_total: 0.007, service: "bouncer" };

/** @returns {Promise<string>} "ok", or what is wrong */
export async function run() {
  /** @type {any[]} */
  const sent = [];
  const answers = ["<html>gateway</html>", JSON.stringify(CONFLICT), JSON.stringify(TRACKED)];
  const fetch = async (/** @type {any} */ _, /** @type {any} */ init) => {
    const body = answers[sent.length] ?? JSON.stringify(CONFLICT);
    sent.push(JSON.parse(init.body));
    const status = sent.length === 1 ? 502 : 200;
    return new Response(body, { status, headers: { "content-type": "application/json" } });
  };
  const transport = /** @type {any} */ (class {});
  const supabase = createClient("http://localhost", "key", {
    auth: { persistSession: false, autoRefreshToken: false },
    global: { fetch: /** @type {any} */ (fetch) },
    realtime: { transport },
  });
  const store = createCampaignStore(supabase, { retries: { firstWaitMs: 1 } });
  const cost = { campaignId: "c", service: /** @type {const} */ ("bouncer"), itemsProcessed: 1 };
  const tracked = await store.costs.track({ ...cost, costUsd: "0.0070" });
  if (tracked.new_total !== 0.007) return `the total is ${tracked.new_total}`;
  const keys = new Set(sent.map((parameters) => parameters.p_metadata.idempotency_key));
  if (sent.length !== 3 || keys.size !== 1) return `${sent.length} attempts, ${keys.size} keys`;
  try {
    await callStoredFunction(supabase, "update_campaign_statistics", { p_campaign_id: "c" }, {
      retries: 1,
      retryDelay: 1,
    });
    return "no error";
  } catch (error) {
    if (!(error instanceof StoredFunctionError)) return `another error: ${error}`;
    const told = [error.name, error.code, error.attempts].join();
    return told === "StoredFunctionError,40P01,2" ? "ok" : told;
  }
}
