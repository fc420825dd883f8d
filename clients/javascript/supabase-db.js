/**
 * The campaign database's stored functions for JavaScript, over any supabase-js 2 client.
 *
 * @module campaigndb
 */

import { callStoredFunction } from "./lib/call.js";
import { iterateQueue, rowsAfter, rowsAt } from "./lib/queues.js";
import { callOptions } from "./lib/retries.js";
import { Work } from "./lib/work.js";

export { callStoredFunction } from "./lib/call.js";
export { StoredFunctionError } from "./lib/errors.js";
export { COST_POLICY, DEFAULT_POLICY } from "./lib/catalogue.js";

/** @typedef {import("./lib/call.js").CallOptions} CallOptions */
/** @typedef {import("./lib/retries.js").RetryPolicy} RetryPolicy */
/** @typedef {import("./lib/envelopes.js").CampaignData} CampaignData */
/** @typedef {import("./lib/envelopes.js").ZipCode} ZipCode */
/** @typedef {import("./lib/envelopes.js").Contact} Contact */
/** @typedef {import("./lib/envelopes.js").ContactsSuppressed} ContactsSuppressed */
/** @typedef {import("./lib/envelopes.js").ContactsUnsuppressed} ContactsUnsuppressed */
/** @typedef {import("./lib/envelopes.js").ContactsChecked} ContactsChecked */
/** @typedef {import("./lib/envelopes.js").Suppression} Suppression */
/** @typedef {import("./lib/envelopes.js").ContactErased} ContactErased */
/** @typedef {import("./lib/envelopes.js").ContactData} ContactData */
/** @typedef {import("./lib/envelopes.js").Enrichment} Enrichment */
/** @typedef {import("./lib/envelopes.js").Verification} Verification */
/** @typedef {import("./lib/envelopes.js").VerificationOf} VerificationOf */
/** @typedef {import("./lib/envelopes.js").CostMetadata} CostMetadata */
/**
 * @template Item
 * @typedef {import("./lib/envelopes.js").Batch<Item>} Batch
 */
/** @typedef {import("./lib/envelopes.js").CampaignCreated} CampaignCreated */
/** @typedef {import("./lib/envelopes.js").BatchInserted} BatchInserted */
/** @typedef {import("./lib/envelopes.js").CampaignStatistics} CampaignStatistics */
/** @typedef {import("./lib/envelopes.js").CostTracked} CostTracked */
/** @typedef {import("./lib/envelopes.js").CostsTracked} CostsTracked */
/** @typedef {import("./lib/envelopes.js").CoverageUpdated} CoverageUpdated */
/** @typedef {import("./lib/envelopes.js").EnrichmentsUpdated} EnrichmentsUpdated */
/** @typedef {import("./lib/envelopes.js").EmailVerified} EmailVerified */
/** @typedef {import("./lib/envelopes.js").EmailVerificationsUpdated} EmailVerificationsUpdated */
/** @typedef {import("./lib/envelopes.js").BusinessForEnrichment} BusinessForEnrichment */
/** @typedef {import("./lib/envelopes.js").QueuedBusiness} QueuedBusiness */
/** @typedef {import("./lib/envelopes.js").BusinessesClaimed} BusinessesClaimed */
/** @typedef {import("./lib/envelopes.js").EmailsClaimed} EmailsClaimed */
/** @typedef {import("./lib/envelopes.js").CoverageClaimed} CoverageClaimed */
/** @typedef {import("./lib/envelopes.js").ClaimsExtended} ClaimsExtended */
/** @typedef {import("./lib/envelopes.js").ClaimsReleased} ClaimsReleased */
/** @typedef {import("./lib/envelopes.js").LookupsRetried} LookupsRetried */
/** @typedef {import("./lib/envelopes.js").WorkStatus} WorkStatus */
/** @typedef {import("./lib/envelopes.js").CampaignStatusUpdated} CampaignStatusUpdated */
/** @typedef {import("./lib/envelopes.js").CampaignBudgetUpdated} CampaignBudgetUpdated */
/** @typedef {import("./lib/envelopes.js").CampaignDetails} CampaignDetails */
/** @typedef {import("./lib/envelopes.js").CampaignSummary} CampaignSummary */
/** @typedef {import("./lib/envelopes.js").Lead} Lead */
/** @typedef {import("./lib/envelopes.js").LeadTextsSet} LeadTextsSet */
/** @typedef {import("./lib/envelopes.js").ExportLogged} ExportLogged */

/** @typedef {import("@supabase/supabase-js").SupabaseClient<any, any, any>} Supabase */
/** @typedef {"google_maps" | "facebook" | "linkedin" | "bouncer"} Service */
/** @typedef {"facebook" | "linkedin"} EnrichmentType */
/** @typedef {"facebook" | "linkedin" | "verification" | "coverage"} WorkKind */
/**
 * @template {WorkKind} Kind
 * @typedef {import("./lib/work.js").WorkParameters<Kind>} WorkParameters
 */
/** @typedef {import("./lib/work.js").EndOfWork} EndOfWork */
/** @typedef {"draft" | "running" | "paused" | "completed" | "failed"} CampaignStatus */

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
 * @property {CostMetadata | null} [metadata]
 */

/**
 * @typedef {object} LeadFilter
 * @property {"safe" | "verified" | "any" | "none" | null} [emails] `safe` unless told; `any`: with an
 *   address of any verdict; `none`: without one
 * @property {"keep" | "drop" | null} [duplicates] `drop`: one lead an address
 * @property {string[] | null} [zip_codes] that were searched
 * @property {string[] | null} [categories] in any letter case
 * @property {number | string | null} [min_rating]
 * @property {string | null} [since] a time with its offset: what changed since then
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
export function createCampaignStore(supabase, { schema, ...givenOptions } = {}) {
  if (typeof supabase?.rpc !== "function") {
    throw new TypeError("createCampaignStore needs a supabase-js client");
  }
  if (schema !== undefined && typeof supabase.schema !== "function") {
    throw new TypeError("this supabase-js has no schema(): name it in createClient's options, as db");
  }
  const client = schema === undefined ? supabase : supabase.schema(schema);
  const storeOptions = callOptions(givenOptions);

  /**
   * @param {string} name
   * @param {Record<string, unknown>} parameters by their names in JavaScript
   * @param {CallOptions} [options]
   * @returns {Promise<any>} is rejected, and nothing thrown, where the parameters are wrong
   */
  const call = async (name, parameters, options) => {
    const { retries, ...others } = callOptions(options);
    return callStoredFunction(client, name, toSql(parameters), {
      ...storeOptions,
      ...others,
      retries: { ...storeOptions.retries, ...retries },
    });
  };

  const campaigns = Object.freeze({
    /**
     * Starts, pauses, completes a campaign; claims follow it.
     *
     * @param {{ campaignId: string, status: CampaignStatus }} parameters
     * @param {CallOptions} [options]
     * @returns {Promise<CampaignStatusUpdated>}
     */
    updateStatus: (parameters, options) => call("update_campaign_status", parameters, options),

    /**
     * Sets what a campaign may spend, in USD; null: nothing limits it.
     *
     * @param {{ campaignId: string, budgetUsd: Money | null }} parameters
     * @param {CallOptions} [options]
     * @returns {Promise<CampaignBudgetUpdated>}
     */
    updateBudget: (parameters, options) => call("update_campaign_budget", parameters, options),

    /**
     * Creates a campaign and its coverage, all or nothing.
     *
     * @param {object} parameters
     * @param {CampaignData} parameters.campaignData an id that exists returns that campaign
     *   (`replayed`)
     * @param {Iterable<ZipCode> | null} [parameters.zipCodes] texts, or
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

    /**
     * A campaign with its totals, coverage, queues, leads, costs (USD) and last exports.
     *
     * @param {object} parameters
     * @param {string} parameters.campaignId
     * @param {CallOptions} [options]
     * @returns {Promise<CampaignDetails>}
     */
    get: (parameters, options) => call("get_campaign", parameters, options),

    /**
     * Campaigns, the newest first: as many as `limit`, however few rows the API shows at once.
     *
     * @param {object} [parameters]
     * @param {number} [parameters.limit] 100 unless told
     * @param {string | null} [parameters.after] the last campaign of the page before
     * @param {CallOptions} [options]
     * @returns {Promise<CampaignSummary[]>}
     */
    list: (parameters, options) =>
      rowsAfter((limit, last) => {
        const after = last ? { after: last.campaign_id } : {};
        return call("list_campaigns", { ...parameters, limit, ...after }, options);
      }, parameters?.limit ?? 100),
  });

  const businesses = Object.freeze({
    /**
     * Inserts or updates scraped businesses; unreadable records are skipped and listed.
     *
     * @param {object} parameters
     * @param {string} parameters.campaignId the campaign that owns the new businesses
     * @param {string | null} parameters.zipCode the ZIP code that was searched
     * @param {Batch<unknown>} parameters.businesses the scraper's records as they are, or with
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
     * @param {CostMetadata | null} [parameters.metadata] anything worth keeping. Its
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
     * @param {Batch<Enrichment>} parameters.enrichments objects with `business_id` and the columns
     *   of the enrichment's table; those that cannot be applied are counted and listed, the others
     *   go in
     * @param {CallOptions} [options]
     * @returns {Promise<EnrichmentsUpdated>}
     */
    updateBatch: (parameters, options) => call("update_enrichment_batch", parameters, options),

    /**
     * The first businesses of an enrichment queue, oldest first: as many as `limit`, however few rows
     * the API shows at once. Paging by offset skips businesses when enrichment shrinks the queue in
     * between: to read all of it, take `iterate`; to work it off, `work.batches`.
     *
     * @param {object} parameters
     * @param {string} parameters.campaignId
     * @param {EnrichmentType} parameters.enrichmentType
     * @param {number} [parameters.limit] 100 unless told
     * @param {number} [parameters.offset]
     * @param {CallOptions} [options]
     * @returns {Promise<BusinessForEnrichment[]>}
     */
    getBusinesses: (parameters, options) => {
      const { limit = 100, offset = 0 } = parameters ?? {};
      /** @param {number} rows @param {number} from */
      const page = (rows, from) =>
        call("get_businesses_for_enrichment", { ...parameters, limit: rows, offset: from }, options);
      return rowsAt(page, limit, offset);
    },

    /**
     * The page of an enrichment queue behind a business, named by its `created_at` and
     * `business_id`; without them the first page.
     *
     * @param {object} parameters
     * @param {string} parameters.campaignId
     * @param {EnrichmentType} parameters.enrichmentType
     * @param {string | null} [parameters.afterCreatedAt]
     * @param {string | null} [parameters.afterId]
     * @param {number} [parameters.limit] 100 unless told
     * @param {CallOptions} [options]
     * @returns {Promise<QueuedBusiness[]>}
     */
    getBusinessesAfter: (parameters, options) =>
      rowsAfter((limit, last) => {
        const after = last ? { afterCreatedAt: last.created_at, afterId: last.business_id } : {};
        const page = { ...parameters, limit, ...after };
        return call("get_businesses_for_enrichment_after", page, options);
      }, parameters?.limit ?? 100),

    /**
     * Every business of an enrichment queue once, however the queue shrinks meanwhile, also those
     * of a transaction that began early and ended late. One that joins the queue at the end may be
     * left for the next time.
     *
     * @param {object} parameters
     * @param {string} parameters.campaignId
     * @param {EnrichmentType} parameters.enrichmentType
     * @param {number} [parameters.pageSize] how many are read at a time
     * @param {CallOptions} [options]
     * @returns {AsyncGenerator<QueuedBusiness, void, undefined>}
     */
    iterate(parameters, options) {
      const { pageSize: limit = 100, ...queue } = parameters ?? {};
      return iterateQueue((after) =>
        call("get_enrichment_queue_page", { ...queue, limit, ...after }, options),
      );
    },
  });

  const emails = Object.freeze({
    /**
     * Stores a verifier's answer with its address, at every business that holds it.
     *
     * @param {object} parameters
     * @param {string} parameters.businessId
     * @param {string} parameters.email an email that it holds or ever held
     * @param {Verification} parameters.verificationData the verifier's answer as it came,
     *   or `status` and the columns of the log
     * @param {CallOptions} [options]
     * @returns {Promise<EmailVerified>}
     */
    updateVerification: (parameters, options) =>
      call("update_email_verification", parameters, options),

    /**
     * Stores many verifiers' answers; those that cannot be stored are listed, the others go in.
     *
     * @param {object} parameters
     * @param {Batch<VerificationOf>} parameters.verifications answers as they came, each with `business_id` and
     *   `email`
     * @param {CallOptions} [options]
     * @returns {Promise<EmailVerificationsUpdated>}
     */
    updateVerificationsBatch: (parameters, options) =>
      call("update_email_verifications_batch", parameters, options),
  });

  const work = Object.freeze({
    /**
     * The loop of a worker: batches of a queue, each claimed for this worker alone. Its lease is
     * extended while the loop's body works on it; `batch.finish` stores cost and results; what an
     * exception leaves unfinished is given back. `reason` says why the loop ended.
     *
     * @template {WorkKind} Kind
     * @param {WorkParameters<Kind>} parameters
     * @param {CallOptions} [options] of each call; its signal ends the loop with the signal's reason
     * @returns {Work<Kind>}
     */
    batches: (parameters, options) => new Work(store, parameters, options),

    /**
     * Hands out businesses to look up; nobody else gets them until their lease ends.
     *
     * @param {object} parameters
     * @param {string} parameters.campaignId
     * @param {EnrichmentType} parameters.enrichmentType
     * @param {number} [parameters.limit] how many at most
     * @param {string | null} [parameters.worker] names one process: its next claim returns first what it
     *   still holds, so that a claim is safe to repeat; without a name every claim is new
     * @param {number} [parameters.leaseSeconds] how long they are held
     * @param {Money | null} [parameters.unitCostUsd] what one lookup costs; it is reserved of the budget
     * @param {CallOptions} [options]
     * @returns {Promise<BusinessesClaimed>}
     */
    claimBusinesses: (parameters, options) =>
      call("claim_businesses_for_enrichment", parameters, options),

    /**
     * Hands out addresses to verify, each once however many businesses hold it.
     *
     * @param {object} parameters
     * @param {string} parameters.campaignId
     * @param {number} [parameters.limit] how many at most
     * @param {string | null} [parameters.worker] names one process: its next claim returns first what it
     *   still holds, so that a claim is safe to repeat; without a name every claim is new
     * @param {number} [parameters.leaseSeconds] how long they are held
     * @param {Money | null} [parameters.unitCostUsd] what one lookup costs; it is reserved of the budget
     * @param {CallOptions} [options]
     * @returns {Promise<EmailsClaimed>}
     */
    claimEmails: (parameters, options) => call("claim_emails_for_verification", parameters, options),

    /**
     * Hands out ZIP codes to scrape.
     *
     * @param {object} parameters
     * @param {string} parameters.campaignId
     * @param {number} [parameters.limit] how many at most
     * @param {string | null} [parameters.worker] names one process: its next claim returns first what it
     *   still holds, so that a claim is safe to repeat; without a name every claim is new
     * @param {number} [parameters.leaseSeconds] how long they are held
     * @param {Money | null} [parameters.unitCostUsd] what one lookup costs; it is reserved of the budget
     * @param {CallOptions} [options]
     * @returns {Promise<CoverageClaimed>}
     */
    claimCoverage: (parameters, options) => call("claim_coverage", parameters, options),

    /**
     * Extends the leases that a worker holds; those that ended stay ended.
     *
     * @param {{ campaignId: string, worker: string, leaseSeconds: number }} parameters
     * @param {CallOptions} [options]
     * @returns {Promise<ClaimsExtended>}
     */
    extend: (parameters, options) => call("extend_claims", parameters, options),

    /**
     * Gives back what a worker holds; it is due at once.
     *
     * @param {{ campaignId: string, worker: string }} parameters
     * @param {CallOptions} [options]
     * @returns {Promise<ClaimsReleased>}
     */
    release: (parameters, options) => call("release_claims", parameters, options),

    /**
     * Makes lookups due again that were given up.
     *
     * @param {{ campaignId: string, kind: WorkKind }} parameters
     * @param {CallOptions} [options]
     * @returns {Promise<LookupsRetried>}
     */
    retryFailed: (parameters, options) => call("retry_failed_lookups", parameters, options),

    /**
     * Who holds what, what is due when, what was given up and why, what is reserved.
     *
     * @param {{ campaignId: string, limit?: number }} parameters
     * @param {CallOptions} [options]
     * @returns {Promise<WorkStatus>}
     */
    status: (parameters, options) => call("get_work_status", parameters, options),
  });

  const leads = Object.freeze({
    /**
     * A campaign's leads, the oldest first: as many as `limit`, however few rows the API shows at
     * once. Closed places are none.
     *
     * @param {object} parameters
     * @param {string} parameters.campaignId
     * @param {LeadFilter | null} [parameters.filter]
     * @param {number} [parameters.limit] 1,000 unless told
     * @param {string | null} [parameters.afterCreatedAt] with `afterId`: the last lead of the page
     *   before, by its `created_at` and `business_id`
     * @param {string | null} [parameters.afterId]
     * @param {CallOptions} [options]
     * @returns {Promise<Lead[]>}
     */
    get: (parameters, options) =>
      rowsAfter((limit, last) => {
        const after = last ? { afterCreatedAt: last.created_at, afterId: last.business_id } : {};
        return call("get_campaign_leads", { ...parameters, limit, ...after }, options);
      }, parameters?.limit ?? 1000),

    /**
     * Every lead of a campaign once, whatever changes meanwhile.
     *
     * @param {object} parameters
     * @param {string} parameters.campaignId
     * @param {LeadFilter | null} [parameters.filter]
     * @param {number} [parameters.pageSize] how many are read at a time
     * @param {CallOptions} [options]
     * @returns {AsyncGenerator<Lead, void, undefined>}
     */
    async *iterate(parameters, options) {
      const { pageSize = 1000, ...wanted } = parameters ?? {};
      /** @type {Lead[]} */
      let page = [];
      do {
        const last = page.at(-1);
        page = await leads.get(
          {
            ...wanted,
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

    /**
     * Stores icebreakers and subject lines; items that cannot be stored are listed.
     *
     * @param {object} parameters
     * @param {Iterable<unknown>} parameters.texts objects with `business_id` and `icebreaker`,
     *   `subject_line` or both; null removes a text
     * @param {CallOptions} [options]
     * @returns {Promise<LeadTextsSet>}
     */
    setTexts: (parameters, options) => call("set_lead_texts", parameters, options),

    /**
     * Notes an export of leads in the campaign's log.
     *
     * @param {object} parameters
     * @param {string} parameters.campaignId
     * @param {string} parameters.exportId a new UUID; the same one again is the same entry
     * @param {string} parameters.exportedAt when the export began to read
     * @param {number} parameters.leads how many leads it has
     * @param {string} parameters.exportFormat such as `csv`
     * @param {string | null} [parameters.preset] whose columns it has
     * @param {LeadFilter | null} [parameters.filter]
     * @param {string | null} [parameters.exportedBy] who; the role of the connection unless told
     * @param {CallOptions} [options]
     * @returns {Promise<ExportLogged>}
     */
    logExport: (parameters, options) => call("log_export", parameters, options),
  });

  const contacts = Object.freeze({
    /**
     * Takes addresses, domains, phones and places out of every claim and lead; those that name
     * nothing are listed.
     *
     * @param {object} parameters
     * @param {Iterable<Contact>} parameters.contacts addresses, or objects with `email`, `domain`,
     *   `phone` or `place_id`, and optionally `reason`
     * @param {CallOptions} [options]
     * @returns {Promise<ContactsSuppressed>}
     */
    suppress: (parameters, options) => call("suppress_contacts", parameters, options),

    /**
     * Takes contacts off that list again.
     *
     * @param {object} parameters
     * @param {Iterable<Contact>} parameters.contacts as for `suppress`
     * @param {CallOptions} [options]
     * @returns {Promise<ContactsUnsuppressed>}
     */
    unsuppress: (parameters, options) => call("unsuppress_contacts", parameters, options),

    /**
     * Which contacts are on that list, by their own entry or by a domain's above them.
     *
     * @param {object} parameters
     * @param {Iterable<Contact>} parameters.contacts as for `suppress`
     * @param {CallOptions} [options]
     * @returns {Promise<ContactsChecked>}
     */
    check: (parameters, options) => call("check_contacts", parameters, options),

    /**
     * The list itself: as many entries as `limit`, however few rows the API shows at once.
     *
     * @param {object} [parameters]
     * @param {"email" | "domain" | "phone" | "place" | null} [parameters.kind] all unless told
     * @param {number} [parameters.limit] 1000 unless told
     * @param {string | null} [parameters.after] the last `entry` of the page before
     * @param {CallOptions} [options]
     * @returns {Promise<Suppression[]>}
     */
    list: (parameters, options) =>
      rowsAfter((limit, last) => {
        const after = last ? { after: last.entry } : {};
        return call("list_suppressions", { ...parameters, limit, ...after }, options);
      }, parameters?.limit ?? 1000),

    /**
     * Takes an address out of every table, with the names, titles and profiles that came with it.
     * What brings it again is stored without it.
     *
     * @param {object} parameters
     * @param {string} parameters.email
     * @param {CallOptions} [options]
     * @returns {Promise<ContactErased>}
     */
    erase: (parameters, options) => call("erase_contact", parameters, options),

    /**
     * Every row that holds an address, as a copy for the person whose it is.
     *
     * @param {object} parameters
     * @param {string} parameters.email
     * @param {CallOptions} [options]
     * @returns {Promise<ContactData>}
     */
    get: (parameters, options) => call("get_contact", parameters, options),
  });

  const store = Object.freeze({
    contacts,
    campaigns,
    businesses,
    coverage,
    costs,
    enrichments,
    emails,
    work,
    leads,
  });
  return store;
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
