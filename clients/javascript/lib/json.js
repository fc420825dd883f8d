// Values that JSON would change without a word are refused; characters that PostgreSQL cannot
// store become U+FFFD, so that one dirty text does not fail a batch. Not those of a key: other keys
// would become the same one.

const UNSTORABLE = /[\0\p{Surrogate}]/gu;
// `new Number(1)` and the like, which JSON writes as what they hold.
const PRIMITIVES = new Set(["String", "Number", "Boolean", "BigInt"]);
// Objects that hold more than the fields that JSON would write.
const OPAQUE = new Set(
  "Map Set WeakMap WeakSet WeakRef Promise RegExp Error ArrayBuffer SharedArrayBuffer Symbol".split(" "),
);

/** Says what is wrong with a value, and where. */
export class NotJsonError extends Error {}

/**
 * A copy of the value as JSON will have it.
 *
 * @param {unknown} value
 * @param {string} path names the value in an error, such as `p_businesses[3].rating`
 * @param {RegExp} [keys] the paths of texts that must stay as they are
 * @returns {unknown}
 * @throws {NotJsonError}
 */
export function toJson(value, path, keys) {
  return convert(value, path, { keys, parents: new Set() });
}

/**
 * @param {string} value
 * @param {string} path
 * @returns {string} the text
 * @throws {NotJsonError} PostgreSQL cannot store it as it is
 */
export function storable(value, path) {
  if (value.search(UNSTORABLE) < 0) return value;
  throw new NotJsonError(`${path} holds a character that PostgreSQL cannot store`);
}

/** @typedef {{ keys?: RegExp, parents: Set<object> }} Context */

/**
 * @param {unknown} value
 * @param {string} path
 * @param {Context} context
 * @returns {unknown}
 */
function convert(value, path, context) {
  switch (typeof value) {
    case "string":
      return context.keys?.test(path) ? storable(value, path) : value.replace(UNSTORABLE, "\uFFFD");
    case "number":
      if (!Number.isFinite(value)) throw new NotJsonError(`${path} is ${value}`);
      return value;
    case "bigint":
      return String(value); // the functions read numbers from text too
    case "boolean":
      return value;
    case "object":
      return value === null ? null : convertObject(value, path, context);
    default:
      throw new NotJsonError(`${path} is ${value === undefined ? value : `a ${typeof value}`}`);
  }
}

/**
 * @param {object} value
 * @param {string} path
 * @param {Context} context
 * @returns {unknown}
 */
function convertObject(value, path, context) {
  const kind = kindOf(value);
  if (kind === "Date" && Number.isNaN(Number(value))) {
    throw new NotJsonError(`${path} is an invalid Date`);
  }
  if (ArrayBuffer.isView(value)) throw notJson(value, path);
  if ("toJSON" in value && typeof value.toJSON === "function") {
    return convert(value.toJSON(), path, context);
  }
  const primitive = PRIMITIVES.has(kind) ? value.valueOf() : value;
  if (typeof primitive !== "object") return convert(primitive, path, context);
  if (vanishes(value, kind)) throw notJson(value, path);
  const { parents } = context;
  if (parents.has(value)) throw new NotJsonError(`${path} contains itself`);
  parents.add(value);
  const copy = Array.isArray(value)
    ? Array.from(value, (item, index) => convert(item, `${path}[${index}]`, context))
    : Object.fromEntries(
        Object.entries(value)
          // A key without a value is as good as no key; in a list it would become null.
          .filter(([, item]) => item !== undefined)
          .map(([key, item]) => [
            key.replace(UNSTORABLE, "\uFFFD"),
            convert(item, `${path}.${key}`, context),
          ]),
      );
  parents.delete(value);
  return copy;
}

/** @param {object} value @returns {string} what it is at heart, also if it comes from another realm */
export function kindOf(value) {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

/**
 * Whether what the object holds would not be written: it keeps it elsewhere than in fields, or has a
 * class and no field. An object without a class may be empty.
 *
 * @param {object} value without toJSON
 * @param {string} kind
 */
function vanishes(value, kind) {
  if (OPAQUE.has(kind)) return true;
  if (Array.isArray(value) || Object.keys(value).length > 0) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype !== null && Object.getPrototypeOf(prototype) !== null;
}

/** @param {object} value @param {string} path */
function notJson(value, path) {
  const name = value.constructor?.name || kindOf(value);
  return new NotJsonError(`${path} is ${/^[AEIO]/i.test(name) ? "an" : "a"} ${name}`);
}
