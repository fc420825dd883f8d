// What is tried again, how long is waited, and when to give up. The numbers are in catalogue.js.

import { DEFAULT_POLICY, STORED_FUNCTIONS } from "./catalogue.js";

/**
 * Bounds of the attempts of one logical call.
 *
 * The wait before a retry is drawn evenly from 0 to min(longestWaitMs, firstWaitMs * 2^retries)
 * ("full jitter"): callers that failed together do not come back together. The deadline also ends
 * an attempt that gets no answer.
 *
 * @typedef {object} RetryPolicy
 * @property {number} attempts
 * @property {number} deadlineMs of all attempts and waits together
 * @property {number} [attemptMs] how long one attempt waits for its answer; default: a third of the
 *   deadline where another attempt may follow, and else all that is left of it
 * @property {number} firstWaitMs
 * @property {number} longestWaitMs
 */

// A third of the usual deadline is longer than Supabase's own statement timeout, 8 s: a call that the
// server is still working on is not given up.
const SHARE_OF_AN_ATTEMPT = 1 / 3;

const BOUNDS = ["attempts", "deadlineMs", "attemptMs", "firstWaitMs", "longestWaitMs"];
const OPTIONS = ["signal", "retries", "retryDelay", "onRetry", "repeatable"];

/**
 * Options that are set, in their full form. `retries: 5, retryDelay: 1000` are the words of many a
 * wrapper around `supabase.rpc`.
 *
 * @param {import("./call.js").CallOptions} [given]
 * @returns {Omit<import("./call.js").CallOptions, "retries" | "retryDelay"> &
 *   { retries?: Partial<RetryPolicy> }}
 * @throws {TypeError} an option is none of these: it would have no effect
 */
export function callOptions(given) {
  if (typeof given !== "object" && given !== undefined) throw new TypeError("the options are no object");
  const { retries, retryDelay, ...others } = withoutUndefined(given);
  refuseOthers(Object.keys(given ?? {}), OPTIONS, "option");
  if (typeof retries === "number" || (retries === undefined && retryDelay !== undefined)) {
    const counted = retries === undefined ? {} : { attempts: retries + 1 };
    const waits =
      retryDelay === undefined
        ? {}
        : { firstWaitMs: retryDelay, longestWaitMs: Math.max(retryDelay, DEFAULT_POLICY.longestWaitMs) };
    return { ...others, retries: { ...counted, ...waits } };
  }
  if (typeof retries !== "object" && retries !== undefined) {
    throw new TypeError("retries is neither a number nor an object");
  }
  if (retryDelay !== undefined) {
    throw new TypeError("retryDelay goes with a number of retries; in an object it is firstWaitMs");
  }
  refuseOthers(Object.keys(retries ?? {}), BOUNDS, "bound of retries");
  return retries === undefined ? others : { ...others, retries: withoutUndefined(retries) };
}

/** @param {string[]} names @param {string[]} known @param {string} what */
function refuseOthers(names, known, what) {
  const others = names.filter((name) => !known.includes(name));
  if (others.length === 0) return;
  throw new TypeError(`there is no ${what} ${others.join(", ")}; there are ${known.join(", ")}`);
}

/** Milliseconds of a clock that not every runtime lets go on when the time of day is set. */
export function now() {
  return globalThis.performance?.now() ?? Date.now();
}

/**
 * The policy of a function, with the caller's own bounds over it.
 *
 * @param {string} functionName
 * @param {Partial<RetryPolicy>} [own]
 * @returns {RetryPolicy}
 */
export function retryPolicy(functionName, own) {
  const usual = Object.hasOwn(STORED_FUNCTIONS, functionName)
    ? STORED_FUNCTIONS[functionName]?.policy
    : undefined;
  const policy = { ...(usual ?? DEFAULT_POLICY), ...withoutUndefined(own) };
  if (!Number.isInteger(policy.attempts) || policy.attempts < 1) {
    throw new RangeError("retries.attempts must be a whole number of 1 or more");
  }
  for (const bound of /** @type {const} */ (["deadlineMs", "firstWaitMs", "longestWaitMs"])) {
    if (!(policy[bound] >= 0)) throw new RangeError(`retries.${bound} must be 0 or more`);
  }
  const { attemptMs = Infinity } = policy;
  if (!(attemptMs > 0)) throw new RangeError("retries.attemptMs must be more than 0");
  return policy;
}

/**
 * How long an attempt waits for its answer: one that hangs, on a connection that was lost without a
 * word, must leave time for another one.
 *
 * @param {RetryPolicy} policy
 * @param {boolean} mayBeRepeated whether another attempt may follow
 * @returns {number} milliseconds
 */
export function longestAttempt(policy, mayBeRepeated) {
  return policy.attemptMs ?? (mayBeRepeated ? policy.deadlineMs * SHARE_OF_AN_ATTEMPT : Infinity);
}

/**
 * The options that are set: one that is undefined is as good as none.
 *
 * @template {object} Options
 * @param {Options | undefined} options
 * @returns {Partial<Options>}
 */
export function withoutUndefined(options) {
  const set = Object.entries(options ?? {}).filter(([, value]) => value !== undefined);
  return /** @type {Partial<Options>} */ (Object.fromEntries(set));
}

/**
 * @param {RetryPolicy} policy
 * @param {number} retries how many there were
 * @returns {number} milliseconds
 */
export function waitBeforeRetry(policy, retries) {
  return Math.random() * Math.min(policy.longestWaitMs, policy.firstWaitMs * 2 ** retries);
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal} [signal] ends the wait; its reason is thrown
 * @returns {Promise<void>}
 */
export function sleep(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end);
      resolve();
    }, milliseconds);
    if (signal?.aborted) end();
    else signal?.addEventListener("abort", end, { once: true });
  });
}
