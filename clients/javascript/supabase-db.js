/**
 * The campaign database's stored functions for JavaScript, over any supabase-js 2 client.
 *
 * @module campaigndb
 */

import { callStoredFunction } from "./lib/call.js";
import { withoutUndefined } from "./lib/retries.js";

export { callStoredFunction } from "./lib/call.js";
export { StoredFunctionError } from "./lib/errors.js";
export { COST_POLICY, DEFAULT_POLICY } from "./lib/retries.js";

/** @typedef {import("./lib/call.js").CallOptions} CallOptions */
/** @typedef {import("./lib/retries.js").RetryPolicy} RetryPolicy */
/** @typedef {import("./lib/envelopes.js").CampaignCreated} CampaignCreated */
/** @typedef {import("./lib/envelopes.js").BatchInserted} BatchInserted */
/** @typedef {import("./lib/envelopes.js").CampaignStatistics} CampaignStatistics */
/** @typedef {import("./lib/envelopes.js").CostTracked} CostTracked */
/** @typedef {import("./lib/envelopes.js").CostsTracked} CostsTracked */
/** @typedef {import("./lib/envelopes.js").CoverageUpdated} CoverageUpdated */
/** @typedef {import("./lib/envelopes.js").EnrichmentsUpdated} EnrichmentsUpdated */
/** @typedef {import("./lib/envelopes.js").EmailVerified} EmailVerified */
/** @typedef {import("./lib/envelopes.js").BusinessForEnrichment} BusinessForEnrichment */
/** @typedef {import("./lib/envelopes.js").QueuedBusiness} QueuedBusiness */

/** @typedef {import("@supabase/supabase-js").SupabaseClient<any, any, any>} Supabase */
/** @typedef {"google_maps" | "facebook" | "linkedin" | "bouncer"} Service */
/** @typedef {"facebook" | "linkedin"} EnrichmentType */

/**
 * USD. A text such as `"0.0070"` is exact; a number is sent as JavaScript writes it, which is what
 * was typed for a literal, but not for a result such as 0.1 + 0.2.
 *
 * @typedef {string | number | bigint} Money
 */

/**
 * What a store does at every call: a `signal`, `retries` and `onRetry`, unless the call says
 * otherwise; `schema` where the functions are not in the client's own schema.
 *
 * @typedef {Omit<CallOptions, "repeatable"> & { schema?: string }} StoreOptions
 */

/**
 * @typedef {object} Cost
 * @property {string} campaign_id
 * @property {Service} service
 * @property {number} items_processed
 * @property {Money} cost_usd
 * @property {Record<string, unknown> | null} [metadata]
 */

/** @typedef {ReturnType<typeof createCampaignStore>} CampaignStore */

/**
 * The stored functions as methods. Each takes the function's parameters by name and, at the end,
 * options; each returns the function's envelope, or fails with a `StoredFunctionError`: also where a
 * parameter is missing or undefined, which it names, and then nothing is sent.
 *
 * @param {Supabase} supabase a client with the service key, so on a server
 * @param {StoreOptions} [storeOptions]
 */
export function createCampaignStore(supabase, { schema, ...storeOptions } = {}) {
  if (typeof supabase?.rpc !== "function") {
    throw new TypeError("createCampaignStore needs a supabase-js client");
  }
  if (schema !== undefined && typeof supabase.schema !== "function") {
    throw new TypeError("this supabase-js has no schema(): name it in createClient's options, as db");
  }
  const client = schema === undefined ? supabase : supabase.schema(schema);

  /**
   * @param {string} name
   * @param {Record<string, unknown>} parameters by their names in JavaScript
   * @param {CallOptions} [options]
   * @returns {Promise<any>} is rejected, and nothing thrown, where the parameters are wrong
   */
  const call = async (name, parameters, options) =>
    callStoredFunction(client, name, toSql(parameters), {
      ...storeOptions,
      ...withoutUndefined(options),
      retries: { ...storeOptions.retries, ...withoutUndefined(options?.retries) },
    });

  const campaigns = Object.freeze({
    /**
     * Creates a campaign and its coverage, all or nothing.
     *
     * @param {object} parameters
     * @param {Record<string, unknown>} parameters.campaignData `name`, and optionally `id`,
     *   `description`, `keywords`, `location`, `coverage_profile`, `custom_zip_codes`, `status`,
     *   `target_zip_count`, `coverage_percentage`, `estimated_cost` (USD), `organization_id`,
     *   `created_by`. An id that exists returns that campaign (`replayed`).
     * @param {Iterable<string | Record<string, unknown>> | null} [parameters.zipCodes] texts, or
     *   objects with `zip_code` (or `zip`) and optionally `keywords`, `max_results`,
     *   `estimated_cost` (USD). Duplicates collapse.
     * @param {CallOptions} [options]
     * @returns {Promise<CampaignCreated>}
     */
    createWithCoverage: (parameters, options) =>
      call(
        "create_campaign_with_coverage",
        { ...parameters, zipCodes: parameters?.zipCodes ?? null },
        options,
      ),

    /**
     * Counts the campaign's businesses and stores the counts in the campaign.
     *
     * @param {object} parameters
     * @param {string} parameters.campaignId
     * @param {CallOptions} [options]
     * @returns {Promise<CampaignStatistics>}
     */
    updateStatistics: (parameters, options) =>
      call("update_campaign_statistics", parameters, options),
  });

  const businesses = Object.freeze({
    /**
     * Inserts or updates scraped businesses; unreadable records are skipped and listed.
     *
     * @param {object} parameters
     * @param {string} parameters.campaignId the campaign that owns the new businesses
     * @param {string | null} parameters.zipCode the ZIP code that was searched
     * @param {Iterable<unknown>} parameters.businesses the scraper's records as they are, or with
     *   the table's column names
     * @param {CallOptions} [options]
     * @returns {Promise<BatchInserted>}
     */
    insertBatch: (parameters, options) => call("insert_businesses_batch", parameters, options),
  });

  const coverage = Object.freeze({
    /**
     * Marks a ZIP code as scraped, with what was found and its cost; sets, does not add.
     *
     * @param {object} parameters
     * @param {string} parameters.campaignId
     * @param {string} parameters.zipCode
     * @param {number} parameters.businessesFound
     * @param {number} parameters.emailsFound
     * @param {Money} parameters.actualCost
     * @param {CallOptions} [options]
     * @returns {Promise<CoverageUpdated>}
     */
    updateStatus: (parameters, options) => call("update_coverage_status", parameters, options),
  });

  const costs = Object.freeze({
    /**
     * Adds one entry to the cost ledger and to the campaign's totals.
     *
     * @param {object} parameters
     * @param {string} parameters.campaignId
     * @param {Service} parameters.service
     * @param {number} parameters.itemsProcessed
     * @param {Money} parameters.costUsd 0 or more, rounded to 4 decimals
     * @param {Record<string, unknown> | null} [parameters.metadata] anything worth keeping. Its
     *   `idempotency_key`, made here unless given, makes repeating the call return the first
     *   result (`replayed`).
     * @param {CallOptions} [options]
     * @returns {Promise<CostTracked>}
     */
    track: (parameters, options) => call("track_campaign_cost", parameters, options),

    /**
     * Adds many entries to the cost ledger in one transaction: all or none. Each gets an
     * idempotency key of its own, as in `track`; campaigns may differ.
     *
     * @param {object} parameters
     * @param {Iterable<Cost>} parameters.costs
     * @param {CallOptions} [options]
     * @returns {Promise<CostsTracked>}
     */
    trackBatch: (parameters, options) => call("track_campaign_costs_batch", parameters, options),
  });

  const enrichments = Object.freeze({
    /**
     * Stores what enrichment found, and applies it to the businesses.
     *
     * @param {object} parameters
     * @param {EnrichmentType} parameters.enrichmentType
     * @param {Iterable<unknown>} parameters.enrichments objects with `business_id` and the columns
     *   of the enrichment's table; those that cannot be applied are counted and listed, the others
     *   go in
     * @param {CallOptions} [options]
     * @returns {Promise<EnrichmentsUpdated>}
     */
    updateBatch: (parameters, options) => call("update_enrichment_batch", parameters, options),

    /**
     * One page of an enrichment queue, oldest first. Paging by offset skips businesses when
     * enrichment shrinks the queue in between: to work a queue off, take `iterate`.
     *
     * @param {object} parameters
     * @param {string} parameters.campaignId
     * @param {EnrichmentType} parameters.enrichmentType
     * @param {number} [parameters.limit] 100 unless told; the API may have a lower limit of rows
     * @param {number} [parameters.offset]
     * @param {CallOptions} [options]
     * @returns {Promise<BusinessForEnrichment[]>}
     */
    getBusinesses: (parameters, options) =>
      call("get_businesses_for_enrichment", parameters, options),

    /**
     * The page of an enrichment queue behind a business, named by its `created_at` and
     * `business_id`; without them the first page.
     *
     * @param {object} parameters
     * @param {string} parameters.campaignId
     * @param {EnrichmentType} parameters.enrichmentType
     * @param {string | null} [parameters.afterCreatedAt]
     * @param {string | null} [parameters.afterId]
     * @param {number} [parameters.limit] 100 unless told; the API may have a lower limit of rows
     * @param {CallOptions} [options]
     * @returns {Promise<QueuedBusiness[]>}
     */
    getBusinessesAfter: (parameters, options) =>
      call("get_businesses_for_enrichment_after", parameters, options),

    /**
     * Every business of an enrichment queue once, however the queue shrinks meanwhile. Businesses
     * that join it meanwhile may be left for the next time.
     *
     * @param {object} parameters
     * @param {string} parameters.campaignId
     * @param {EnrichmentType} parameters.enrichmentType
     * @param {number} [parameters.pageSize] how many are read at a time
     * @param {CallOptions} [options]
     * @returns {AsyncGenerator<QueuedBusiness, void, undefined>}
     */
    async *iterate(parameters, options) {
      const { pageSize = 100, ...queue } = parameters ?? {};
      /** @type {QueuedBusiness[]} */
      let page = [];
      do {
        const last = page.at(-1);
        page = await enrichments.getBusinessesAfter(
          {
            ...queue,
            afterCreatedAt: last?.created_at,
            afterId: last?.business_id,
            limit: pageSize,
          },
          options,
        );
        yield* page;
        // Only an empty page is the end: the API may have a limit of rows below the page's size.
      } while (page.length > 0);
    },
  });

  const emails = Object.freeze({
    /**
     * Stores a verifier's answer with the business and the enrichments that hold the email.
     *
     * @param {object} parameters
     * @param {string} parameters.businessId
     * @param {string} parameters.email an email that it or one of its enrichments holds
     * @param {Record<string, unknown>} parameters.verificationData `status`, and optionally `score`,
     *   `is_safe`, `is_disposable`, `is_role_based`, `is_free_email`, `is_gibberish`, `domain`,
     *   `provider`, `mx_records`, `smtp_check`, `reason`, `suggestion`, `source`
     * @param {CallOptions} [options]
     * @returns {Promise<EmailVerified>}
     */
    updateVerification: (parameters, options) =>
      call("update_email_verification", parameters, options),
  });

  return Object.freeze({ campaigns, businesses, coverage, costs, enrichments, emails });
}

/**
 * `campaignId` is `p_campaign_id`: a name that the function does not have is refused by the API.
 *
 * @param {Record<string, unknown>} parameters
 */
function toSql(parameters) {
  return Object.fromEntries(
    Object.entries(parameters ?? {}).map(([name, value]) => [
      `p_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`,
      value,
    ]),
  );
}
