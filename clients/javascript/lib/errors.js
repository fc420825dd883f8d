// Every failure as one class, whatever way it came: an envelope, an error of the API, no answer.

/**
 * What is known of a failed attempt.
 *
 * @typedef {object} Failure
 * @property {string} error what a user may be told
 * @property {string} [code] the SQLSTATE, or PostgREST's own code
 * @property {string} [detail] the technical text
 * @property {boolean} [retryRecommended] whether the same call can succeed later
 * @property {boolean} [outcomeUnknown] whether the call may have taken effect all the same
 * @property {number} [status] the HTTP status, where there was one
 */

/** A stored function failed. Unless `outcomeUnknown`, it left nothing behind. */
export class StoredFunctionError extends Error {
  // Fields define what an assignment could not: sandboxes such as n8n's freeze Error.prototype, and
  // its `name` is then read-only for every error.
  /** @override */
  name = "StoredFunctionError";

  /**
   * @param {string} functionName
   * @param {Failure} failure
   * @param {number} [attempts]
   */
  constructor(functionName, failure, attempts = 1) {
    const { error, code, detail = "", retryRecommended = false, outcomeUnknown = false } = failure;
    const tries = attempts > 1 ? ` (after ${attempts} attempts)` : "";
    const more = detail && !error.includes(detail) ? `: ${detail}` : "";
    super(`${functionName}: ${error}${code ? ` [${code}]` : ""}${more}${tries}`);
    /** The function that was called. */
    this.functionName = functionName;
    /** What a user may be told. */
    this.error = error;
    /**
     * The SQLSTATE, or PostgREST's own code such as `PGRST202`; undefined where neither answered.
     *
     * @type {string | undefined}
     */
    this.code = code || undefined;
    /** The technical text; without rows or parameters. */
    this.detail = detail;
    /** Whether the same call can succeed later. */
    this.retryRecommended = retryRecommended;
    /** Whether the call may have taken effect although no answer came. */
    this.outcomeUnknown = outcomeUnknown;
    /** How often the call was tried; 0 where it was refused before it was sent. */
    this.attempts = attempts;
    /**
     * The HTTP status; undefined where there was no answer, and for failure envelopes.
     *
     * @type {number | undefined}
     */
    this.status = failure.status;
  }
}

// What is said of an SQLSTATE that comes without an envelope, and whether to try again: as in
// app/campaigndb/calling/errors.py; a test holds the two together.
/** @type {Readonly<Record<string, readonly [error: string, retry: boolean]>>} */
export const SQLSTATES = Object.freeze({
  23505: ["Duplicate record detected", false],
  23503: ["Referenced record not found", false],
  "40P01": ["Operation conflict, please retry", true],
  40001: ["Concurrent modification, please retry", true],
  "55P03": ["Resource busy, please retry", true],
  25001: ["Must run in a SERIALIZABLE transaction", false],
  25006: [
    "This writes, and the transaction is read-only: call it with POST, on the primary server",
    false,
  ],
  23502: ["Invalid input", false],
  23514: ["Invalid input", false],
  57014: ["The call took too long", false],
  "25P03": ["The transaction was idle for too long", true],
  "25P04": ["The transaction took too long", false],
  "57P01": ["The server is shutting down", true],
  "57P02": ["The server crashed", true],
  "57P03": ["The server does not accept connections yet", true],
  "57P05": ["The session was idle for too long", true],
  53300: ["The server has no connection left", true],
  40003: ["Whether it was written is unknown, please retry", true],
});
/** @type {Readonly<Record<string, readonly [error: string, retry: boolean]>>} */
export const SQLSTATE_CLASSES = Object.freeze({
  22: ["Invalid input", false],
  "08": ["The connection failed", true],
  53: ["Database operation failed", true],
});

// What a node of a Citus cluster says under XX000, and the SQLSTATE that it means: the node was lost (at
// COMMIT with an open outcome), another transaction was in the way there, or a migration ran meanwhile.
/** @type {Readonly<Record<string, string>>} */
export const CLUSTER_TEXTS = Object.freeze({
  "failure on connection marked as essential": "08006",
  "server closed the connection unexpectedly": "08006",
  "could not commit transaction for shard": "40003",
  "could not serialize access": "40001",
  "cache lookup failed for function": "40001",
});

/** @param {string} code @param {string} message @returns {string} */
function meantSqlstate(code, message) {
  if (code !== "XX000") return code;
  const said = Object.keys(CLUSTER_TEXTS).find((text) => message.includes(text));
  return (said && CLUSTER_TEXTS[said]) || code;
}

// What PostgREST and the key say.
/** @type {Readonly<Record<string, readonly [error: string, retry: boolean]>>} */
const API_CODES = Object.freeze({
  42501: ["The key's role may not call the function", false],
  PGRST000: ["The API has no connection to the database", true],
  PGRST001: ["The API lost its connection to the database", true],
  PGRST002: ["The API has not read the schema yet", true],
  PGRST003: ["The API has no free connection to the database", true],
  PGRST202: [
    "The API knows no such function with these parameters; after a deploy, reload its schema cache",
    false,
  ],
  PGRST301: ["The API refused the key", false],
  PGRST302: ["The API refused the key", false],
  PGRST303: ["The API refused the key", false],
});

// The connection closed during the call, and so perhaps after its COMMIT. Which answers leave the
// outcome open is in tests/vectors/answers.json, for this client and for Python's.
const CONNECTION_LOST = /^(08...|25P0[34]|40003|57P0[125]|PGRST001)$/;

// An SQLSTATE or a code of PostgREST's. What else a gateway calls a code says nothing of the call.
const CODE = /^([0-9A-Z]{5}|PGRST...)$/;

/**
 * Whether a call may have taken effect though this is all that came back of it: a page of a gateway,
 * or an answer that was cut.
 *
 * @param {number} status of an answer with no code
 */
function leavesOpen(status) {
  return status < 300 || status >= 500 || [408, 425, 429].includes(status);
}

/**
 * @param {Record<string, any>} envelope with `success: false`
 * @returns {Failure}
 */
export function failureFromEnvelope(envelope) {
  const detail = envelope.error_detail ?? "";
  const code = meantSqlstate(envelope.error_code, detail);
  const known = code === envelope.error_code ? undefined : (SQLSTATES[code] ?? sqlstateClass(code));
  return {
    error: known?.[0] ?? (envelope.error || "Database operation failed"),
    code,
    detail,
    retryRecommended: known?.[1] ?? envelope.retry_recommended === true,
  };
}

// The call itself is refused, so an earlier attempt at it was not committed either.
const REFUSALS = /^(22...|23502|23503|23505|23514|25001)$/;

/**
 * What a failure means where an attempt before may have been committed: it does not undo that.
 *
 * @param {Failure} failure
 * @param {boolean} repeatable whether repeating the call changes nothing
 * @returns {Failure}
 */
export function failureAfterUnknown(failure, repeatable) {
  if (failure.outcomeUnknown || REFUSALS.test(failure.code ?? "")) return failure;
  return { ...failure, outcomeUnknown: true, retryRecommended: repeatable };
}

/**
 * @param {{ message?: unknown, code?: unknown, hint?: unknown, details?: unknown }} error
 *   what supabase-js calls an error
 * @param {number} status the HTTP status; 0 where there was no answer
 * @param {boolean} repeatable whether repeating the call changes nothing
 * @returns {Failure}
 */
export function failureFromError(error, status, repeatable) {
  const message = typeof error.message === "string" ? error.message : "";
  if (!status) {
    return {
      error: "The API could not be reached",
      detail: causeOf(error) ?? message,
      retryRecommended: repeatable,
      outcomeUnknown: true,
    };
  }
  const given = typeof error.code === "string" && CODE.test(error.code) ? error.code : "";
  const code = meantSqlstate(given, message);
  const known = API_CODES[code] ?? SQLSTATES[code] ?? sqlstateClass(code);
  if (known) {
    const [text, retry] = known;
    const outcomeUnknown = CONNECTION_LOST.test(code);
    return {
      error: text === "Invalid input" ? `${text}: ${message}` : text,
      code,
      // The hint of an unknown function names the parameters it has; other hints may hold values.
      detail: code === "PGRST202" && error.hint ? `${message}. ${error.hint}` : message,
      retryRecommended: outcomeUnknown ? repeatable : retry,
      outcomeUnknown,
      status,
    };
  }
  const outcomeUnknown = !code && leavesOpen(status);
  return {
    error: describeStatus(status, code),
    code,
    // Without a code this may be any page that a gateway shows.
    detail: code ? message : `an answer of ${message.length} characters`,
    retryRecommended: outcomeUnknown && repeatable,
    outcomeUnknown,
    status,
  };
}

/** @param {string} code */
function sqlstateClass(code) {
  return /^[0-9A-Z]{5}$/.test(code) ? SQLSTATE_CLASSES[code.slice(0, 2)] : undefined;
}

/** @param {number} status @param {string} code */
function describeStatus(status, code) {
  if (status === 401) return "The API refused the key";
  if (status < 300) return "The answer is not JSON";
  if (/^[0-9A-Z]{5}$/.test(code)) return "Database operation failed";
  return `The API answered with HTTP status ${status}`;
}

/** @param {{ details?: unknown }} error the line in which supabase-js says why fetch failed */
function causeOf(error) {
  return typeof error.details === "string"
    ? error.details.match(/^Caused by: (.+)$/m)?.[1]
    : undefined;
}

/**
 * A call that is refused before it is sent.
 *
 * @param {string} functionName
 * @param {string} detail what is wrong, and where
 */
export function invalidInput(functionName, detail) {
  return new StoredFunctionError(
    functionName,
    { error: `Invalid input: ${detail}`, code: "22023", detail },
    0,
  );
}
