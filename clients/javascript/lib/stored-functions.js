// How one logical call is given a key of its own, so that repeating it after an unknown outcome
// changes nothing. What is known of each function is in catalogue.js.

import { STORED_FUNCTIONS } from "./catalogue.js";
import { invalidInput } from "./errors.js";
import { kindOf, NotJsonError, storable, toJson } from "./json.js";

/** @typedef {import("./catalogue.js").StoredFunction} StoredFunction */

/** @typedef {Record<string, unknown>} Parameters the function's, with its names (`p_…`) */

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
  const known = storedFunction(name);
  refuseMissing(name, known?.required ?? [], given);
  /** @type {Parameters} */
  const parameters = { ...given };
  for (const list of known?.lists ?? []) parameters[list] = listed(parameters[list]);
  for (const money of known?.money ?? []) parameters[money] = amount(name, money, parameters[money]);
  const keys = known?.key === undefined ? undefined : keyPattern(known.key);
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
  try {
    return known?.key === undefined ? parameters : keyed(parameters, known, known.key);
  } catch (error) {
    if (!(error instanceof NoRandomError)) throw error;
    throw invalidInput(name, `this runtime has no crypto: give ${known?.key} a value of your own`);
  }
}

/**
 * @param {string} path such as `p_costs[].metadata.idempotency_key`
 * @returns {RegExp} the places of a caller's own keys: `p_costs[3].metadata.idempotency_key`
 */
function keyPattern(path) {
  const escaped = path.replace(/[.[\]]/g, "\\$&").replace("\\[\\]", "\\[\\d+\\]");
  return new RegExp(`^${escaped}$`);
}

/**
 * @param {Parameters} parameters
 * @param {StoredFunction} known
 * @param {string} path
 * @returns {Parameters} the parameters with the call's keys
 */
function keyed(parameters, known, path) {
  const [place = "", ...fields] = path.split(".");
  const parameter = place.replace("[]", "");
  /** @type {string | undefined} */
  let shared;
  const key = () => (known.oneKeyEach ? newKey() : (shared ??= newKey()));
  if (place !== parameter) {
    return {
      ...parameters,
      [parameter]: eachItem(parameters[parameter], (item) => withKey(item, fields, key)),
    };
  }
  const value = known.optional.includes(parameter)
    ? (parameters[parameter] ?? {})
    : parameters[parameter];
  return { ...parameters, [parameter]: withKey(value, fields, key) };
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
  if (hasItems(items)) return { ...items, items: listed(items.items) };
  const isIterable = typeof items === "object" && items !== null && Symbol.iterator in items;
  const isList = isIterable && kindOf(items) !== "Map";
  return isList ? Array.from(/** @type {Iterable<unknown>} */ (items)) : items;
}

/**
 * @param {unknown} batch
 * @returns {batch is { items: unknown }} whether the list is within an object, beside what is wished of it
 */
function hasItems(batch) {
  return isObject(batch) && "items" in batch;
}

/** @param {unknown} items @param {(item: unknown) => unknown} change @returns {unknown} */
function eachItem(items, change) {
  if (hasItems(items)) return { ...items, items: eachItem(items.items, change) };
  return Array.isArray(items) ? items.map(change) : items;
}

/**
 * @param {unknown} item
 * @param {readonly string[]} fields where in the item the key is
 * @param {() => string} key makes one
 * @returns {unknown} the item with a key, unless it has one or is no object at all
 */
function withKey(item, [field = "", ...below], key) {
  if (!isObject(item)) return item;
  const value = item[field] ?? null;
  if (below.length > 0) return { ...item, [field]: withKey(value ?? {}, below, key) };
  return value === null ? { ...item, [field]: key() } : item;
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

class NoRandomError extends Error {
  constructor() {
    super("this runtime has no crypto, and so no new keys");
  }
}

/**
 * A random UUID. Pages that did not come by HTTPS have no `randomUUID`. `Math.random` is no
 * substitute: where two processes draw alike, one's cost would be taken for the other's.
 */
export function newKey() {
  const { crypto } = globalThis;
  if (typeof crypto?.randomUUID === "function") return crypto.randomUUID();
  if (typeof crypto?.getRandomValues !== "function") throw new NoRandomError();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const digits = Array.from(bytes, (byte, index) => {
    if (index === 6) return ((byte & 0x0f) | 0x40).toString(16).padStart(2, "0");
    if (index === 8) return ((byte & 0x3f) | 0x80).toString(16).padStart(2, "0");
    return byte.toString(16).padStart(2, "0");
  }).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
