// The scenarios that every way of calling must answer alike: tests/vectors/calls.json, whose form
// tests/vectors/vectors.py describes.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { StoredFunctionError } from "../supabase-db.js";
import { store } from "./support.js";

const PATH = new URL("../../../tests/vectors/calls.json", import.meta.url);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d/;
const { scenarios } = JSON.parse(readFileSync(PATH, "utf8"));

/** @type {Record<string, (parameters: any) => Promise<unknown>>} */
const METHODS = {
  create_campaign_with_coverage: store.campaigns.createWithCoverage,
  insert_businesses_batch: store.businesses.insertBatch,
  update_campaign_statistics: store.campaigns.updateStatistics,
  track_campaign_cost: store.costs.track,
  track_campaign_costs_batch: store.costs.trackBatch,
  update_coverage_status: store.coverage.updateStatus,
  update_enrichment_batch: store.enrichments.updateBatch,
  update_email_verification: store.emails.updateVerification,
  update_email_verifications_batch: store.emails.updateVerificationsBatch,
  get_businesses_for_enrichment: store.enrichments.getBusinesses,
  claim_businesses_for_enrichment: store.work.claimBusinesses,
  claim_emails_for_verification: store.work.claimEmails,
  claim_coverage: store.work.claimCoverage,
  extend_claims: store.work.extend,
  release_claims: store.work.release,
  retry_failed_lookups: store.work.retryFailed,
  get_work_status: store.work.status,
  update_campaign_status: store.campaigns.updateStatus,
  update_campaign_budget: store.campaigns.updateBudget,
  get_campaign: store.campaigns.get,
  list_campaigns: store.campaigns.list,
  get_campaign_leads: store.leads.get,
  set_lead_texts: store.leads.setTexts,
  log_export: store.leads.logExport,
  suppress_contacts: store.contacts.suppress,
  unsuppress_contacts: store.contacts.unsuppress,
  check_contacts: store.contacts.check,
  list_suppressions: store.contacts.list,
  erase_contact: store.contacts.erase,
  get_contact: store.contacts.get,
};

/** @param {string} name @param {Record<string, unknown>} parameters */
function call(name, parameters) {
  const method = METHODS[name];
  assert.ok(method, `no method for ${name}`);
  return method(
    Object.fromEntries(
      Object.entries(parameters).map(([parameter, value]) => [
        parameter.slice(2).replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()),
        value,
      ]),
    ),
  );
}

/** @param {any} value @param {Map<string, string>} known @returns {any} */
function filled(value, known) {
  if (typeof value === "string") {
    return value.replace(/\{(\w+)\}/g, (text, name) => known.get(name) ?? text);
  }
  if (Array.isArray(value)) return value.map((item) => filled(item, known));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item, known)]));
}

/** The answer with `<uuid>` where the expected one has it. @param {any} expected @param {any} found @returns {any} */
function withAnyUuid(expected, found) {
  if (expected === "<uuid>" && typeof found === "string" && UUID.test(found)) return expected;
  if (expected === "<time>" && typeof found === "string" && TIME.test(found)) return expected;
  if (Array.isArray(expected) && Array.isArray(found)) {
    return found.map((item, index) => withAnyUuid(expected[index], item));
  }
  if (expected && found && typeof expected === "object" && typeof found === "object") {
    return Object.fromEntries(
      Object.entries(found).map(([key, item]) => [key, withAnyUuid(expected[key], item)]),
    );
  }
  return found;
}

/** @param {Promise<unknown>} call @returns {Promise<any>} the answer; an error as its envelope */
async function answered(call) {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof StoredFunctionError)) throw error;
    return {
      success: false,
      error: error.error,
      error_code: error.code ?? null,
      error_detail: error.detail,
      retry_recommended: error.retryRecommended,
    };
  }
}

for (const scenario of scenarios) {
  test(scenario.name, async () => {
    const known = new Map(scenario.ids.map((/** @type {string} */ id) => [id, randomUUID()]));
    known.set("run", randomUUID().slice(0, 8));
    for (const [index, step] of scenario.steps.entries()) {
      const found = await answered(call(step.function, filled(step.parameters, known)));
      const expected = filled(step.answer, known);
      const where = `step ${index + 1}, ${step.function}`;
      assert.deepEqual(withAnyUuid(expected, found), expected, where);
      for (const [name, path] of Object.entries(step.remember ?? {})) {
        const remembered = path.reduce(
          (/** @type {any} */ at, /** @type {any} */ key) => at[key],
          found,
        );
        known.set(name, remembered);
      }
    }
  });
}
