// Values that JSON would change without a word are refused; characters that PostgreSQL cannot
// store become U+FFFD, so that one dirty text does not fail a batch.

const UNSTORABLE = /[\0\p{Surrogate}]/gu;

/** Says what is wrong with a value, and where. */
export class NotJsonError extends Error {}

/**
 * A copy of the value as JSON will have it.
 *
 * @param {unknown} value
 * @param {string} path names the value in an error, such as `p_businesses[3].rating`
 * @returns {unknown}
 * @throws {NotJsonError}
 */
export function toJson(value, path) {
  return convert(value, path, new Set());
}

/**
 * @param {string} value
 * @returns {boolean} whether PostgreSQL can store it as it is
 */
export function isStorable(value) {
  return value.search(UNSTORABLE) < 0;
}

/**
 * @param {unknown} value
 * @param {string} path
 * @param {Set<object>} parents
 * @returns {unknown}
 */
function convert(value, path, parents) {
  switch (typeof value) {
    case "string":
      return value.replace(UNSTORABLE, "\uFFFD");
    case "number":
      if (!Number.isFinite(value)) throw new NotJsonError(`${path} is ${value}`);
      return value;
    case "bigint":
      return String(value); // the functions read numbers from text too
    case "boolean":
      return value;
    case "object":
      return value === null ? null : convertObject(value, path, parents);
    default:
      throw new NotJsonError(`${path} is ${value === undefined ? value : `a ${typeof value}`}`);
  }
}

/**
 * @param {object} value
 * @param {string} path
 * @param {Set<object>} parents
 * @returns {unknown}
 */
function convertObject(value, path, parents) {
  if (value instanceof Date && Number.isNaN(value.getTime())) {
    throw new NotJsonError(`${path} is an invalid Date`);
  }
  if (value instanceof Map || value instanceof Set || ArrayBuffer.isView(value)) {
    throw new NotJsonError(`${path} is a ${value.constructor.name}`);
  }
  if ("toJSON" in value && typeof value.toJSON === "function") {
    return convert(value.toJSON(), path, parents);
  }
  if (parents.has(value)) throw new NotJsonError(`${path} contains itself`);
  parents.add(value);
  const copy = Array.isArray(value)
    ? Array.from(value, (item, index) => convert(item, `${path}[${index}]`, parents))
    : Object.fromEntries(
        Object.entries(value)
          // A key without a value is as good as no key; in a list it would become null.
          .filter(([, item]) => item !== undefined)
          .map(([key, item]) => [
            key.replace(UNSTORABLE, "\uFFFD"),
            convert(item, `${path}.${key}`, parents),
          ]),
      );
  parents.delete(value);
  return copy;
}
