// The loop of a worker: claim a batch, hand it over, store its cost and its results.

import { StoredFunctionError } from "./errors.js";
import { newKey } from "./stored-functions.js";

/** @typedef {import("../supabase-db.js").CampaignStore} CampaignStore */
/** @typedef {import("../supabase-db.js").Money} Money */
/** @typedef {import("../supabase-db.js").WorkKind} WorkKind */
/** @typedef {Omit<import("./call.js").CallOptions, "repeatable">} Options */
/** @typedef {import("./envelopes.js").EnrichmentsUpdated} EnrichmentsUpdated */
/** @typedef {import("./envelopes.js").EmailVerificationsUpdated} EmailVerificationsUpdated */
/** @typedef {import("./envelopes.js").BusinessForEnrichment} BusinessForEnrichment */
/** @typedef {import("./envelopes.js").EmailsClaimed["emails"][number]} EmailForVerification */
/** @typedef {import("./envelopes.js").CoverageClaimed["zip_codes"][number]} ZipCodeToScrape */

/**
 * Why the loop ended: nothing is due, the budget does not allow more, the campaign does not run, or
 * `stop()` was called.
 *
 * @typedef {"empty" | "budget_exhausted" | "paused" | "completed" | "failed" | "stopped"} EndOfWork
 */

/**
 * @template {WorkKind} Kind
 * @typedef {Kind extends "verification" ? EmailForVerification :
 *   Kind extends "coverage" ? ZipCodeToScrape : BusinessForEnrichment} WorkItem
 */

/**
 * @template {WorkKind} Kind
 * @typedef {object} WorkParameters
 * @property {Kind} kind
 * @property {string} campaignId
 * @property {string} [worker] names one process, so that it gets again what it held when it was
 *   restarted; default: a name of its own
 * @property {number} [pageSize] how many items a batch has at most; default: 100, and 10 ZIP codes
 * @property {number} [leaseSeconds] how soon the items of a worker that died come back; default: 900,
 *   and 3,600 for ZIP codes
 * @property {Money | null} [unitCostUsd] what one lookup costs; it is reserved of the budget
 */

/**
 * What lookups cost together, in USD, and how many they were; default: one for each item.
 *
 * @typedef {{ costUsd?: Money | null, itemsProcessed?: number, metadata?: object | null }} WorkCost
 */

// Whose cost the lookups of a kind are.
const SERVICES = /** @type {const} */ ({
  facebook: "facebook",
  linkedin: "linkedin",
  verification: "bouncer",
  coverage: "google_maps",
});
const NO_RESULT = "the worker gave no result";

/**
 * Batches of one queue, one after the other, until it ends. To be used with `for await`.
 *
 * @template {WorkKind} Kind
 */
export class Work {
  /** @type {EndOfWork | undefined} */
  reason;
  #isStopped = false;

  /**
   * @param {CampaignStore} store
   * @param {WorkParameters<Kind>} parameters
   * @param {Options} [options] of each call
   */
  constructor(store, parameters, options) {
    const { kind, campaignId, worker, pageSize, leaseSeconds, unitCostUsd = null } = parameters ?? {};
    if (!Object.hasOwn(SERVICES, kind)) {
      throw new TypeError(`there is no work of the kind ${kind}: ${Object.keys(SERVICES).join(", ")}`);
    }
    this.store = store;
    this.options = options;
    this.kind = kind;
    this.campaignId = campaignId;
    /** The name under which it holds its items. */
    this.worker = worker ?? `javascript-${newKey()}`;
    this.leaseSeconds = leaseSeconds ?? (kind === "coverage" ? 3600 : 900);
    this.claim = { limit: pageSize ?? (kind === "coverage" ? 10 : 100), unitCostUsd };
  }

  /** Ends the loop behind the batch at hand. */
  stop() {
    this.#isStopped = true;
  }

  /** @returns {AsyncGenerator<WorkBatch<Kind>, void, undefined>} */
  async *[Symbol.asyncIterator]() {
    while (!this.#isStopped) {
      const items = await this.#claim();
      if (items.length === 0) return;
      const batch = new WorkBatch(this, items);
      const endHeartbeat = heartbeat((signal) => this.#extend(signal), this.leaseSeconds / 3);
      try {
        yield batch;
      } finally {
        // Also where the loop was left by an exception, a break or a return.
        await endHeartbeat();
        if (!batch.isFinished) await this.#release();
      }
      if (!batch.isFinished) throw new Error("a batch was not finished: await batch.finish(results)");
    }
    this.reason = "stopped";
  }

  /** @returns {Promise<WorkItem<Kind>[]>} none at the end, for the reason that it sets */
  async #claim() {
    const { work } = this.store;
    const { campaignId, worker, leaseSeconds } = this;
    const parameters = { campaignId, worker, leaseSeconds, ...this.claim };
    /** @type {any} */
    const claim = await (this.kind === "coverage"
      ? work.claimCoverage(parameters, this.options)
      : this.kind === "verification"
        ? work.claimEmails(parameters, this.options)
        : work.claimBusinesses({ ...parameters, enrichmentType: this.kind }, this.options));
    const items = claim.businesses ?? claim.emails ?? claim.zip_codes;
    if (items.length === 0) {
      const { campaign_status: status, budget_exhausted: isExhausted } = claim;
      const runs = !["paused", "completed", "failed"].includes(status);
      this.reason = runs ? (isExhausted ? "budget_exhausted" : "empty") : status;
    }
    return items;
  }

  /** @param {AbortSignal} signal */
  #extend(signal) {
    const { campaignId, worker, leaseSeconds } = this;
    return this.store.work.extend({ campaignId, worker, leaseSeconds }, { ...this.options, signal });
  }

  /** Not with the caller's signal: what it ended is given back all the same. */
  #release() {
    const { campaignId, worker } = this;
    const signal = new AbortController().signal;
    return this.store.work.release({ campaignId, worker }, { ...this.options, signal });
  }
}

/**
 * Items that one worker holds; `finish` stores what it found.
 *
 * @template {WorkKind} Kind
 */
export class WorkBatch {
  /** Whether the results are stored. */
  isFinished = false;
  /** @type {Work<Kind>} */
  #work;
  /** @type {string | undefined} */
  #key;

  /** @param {Work<Kind>} work @param {WorkItem<Kind>[]} items */
  constructor(work, items) {
    this.#work = work;
    /** Businesses, addresses or ZIP codes. */
    this.items = items;
  }

  /**
   * Stores what the lookups cost, and then their results, which ends the leases. It may be called again
   * where it failed: nothing counts twice.
   *
   * @param {Iterable<object>} results for facebook and linkedin the scraper's items, each with
   *   `business_id`; for verification the verifier's answers, each with `business_id` and `email`; for
   *   coverage `zip_code`, `businesses_found`, `emails_found` and `actual_cost`. A business or an
   *   address without a result has failed, and is tried again later.
   * @param {WorkCost} [cost]
   * @returns {Promise<EnrichmentsUpdated | EmailVerificationsUpdated | undefined>}
   */
  async finish(results, { costUsd, itemsProcessed, metadata } = {}) {
    const { store, campaignId, kind, options } = this.#work;
    const key = (this.#key ??= newKey());
    const found = this.#completed(Array.from(results, (result) => ({ ...result })), key);
    // The API has no transaction over two calls. With the cost first, the budget counts it twice for a
    // moment, but never not at all.
    if (costUsd !== undefined && costUsd !== null) {
      const cost = { campaignId, service: SERVICES[kind], costUsd };
      const count = itemsProcessed ?? this.items.length;
      const keyed = { idempotency_key: key, ...metadata };
      await store.costs.track({ ...cost, itemsProcessed: count, metadata: keyed }, options);
    }
    let outcome;
    if (kind === "coverage") {
      for (const result of found) {
        const { zip_code: zipCode, businesses_found = 0, emails_found = 0, actual_cost = 0 } = result;
        const counts = { businessesFound: businesses_found, emailsFound: emails_found };
        const coverage = { campaignId, zipCode, ...counts, actualCost: actual_cost };
        await store.coverage.updateStatus(coverage, options);
      }
    } else if (kind === "verification") {
      outcome = await store.emails.updateVerificationsBatch({ verifications: found }, options);
    } else {
      const enrichmentType = /** @type {"facebook" | "linkedin"} */ (kind);
      outcome = await store.enrichments.updateBatch({ enrichmentType, enrichments: found }, options);
    }
    this.isFinished = true;
    return outcome;
  }

  /**
   * @param {any[]} results
   * @param {string} key
   * @returns {any[]} with a failure for each item that has none, and whose they are
   */
  #completed(results, key) {
    const items = /** @type {any[]} */ (this.items);
    if (this.#work.kind === "coverage") {
      const given = new Set(results.map((result) => result.zip_code));
      const missing = items.map((item) => item.zip_code).filter((zipCode) => !given.has(zipCode));
      if (missing.length === 0) return results;
      throw new TypeError(`no result for the ZIP codes ${missing.slice(0, 5).join(", ")}`);
    }
    const isVerification = this.#work.kind === "verification";
    const given = new Set(results.map((result) => result.business_id));
    const failures = items
      .filter((item) => !given.has(item.business_id))
      .map(({ business_id, email }) =>
        isVerification
          ? { business_id, email, status: "unknown", reason: NO_RESULT }
          : { business_id, success: false, error_message: NO_RESULT },
      );
    return [...results, ...failures].map((result, index) => ({
      idempotency_key: isVerification ? `${key}/${index}` : key,
      ...result,
      worker: this.#work.worker,
    }));
  }
}

/**
 * Makes a call every so many seconds. One that fails is made again at the next beat: a lease that ends
 * meanwhile costs nothing but a lookup that somebody else may repeat.
 *
 * @param {(signal: AbortSignal) => Promise<unknown>} call
 * @param {number} seconds
 * @returns {() => Promise<void>} ends it
 */
function heartbeat(call, seconds) {
  const end = new AbortController();
  /** @type {ReturnType<typeof setTimeout>} */
  let timer;
  /** @type {Promise<void>} */
  let last = Promise.resolve();
  const wait = () => {
    timer = setTimeout(() => {
      last = beat();
    }, seconds * 1000);
  };
  const beat = async () => {
    try {
      await call(end.signal);
    } catch (error) {
      if (!(error instanceof StoredFunctionError || end.signal.aborted)) throw error;
    }
    if (!end.signal.aborted) wait();
  };
  wait();
  return async () => {
    clearTimeout(timer);
    end.abort();
    await last;
  };
}
