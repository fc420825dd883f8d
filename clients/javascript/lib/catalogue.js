// The stored functions as data. Made of app/campaigndb/calling/catalogue.py by `make generate`.

/**
 * @typedef {object} StoredFunction
 * @property {readonly string[]} required the parameters without a default
 * @property {readonly string[]} optional the others
 * @property {readonly string[]} money the parameters that are an amount in USD
 * @property {readonly string[]} lists the parameters that are a list
 * @property {string} [key] where the call carries its idempotency key; `[]`: in each item
 * @property {boolean} oneKeyEach each item gets a key of its own
 * @property {boolean} returnsRows whether the answer is rows and not an envelope
 * @property {boolean} readOnly whether it writes nothing
 * @property {Readonly<import("./retries.js").RetryPolicy>} policy
 */

/** @type {Readonly<import('./retries.js').RetryPolicy>} */
export const DEFAULT_POLICY = Object.freeze({
  attempts: 5,
  deadlineMs: 30000,
  firstWaitMs: 20,
  longestWaitMs: 2000
});

/** @type {Readonly<import('./retries.js').RetryPolicy>} */
export const COST_POLICY = Object.freeze({
  attempts: 200,
  deadlineMs: 60000,
  firstWaitMs: 20,
  longestWaitMs: 2000
});

/** @type {Readonly<Record<string, StoredFunction>>} */
export const STORED_FUNCTIONS = Object.freeze({
  create_campaign_with_coverage: {
    required: [
      "p_campaign_data",
      "p_zip_codes"
    ],
    optional: [],
    money: [],
    lists: [
      "p_zip_codes"
    ],
    oneKeyEach: false,
    returnsRows: false,
    readOnly: false,
    policy: DEFAULT_POLICY,
    key: "p_campaign_data.id"
  },
  insert_businesses_batch: {
    required: [
      "p_campaign_id",
      "p_zip_code",
      "p_businesses"
    ],
    optional: [],
    money: [],
    lists: [
      "p_businesses"
    ],
    oneKeyEach: false,
    returnsRows: false,
    readOnly: false,
    policy: DEFAULT_POLICY
  },
  update_campaign_statistics: {
    required: [
      "p_campaign_id"
    ],
    optional: [],
    money: [],
    lists: [],
    oneKeyEach: false,
    returnsRows: false,
    readOnly: false,
    policy: DEFAULT_POLICY
  },
  track_campaign_cost: {
    required: [
      "p_campaign_id",
      "p_service",
      "p_items_processed",
      "p_cost_usd"
    ],
    optional: [
      "p_metadata"
    ],
    money: [
      "p_cost_usd"
    ],
    lists: [],
    oneKeyEach: false,
    returnsRows: false,
    readOnly: false,
    policy: COST_POLICY,
    key: "p_metadata.idempotency_key"
  },
  track_campaign_costs_batch: {
    required: [
      "p_costs"
    ],
    optional: [],
    money: [],
    lists: [
      "p_costs"
    ],
    oneKeyEach: true,
    returnsRows: false,
    readOnly: false,
    policy: COST_POLICY,
    key: "p_costs[].metadata.idempotency_key"
  },
  update_coverage_status: {
    required: [
      "p_campaign_id",
      "p_zip_code",
      "p_businesses_found",
      "p_emails_found",
      "p_actual_cost"
    ],
    optional: [],
    money: [
      "p_actual_cost"
    ],
    lists: [],
    oneKeyEach: false,
    returnsRows: false,
    readOnly: false,
    policy: DEFAULT_POLICY
  },
  update_enrichment_batch: {
    required: [
      "p_enrichment_type",
      "p_enrichments"
    ],
    optional: [],
    money: [],
    lists: [
      "p_enrichments"
    ],
    oneKeyEach: false,
    returnsRows: false,
    readOnly: false,
    policy: DEFAULT_POLICY,
    key: "p_enrichments[].idempotency_key"
  },
  update_email_verification: {
    required: [
      "p_business_id",
      "p_email",
      "p_verification_data"
    ],
    optional: [],
    money: [],
    lists: [],
    oneKeyEach: false,
    returnsRows: false,
    readOnly: false,
    policy: DEFAULT_POLICY,
    key: "p_verification_data.idempotency_key"
  },
  update_email_verifications_batch: {
    required: [
      "p_verifications"
    ],
    optional: [],
    money: [],
    lists: [
      "p_verifications"
    ],
    oneKeyEach: true,
    returnsRows: false,
    readOnly: false,
    policy: DEFAULT_POLICY,
    key: "p_verifications[].idempotency_key"
  },
  get_businesses_for_enrichment: {
    required: [
      "p_campaign_id",
      "p_enrichment_type"
    ],
    optional: [
      "p_limit",
      "p_offset"
    ],
    money: [],
    lists: [],
    oneKeyEach: false,
    returnsRows: true,
    readOnly: true,
    policy: DEFAULT_POLICY
  },
  get_businesses_for_enrichment_after: {
    required: [
      "p_campaign_id",
      "p_enrichment_type"
    ],
    optional: [
      "p_after_created_at",
      "p_after_id",
      "p_limit"
    ],
    money: [],
    lists: [],
    oneKeyEach: false,
    returnsRows: true,
    readOnly: true,
    policy: DEFAULT_POLICY
  },
  get_enrichment_queue_page: {
    required: [
      "p_campaign_id",
      "p_enrichment_type"
    ],
    optional: [
      "p_limit",
      "p_after_position",
      "p_after_id"
    ],
    money: [],
    lists: [],
    oneKeyEach: false,
    returnsRows: true,
    readOnly: true,
    policy: DEFAULT_POLICY
  },
  claim_businesses_for_enrichment: {
    required: [
      "p_campaign_id",
      "p_enrichment_type"
    ],
    optional: [
      "p_limit",
      "p_worker",
      "p_lease_seconds",
      "p_unit_cost_usd"
    ],
    money: [
      "p_unit_cost_usd"
    ],
    lists: [],
    oneKeyEach: false,
    returnsRows: false,
    readOnly: false,
    policy: DEFAULT_POLICY
  },
  claim_emails_for_verification: {
    required: [
      "p_campaign_id"
    ],
    optional: [
      "p_limit",
      "p_worker",
      "p_lease_seconds",
      "p_unit_cost_usd"
    ],
    money: [
      "p_unit_cost_usd"
    ],
    lists: [],
    oneKeyEach: false,
    returnsRows: false,
    readOnly: false,
    policy: DEFAULT_POLICY
  },
  claim_coverage: {
    required: [
      "p_campaign_id"
    ],
    optional: [
      "p_limit",
      "p_worker",
      "p_lease_seconds",
      "p_unit_cost_usd"
    ],
    money: [
      "p_unit_cost_usd"
    ],
    lists: [],
    oneKeyEach: false,
    returnsRows: false,
    readOnly: false,
    policy: DEFAULT_POLICY
  },
  extend_claims: {
    required: [
      "p_campaign_id",
      "p_worker",
      "p_lease_seconds"
    ],
    optional: [],
    money: [],
    lists: [],
    oneKeyEach: false,
    returnsRows: false,
    readOnly: false,
    policy: DEFAULT_POLICY
  },
  release_claims: {
    required: [
      "p_campaign_id",
      "p_worker"
    ],
    optional: [],
    money: [],
    lists: [],
    oneKeyEach: false,
    returnsRows: false,
    readOnly: false,
    policy: DEFAULT_POLICY
  },
  retry_failed_lookups: {
    required: [
      "p_campaign_id",
      "p_kind"
    ],
    optional: [],
    money: [],
    lists: [],
    oneKeyEach: false,
    returnsRows: false,
    readOnly: false,
    policy: DEFAULT_POLICY
  },
  update_campaign_status: {
    required: [
      "p_campaign_id",
      "p_status"
    ],
    optional: [],
    money: [],
    lists: [],
    oneKeyEach: false,
    returnsRows: false,
    readOnly: false,
    policy: DEFAULT_POLICY
  },
  update_campaign_budget: {
    required: [
      "p_campaign_id",
      "p_budget_usd"
    ],
    optional: [],
    money: [
      "p_budget_usd"
    ],
    lists: [],
    oneKeyEach: false,
    returnsRows: false,
    readOnly: false,
    policy: DEFAULT_POLICY
  },
  get_work_status: {
    required: [
      "p_campaign_id"
    ],
    optional: [
      "p_limit"
    ],
    money: [],
    lists: [],
    oneKeyEach: false,
    returnsRows: false,
    readOnly: true,
    policy: DEFAULT_POLICY
  },
  suppress_contacts: {
    required: [
      "p_contacts"
    ],
    optional: [],
    money: [],
    lists: [
      "p_contacts"
    ],
    oneKeyEach: false,
    returnsRows: false,
    readOnly: false,
    policy: DEFAULT_POLICY
  },
  unsuppress_contacts: {
    required: [
      "p_contacts"
    ],
    optional: [],
    money: [],
    lists: [
      "p_contacts"
    ],
    oneKeyEach: false,
    returnsRows: false,
    readOnly: false,
    policy: DEFAULT_POLICY
  },
  check_contacts: {
    required: [
      "p_contacts"
    ],
    optional: [],
    money: [],
    lists: [
      "p_contacts"
    ],
    oneKeyEach: false,
    returnsRows: false,
    readOnly: true,
    policy: DEFAULT_POLICY
  },
  list_suppressions: {
    required: [],
    optional: [
      "p_kind",
      "p_limit",
      "p_after"
    ],
    money: [],
    lists: [],
    oneKeyEach: false,
    returnsRows: true,
    readOnly: true,
    policy: DEFAULT_POLICY
  },
  erase_contact: {
    required: [
      "p_email"
    ],
    optional: [],
    money: [],
    lists: [],
    oneKeyEach: false,
    returnsRows: false,
    readOnly: false,
    policy: DEFAULT_POLICY
  },
  get_contact: {
    required: [
      "p_email"
    ],
    optional: [],
    money: [],
    lists: [],
    oneKeyEach: false,
    returnsRows: false,
    readOnly: true,
    policy: DEFAULT_POLICY
  },
  get_campaign: {
    required: [
      "p_campaign_id"
    ],
    optional: [],
    money: [],
    lists: [],
    oneKeyEach: false,
    returnsRows: false,
    readOnly: true,
    policy: DEFAULT_POLICY
  },
  list_campaigns: {
    required: [],
    optional: [
      "p_limit",
      "p_after"
    ],
    money: [],
    lists: [],
    oneKeyEach: false,
    returnsRows: true,
    readOnly: true,
    policy: DEFAULT_POLICY
  },
  get_campaign_leads: {
    required: [
      "p_campaign_id"
    ],
    optional: [
      "p_filter",
      "p_limit",
      "p_after_created_at",
      "p_after_id"
    ],
    money: [],
    lists: [],
    oneKeyEach: false,
    returnsRows: true,
    readOnly: true,
    policy: DEFAULT_POLICY
  },
  set_lead_texts: {
    required: [
      "p_texts"
    ],
    optional: [],
    money: [],
    lists: [
      "p_texts"
    ],
    oneKeyEach: false,
    returnsRows: false,
    readOnly: false,
    policy: DEFAULT_POLICY
  },
  log_export: {
    required: [
      "p_campaign_id",
      "p_export_id",
      "p_exported_at",
      "p_leads",
      "p_export_format"
    ],
    optional: [
      "p_preset",
      "p_filter",
      "p_exported_by"
    ],
    money: [],
    lists: [],
    oneKeyEach: false,
    returnsRows: false,
    readOnly: false,
    policy: DEFAULT_POLICY
  }
});
