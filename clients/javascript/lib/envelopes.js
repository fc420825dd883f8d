// What the stored functions answer. Money is a JavaScript number here, because JSON.parse makes it
// one: exact to the ten-thousandth of a dollar as long as it is below a hundred billion. Add
// amounts up in the database.

// What the functions take. Records of scrapers and verifiers have any form, so that names are completed
// there and nothing is refused: `object` stands beside the known fields.

/**
 * @typedef {object} CampaignData
 * @property {string} name
 * @property {string} [id] a UUID; one that exists returns that campaign (`replayed`)
 * @property {string | null} [description]
 * @property {readonly string[] | null} [keywords]
 * @property {string | null} [location]
 * @property {"aggressive" | "balanced" | "budget" | "custom" | null} [coverage_profile]
 * @property {readonly string[] | null} [custom_zip_codes]
 * @property {"draft" | "running" | "paused" | "completed" | "failed" | null} [status]
 * @property {number | null} [target_zip_count]
 * @property {number | string | null} [coverage_percentage]
 * @property {number | string | null} [estimated_cost] USD
 * @property {string | null} [organization_id]
 * @property {string | null} [created_by]
 */

/**
 * @typedef {object} ZipCodeFields
 * @property {string} [zip_code] or `zip`
 * @property {string} [zip]
 * @property {readonly string[] | null} [keywords]
 * @property {number | null} [max_results]
 * @property {number | string | null} [estimated_cost] USD
 */

/** @typedef {string | ZipCodeFields | object} ZipCode */

/**
 * @typedef {object} EnrichmentFields
 * @property {string} [business_id]
 * @property {boolean} [success]
 * @property {string | null} [error_message]
 * @property {string | null} [primary_email]
 * @property {readonly string[] | null} [emails] of Facebook
 * @property {readonly string[] | null} [phone_numbers]
 * @property {string | null} [facebook_url]
 * @property {string | null} [page_name]
 * @property {number | null} [page_likes]
 * @property {number | null} [page_followers]
 * @property {string | null} [linkedin_url]
 * @property {string | null} [profile_type] company or personal
 * @property {string | null} [person_name]
 * @property {string | null} [person_title]
 * @property {string | null} [person_profile_url]
 * @property {string | null} [company_name]
 * @property {readonly string[] | null} [emails_found] of LinkedIn
 * @property {readonly string[] | null} [emails_generated]
 * @property {string | null} [email_source]
 * @property {string} [idempotency_key]
 */

/** @typedef {EnrichmentFields | object} Enrichment */

/**
 * @typedef {object} VerificationFields
 * @property {string} [status] deliverable, risky, undeliverable, unknown, or a verifier's word
 * @property {number | string | null} [score]
 * @property {boolean | null} [is_safe]
 * @property {boolean | null} [is_disposable]
 * @property {boolean | null} [is_role_based]
 * @property {boolean | null} [is_free_email]
 * @property {boolean | null} [is_gibberish]
 * @property {string | null} [provider]
 * @property {string | null} [reason]
 * @property {string | null} [suggestion]
 * @property {string} [idempotency_key]
 */

/** @typedef {VerificationFields | object} Verification */
/** @typedef {(VerificationFields & { business_id: string, email?: string }) | object} VerificationOf */
/** @typedef {{ idempotency_key?: string } | object} CostMetadata */

/**
 * Items, of which those that are bad are listed and the others go in; or with `all_or_nothing`, where
 * a bad one fails the batch.
 *
 * @template Item
 * @typedef {Iterable<Item> | { items: Iterable<Item>, all_or_nothing?: boolean }} Batch
 */

/**
 * @typedef {string | { email?: string, domain?: string, phone?: string, place_id?: string,
 *   reason?: string | null } | object} Contact
 */

/**
 * @typedef {object} ContactsSuppressed
 * @property {true} success
 * @property {number} suppressed
 * @property {number} known
 * @property {number} businesses how many lost their email or left the queues
 * @property {number} failed
 * @property {{ index: number, reason: string }[]} failures
 */

/**
 * @typedef {object} ContactsUnsuppressed
 * @property {true} success
 * @property {number} unsuppressed
 * @property {number} unknown how many were not on the list
 * @property {number} businesses
 * @property {number} failed
 * @property {{ index: number, reason: string }[]} failures
 */

/**
 * @typedef {object} CheckedContact
 * @property {number} index
 * @property {"email" | "domain" | "phone" | "place" | null} kind
 * @property {boolean} is_suppressed
 * @property {"email" | "domain" | "phone" | "place" | null} by the kind of entry that does it
 * @property {string | null} reason
 * @property {boolean} is_erased
 * @property {string | null} since
 * @property {string | null} problem why it is none
 */

/**
 * @typedef {object} ContactsChecked
 * @property {true} success
 * @property {CheckedContact[]} contacts
 */

/**
 * @typedef {object} Suppression
 * @property {string} entry
 * @property {"email" | "domain" | "phone" | "place"} kind
 * @property {string | null} value of domains and places only
 * @property {string | null} reason
 * @property {boolean} is_erased
 * @property {string} created_at
 */

/**
 * @typedef {object} ContactErased
 * @property {true} success
 * @property {boolean} suppressed whether it is new on the list
 * @property {number} erased rows that were deleted or changed
 * @property {Record<string, number>} counts the same by table
 */

/**
 * @typedef {object} ContactData
 * @property {true} success
 * @property {boolean} is_suppressed
 * @property {boolean} is_erased
 * @property {Record<string, Record<string, unknown>[]>} tables
 */

/**
 * @typedef {object} CampaignCreated
 * @property {true} success
 * @property {string} message what was done, in a sentence
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
 * @property {string} message what was done, in a sentence
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
 * @property {string} message what was done, in a sentence
 * @property {number} total_businesses
 * @property {number} total_emails
 * @property {number} total_facebook_pages
 * @property {number} total_linkedin_profiles
 * @property {number} total_verified_emails
 */

/**
 * @typedef {object} CostTracked
 * @property {true} success
 * @property {string} message what was done, in a sentence
 * @property {string} cost_id
 * @property {number} new_total the campaign's actual cost (USD) right after this one
 * @property {string} service
 * @property {boolean} replayed
 */

/**
 * @typedef {object} CostsTracked
 * @property {true} success
 * @property {(Omit<CostTracked, "success" | "message"> & { campaign_id: string })[]} costs in the batch's order
 */

/**
 * @typedef {object} CoverageUpdated
 * @property {true} success
 * @property {string} message what was done, in a sentence
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
 * @property {string} message what was done, in a sentence
 * @property {number} updated
 * @property {number} failed
 * @property {number} superseded items followed by another one for the same business
 * @property {string} enrichment_type
 * @property {{ index: number, business_id: unknown, reason: string }[]} failures
 */

/**
 * @typedef {object} EmailVerified
 * @property {true} success
 * @property {string} message what was done, in a sentence
 * @property {string} business_id
 * @property {string} email
 * @property {string} status
 * @property {boolean} is_safe
 * @property {string | null} unrecognised_status the verifier's word where it is stored as "unknown"
 * @property {boolean} replayed
 */

/**
 * updated + failed = number of answers.
 *
 * @typedef {object} EmailVerificationsUpdated
 * @property {true} success
 * @property {string} message what was done, in a sentence
 * @property {number} updated
 * @property {number} failed
 * @property {{ index: number, business_id: unknown, reason: string }[]} failures
 * @property {string[]} unrecognised_statuses
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

/** @typedef {BusinessForEnrichment & { created_at?: string }} QueuedBusiness */

/**
 * @typedef {object} CampaignSummary
 * @property {string} campaign_id
 * @property {string} name
 * @property {string | null} description
 * @property {string} status
 * @property {string | null} location
 * @property {number} actual_zip_count
 * @property {number} total_businesses_found
 * @property {number} total_emails_found
 * @property {number} total_verified_emails
 * @property {number | null} estimated_cost
 * @property {number} actual_cost
 * @property {string} created_at
 * @property {string} updated_at
 * @property {string | null} started_at
 * @property {string | null} completed_at
 */

/**
 * @typedef {object} CoverageCounts
 * @property {number} zip_codes
 * @property {number} scraped
 * @property {number} businesses_found
 * @property {number} emails_found
 */

/**
 * @typedef {object} QueueLengths
 * @property {number} facebook
 * @property {number} linkedin
 * @property {number} verification
 * @property {number} coverage
 */

/**
 * @typedef {object} ServiceCosts
 * @property {number} google_maps
 * @property {number} facebook
 * @property {number} linkedin
 * @property {number} bouncer
 */

/**
 * @typedef {object} LoggedExport
 * @property {string} id
 * @property {string} exported_at
 * @property {number} leads
 * @property {string} format
 * @property {string | null} preset
 * @property {Record<string, unknown>} filter
 * @property {string} exported_by
 */

/**
 * @typedef {object} CampaignDetails
 * @property {true} success
 * @property {string} campaign_id
 * @property {string} name
 * @property {string | null} description
 * @property {string[]} keywords
 * @property {string | null} location
 * @property {string} coverage_profile
 * @property {string[] | null} custom_zip_codes
 * @property {string} status
 * @property {number} target_zip_count
 * @property {number} actual_zip_count
 * @property {number | null} coverage_percentage
 * @property {number | null} estimated_cost
 * @property {string | null} organization_id
 * @property {string | null} created_by
 * @property {number} verdict_max_age_days
 * @property {number | null} budget_usd
 * @property {number} max_lookup_attempts
 * @property {number} total_businesses_found
 * @property {number} total_emails_found
 * @property {number} total_facebook_pages_found
 * @property {number} total_linkedin_profiles_found
 * @property {number} total_verified_emails
 * @property {number} actual_cost
 * @property {string} created_at
 * @property {string} updated_at
 * @property {string | null} started_at
 * @property {string | null} completed_at
 * @property {CoverageCounts} coverage
 * @property {QueueLengths} queues
 * @property {number} leads
 * @property {ServiceCosts} costs
 * @property {LoggedExport[]} exports
 */

/**
 * @typedef {object} Lead
 * @property {string} business_id
 * @property {string} campaign_id
 * @property {string} created_at
 * @property {string} place_id
 * @property {string | null} cid
 * @property {string} name
 * @property {string | null} address
 * @property {string | null} city
 * @property {string | null} state
 * @property {string | null} postal_code
 * @property {string | null} country
 * @property {string | null} zip_code
 * @property {number | null} latitude
 * @property {number | null} longitude
 * @property {string | null} phone
 * @property {string[]} facebook_phones
 * @property {string[]} linkedin_phones
 * @property {string | null} website
 * @property {string | null} email
 * @property {string | null} email_source
 * @property {boolean} email_verified
 * @property {string | null} bouncer_status
 * @property {number | null} bouncer_score
 * @property {boolean | null} is_safe
 * @property {boolean | null} is_disposable
 * @property {boolean | null} is_role_based
 * @property {boolean | null} is_free_email
 * @property {string | null} bouncer_verified_at
 * @property {string | null} category
 * @property {string[]} categories
 * @property {string | null} description
 * @property {number | null} rating
 * @property {number | null} reviews_count
 * @property {string | null} price_level
 * @property {unknown} hours
 * @property {string | null} business_status
 * @property {string | null} facebook_url
 * @property {string | null} linkedin_url
 * @property {string | null} instagram_url
 * @property {string | null} twitter_url
 * @property {string | null} page_name
 * @property {number | null} page_likes
 * @property {number | null} page_followers
 * @property {string | null} person_name
 * @property {string | null} person_title
 * @property {string | null} person_profile_url
 * @property {string | null} company_name
 * @property {string | null} icebreaker
 * @property {string | null} subject_line
 * @property {string} scraped_at
 * @property {string} changed_at
 */

/**
 * @typedef {object} LeadTextsSet
 * @property {true} success
 * @property {number} updated
 * @property {number} failed
 * @property {{ index: number, business_id: unknown, reason: string }[]} failures
 */

/**
 * @typedef {object} ExportLogged
 * @property {true} success
 * @property {string} export_id
 * @property {string} campaign_id
 * @property {boolean} replayed
 */

export {};

/**
 * What every claim says beside its items.
 *
 * @typedef {object} Claim
 * @property {true} success
 * @property {string} leased_until until when nobody else gets the items
 * @property {number | null} budget_left in USD, after costs and reservations; null where there is none
 * @property {boolean} budget_exhausted the budget did not allow more items
 * @property {string} campaign_status paused, completed or failed: nothing is handed out
 */

/** @typedef {Claim & { businesses: BusinessForEnrichment[] }} BusinessesClaimed */

/**
 * @typedef {Claim & { emails: { business_id: string, email: string, source: string | null }[] }}
 *   EmailsClaimed
 */

/**
 * @typedef {Claim & { zip_codes: { zip_code: string, keywords: string[], max_results: number }[] }}
 *   CoverageClaimed
 */

/** @typedef {{ success: true, extended: number, leased_until: string }} ClaimsExtended */

/** @typedef {{ success: true, released: number }} ClaimsReleased */

/** @typedef {{ success: true, retried: number }} LookupsRetried */

/**
 * @typedef {object} CampaignStatusUpdated
 * @property {true} success
 * @property {string} campaign_id
 * @property {string} status
 * @property {string | null} started_at
 * @property {string | null} completed_at
 */

/**
 * @typedef {object} CampaignBudgetUpdated
 * @property {true} success
 * @property {string} campaign_id
 * @property {number | null} budget_usd
 * @property {number} spent
 * @property {number} reserved
 * @property {number | null} budget_left
 */

/**
 * @typedef {object} WorkStatus
 * @property {true} success
 * @property {string} campaign_id
 * @property {string} status
 * @property {number | null} budget_usd
 * @property {number} spent
 * @property {number} reserved
 * @property {number | null} budget_left
 * @property {{ kind: string, worker: string | null, held: number, claimed_at: string,
 *   leased_until: string, reserved: number }[]} leases
 * @property {{ kind: string, unfinished: number, held: number, lease_ended: number, waiting: number,
 *   next_due_at: string | null, failed: number }[]} queues
 * @property {{ kind: string, business_id: string | null, zip_code: string | null, attempts: number,
 *   reason: string | null }[]} failed
 */
