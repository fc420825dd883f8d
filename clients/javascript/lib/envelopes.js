// What the stored functions answer. Money is a JavaScript number here, because JSON.parse makes it
// one: exact to the ten-thousandth of a dollar as long as it is below a hundred billion. Add
// amounts up in the database.

/**
 * @typedef {object} CampaignCreated
 * @property {true} success
 * @property {string} campaign_id
 * @property {number} zip_count
 * @property {number} duplicate_zip_count
 * @property {boolean} replayed whether the id existed before the call
 */

/**
 * inserted + updated + skipped = total.
 *
 * @typedef {object} BatchInserted
 * @property {true} success
 * @property {number} inserted
 * @property {number} updated
 * @property {number} skipped unchanged, repeated, another campaign's, or rejected
 * @property {number} total
 * @property {number} skipped_other_campaign
 * @property {{ index: number, reason: string }[]} rejected
 */

/**
 * @typedef {object} CampaignStatistics
 * @property {true} success
 * @property {number} total_businesses
 * @property {number} total_emails
 * @property {number} total_facebook_pages
 * @property {number} total_linkedin_profiles
 * @property {number} total_verified_emails
 */

/**
 * @typedef {object} CostTracked
 * @property {true} success
 * @property {string} cost_id
 * @property {number} new_total the campaign's actual cost (USD) right after this one
 * @property {string} service
 * @property {boolean} replayed
 */

/**
 * @typedef {object} CostsTracked
 * @property {true} success
 * @property {(Omit<CostTracked, "success"> & { campaign_id: string })[]} costs in the batch's order
 */

/**
 * @typedef {object} CoverageUpdated
 * @property {true} success
 * @property {string} campaign_id
 * @property {string} zip_code
 * @property {number} businesses_found
 * @property {number} emails_found
 */

/**
 * updated + failed + superseded = number of items.
 *
 * @typedef {object} EnrichmentsUpdated
 * @property {true} success
 * @property {number} updated
 * @property {number} failed
 * @property {number} superseded items followed by another one for the same business
 * @property {string} enrichment_type
 * @property {{ index: number, business_id: unknown, reason: string }[]} failures
 */

/**
 * @typedef {object} EmailVerified
 * @property {true} success
 * @property {string} business_id
 * @property {string} email
 * @property {string} status
 * @property {boolean} is_safe
 * @property {boolean} replayed
 */

/**
 * @typedef {object} BusinessForEnrichment
 * @property {string} business_id
 * @property {string} campaign_id
 * @property {string} place_id
 * @property {string} name
 * @property {string | null} address
 * @property {string | null} city
 * @property {string | null} state
 * @property {string | null} postal_code
 * @property {string | null} phone
 * @property {string | null} website
 * @property {string | null} email
 * @property {string | null} facebook_url
 * @property {string | null} linkedin_url
 * @property {string} enrichment_status
 * @property {number} enrichment_attempts
 * @property {boolean} needs_enrichment
 */

/** @typedef {BusinessForEnrichment & { created_at: string }} QueuedBusiness */

export {};
