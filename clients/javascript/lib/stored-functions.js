// What this package knows of each stored function: how one logical call is given a key of its own,
// so that repeating it after an unknown outcome changes nothing. As in app/calls.py.

import { invalidInput } from "./errors.js";
import { kindOf, NotJsonError, storable, toJson } from "./json.js";

/** @typedef {Record<string, unknown>} Parameters the function's, with its names (`p_…`) */

/**
 * @typedef {object} StoredFunction
 * @property {readonly string[]} required the parameters without a default
 * @property {(parameters: Parameters) => Parameters} [keyed] gives one logical call its keys
 * @property {RegExp} [keys] where a caller's own keys are
 * @property {string} [money] the parameter that is an amount in USD
 * @property {string} [list] the parameter that is a list
 * @property {boolean} [returnsRows] whether the answer is rows and not an envelope
 */

/** @type {Readonly<Record<string, StoredFunction>>} */
export const STORED_FUNCTIONS = Object.freeze({
  create_campaign_with_coverage: {
    required: ["p_campaign_data", "p_zip_codes"],
    list: "p_zip_codes",
    // The campaign's own id is its key.
    keyed: (parameters) => ({
      ...parameters,
      p_campaign_data: withKey(parameters.p_campaign_data, "id", newKey()),
    }),
  },
  insert_businesses_batch: {
    required: ["p_campaign_id", "p_zip_code", "p_businesses"],
    list: "p_businesses",
  },
  update_campaign_statistics: { required: ["p_campaign_id"] },
  track_campaign_cost: {
    required: ["p_campaign_id", "p_service", "p_items_processed", "p_cost_usd"],
    money: "p_cost_usd",
    keys: /^p_metadata\.idempotency_key$/,
    keyed: (parameters) => ({
      ...parameters,
      p_metadata: withKey(parameters.p_metadata ?? {}, "idempotency_key", newKey()),
    }),
  },
  track_campaign_costs_batch: {
    required: ["p_costs"],
    list: "p_costs",
    keys: /^p_costs\[\d+\]\.metadata\.idempotency_key$/,
    keyed: (parameters) => ({
      ...parameters,
      p_costs: eachItem(parameters.p_costs, (cost) =>
        isObject(cost)
          ? { ...cost, metadata: withKey(cost.metadata ?? {}, "idempotency_key", newKey()) }
          : cost,
      ),
    }),
  },
  update_coverage_status: {
    required: [
      "p_campaign_id",
      "p_zip_code",
      "p_businesses_found",
      "p_emails_found",
      "p_actual_cost",
    ],
    money: "p_actual_cost",
  },
  update_enrichment_batch: {
    required: ["p_enrichment_type", "p_enrichments"],
    list: "p_enrichments",
    keys: /^p_enrichments\[\d+\]\.idempotency_key$/,
    keyed: (parameters) => {
      const key = newKey();
      return {
        ...parameters,
        p_enrichments: eachItem(parameters.p_enrichments, (item) =>
          withKey(item, "idempotency_key", key),
        ),
      };
    },
  },
  update_email_verification: {
    required: ["p_business_id", "p_email", "p_verification_data"],
    keys: /^p_verification_data\.idempotency_key$/,
    keyed: (parameters) => ({
      ...parameters,
      p_verification_data: withKey(parameters.p_verification_data, "idempotency_key", newKey()),
    }),
  },
  get_businesses_for_enrichment: {
    required: ["p_campaign_id", "p_enrichment_type"],
    returnsRows: true,
  },
  get_businesses_for_enrichment_after: {
    required: ["p_campaign_id", "p_enrichment_type"],
    returnsRows: true,
  },
});

/** @param {string} name @returns {StoredFunction | undefined} what is known of it */
export function storedFunction(name) {
  return Object.hasOwn(STORED_FUNCTIONS, name) ? STORED_FUNCTIONS[name] : undefined;
}

/**
 * The parameters of one logical call as they are sent, the same at every attempt.
 *
 * @param {string} name
 * @param {Parameters} given
 * @returns {Parameters}
 * @throws {import("./errors.js").StoredFunctionError} a parameter is missing, or holds what JSON or
 *   PostgreSQL cannot
 */
export function prepareParameters(name, given) {
  const { keyed, keys, money, list, required = [] } = storedFunction(name) ?? {};
  refuseMissing(name, required, given);
  /** @type {Parameters} */
  const parameters = { ...given };
  if (list) parameters[list] = listed(parameters[list]);
  if (money) parameters[money] = amount(name, money, parameters[money]);
  try {
    for (const [parameter, value] of Object.entries(parameters)) {
      if (value === undefined) delete parameters[parameter];
      else if (typeof value === "string") storable(value, parameter);
      else parameters[parameter] = toJson(value, parameter, keys);
    }
  } catch (error) {
    if (error instanceof NotJsonError) throw invalidInput(name, error.message);
    if (error instanceof RangeError) throw invalidInput(name, "a value is nested too deeply");
    throw error;
  }
  // Into what is sent: to give a Map or a class's object a key would make it another one.
  return keyed ? keyed(parameters) : parameters;
}

/**
 * A variable that is undefined would be left out, and the API would say that there is no such
 * function.
 *
 * @param {string} name
 * @param {readonly string[]} required
 * @param {Parameters} given
 */
function refuseMissing(name, required, given) {
  const isGiven = (/** @type {string} */ parameter) => given[parameter] !== undefined;
  const missing = required.filter((parameter) => !isGiven(parameter));
  if (missing.length === 0) return;
  const names = Object.keys(given).filter(isGiven).join(", ") || "none";
  throw invalidInput(
    name,
    `${missing.join(", ")} ${missing.length > 1 ? "are" : "is"} missing; given: ${names}`,
  );
}

/**
 * Money goes as text, which PostgreSQL reads exactly.
 *
 * @param {string} name
 * @param {string} parameter
 * @param {unknown} value
 */
function amount(name, parameter, value) {
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "number") return value;
  if (!Number.isFinite(value)) throw invalidInput(name, `${parameter} is ${value}`);
  return String(value);
}

/**
 * @param {unknown} items
 * @returns {unknown} any iterable of items as a list; a Map is none of items, and what is no iterable
 *   is the function's to refuse
 */
function listed(items) {
  const isIterable = typeof items === "object" && items !== null && Symbol.iterator in items;
  const isList = isIterable && kindOf(items) !== "Map";
  return isList ? Array.from(/** @type {Iterable<unknown>} */ (items)) : items;
}

/** @param {unknown} items @param {(item: unknown) => unknown} change */
function eachItem(items, change) {
  return Array.isArray(items) ? items.map(change) : items;
}

/**
 * @param {unknown} item
 * @param {string} name
 * @param {string} key
 * @returns {unknown} the item with a key, unless it has one or is no object at all
 */
function withKey(item, name, key) {
  return isObject(item) && (item[name] ?? null) === null ? { ...item, [name]: key } : item;
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function newKey() {
  return globalThis.crypto.randomUUID();
}
