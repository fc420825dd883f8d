// One logical call of a stored function: attempts, waits, and what is made of the answers.

import {
  failureAfterUnknown,
  failureFromEnvelope,
  failureFromError,
  StoredFunctionError,
} from "./errors.js";
import { callOptions, longestAttempt, now, retryPolicy, sleep, waitBeforeRetry } from "./retries.js";
import { prepareParameters, storedFunction } from "./stored-functions.js";

const LONGEST_TIMER_MS = 2 ** 31 - 1; // a longer one would fire at once

/** @typedef {import("./errors.js").Failure} Failure */
/** @typedef {Pick<import("@supabase/supabase-js").SupabaseClient<any, any, any>, "rpc">} Supabase */

/**
 * @typedef {object} CallOptions
 * @property {AbortSignal} [signal] ends the call, also while it waits; its reason is thrown
 * @property {Partial<import("./retries.js").RetryPolicy> | number} [retries] bounds over the
 *   function's own; a number is how many attempts may follow the first one
 * @property {number} [retryDelay] the bound of the first wait, in milliseconds: `firstWaitMs`, where
 *   `retries` is a number
 * @property {(error: StoredFunctionError, waitMs: number) => void} [onRetry] told of every failed
 *   attempt that is followed by another one
 * @property {boolean} [repeatable] whether repeating the call changes nothing, so that it is tried
 *   again after a network failure; true for the functions of this schema
 */

/**
 * Calls a stored function by its name and with the names of its parameters (`p_…`).
 *
 * The call is tried again while that is recommended and allowed. A call of this schema's functions
 * gets an idempotency key where it has none, the same at every attempt.
 *
 * @param {Supabase} supabase a supabase-js client, or `client.schema("…")`
 * @param {string} name
 * @param {object} [parameters]
 * @param {CallOptions} [options]
 * @returns {Promise<any>} the envelope, `success: true` and its fields, or the rows
 * @throws {StoredFunctionError} whatever failed, except that an aborted signal's reason is thrown
 * @throws {TypeError} there is no client or no name, or an option that is none
 */
export async function callStoredFunction(supabase, name, parameters = {}, options = {}) {
  if (typeof supabase?.rpc !== "function" || typeof name !== "string") {
    throw new TypeError("callStoredFunction needs a supabase-js client and a function's name");
  }
  const { signal, onRetry, retries, ...others } = callOptions(options);
  const policy = retryPolicy(name, retries);
  const prepared = prepareParameters(name, { ...parameters });
  const repeatable = others.repeatable ?? storedFunction(name) !== undefined;
  const end = now() + policy.deadlineMs;

  const writes = !storedFunction(name)?.readOnly;
  let mayBeCommitted = false;

  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    const timeLeft = Math.max(end - now(), 0);
    const longest = longestAttempt(policy, repeatable && attempt < policy.attempts);
    const bounds = { signal, timeLeft, longest, repeatable };
    const answer = await ask(supabase, name, prepared, bounds);
    if ("value" in answer) return answer.value;

    /** @type {Failure} */
    const failure = mayBeCommitted
      ? failureAfterUnknown(answer.failure, repeatable)
      : answer.failure;
    mayBeCommitted ||= writes && failure.outcomeUnknown === true;
    const error = new StoredFunctionError(name, failure, attempt);
    const wait = waitBeforeRetry(policy, attempt - 1);
    const isLast = attempt >= policy.attempts || now() + wait >= end;
    if (!error.retryRecommended || isLast) throw error;
    onRetry?.(error, wait);
    await sleep(wait, signal);
  }
}

/**
 * One attempt.
 *
 * @param {Supabase} supabase
 * @param {string} name
 * @param {Record<string, unknown>} parameters
 * @param {{ signal?: AbortSignal, timeLeft: number, longest: number, repeatable: boolean }} bounds
 *   times in milliseconds
 * @returns {Promise<{ value: any } | { failure: Failure }>}
 */
async function ask(supabase, name, parameters, { signal, timeLeft, longest, repeatable }) {
  const inFlight = new AbortController();
  const abort = () => inFlight.abort(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  let timedOut = false;
  const timer = setTimeout(
    () => {
      timedOut = true;
      inFlight.abort();
    },
    Math.min(timeLeft, longest, LONGEST_TIMER_MS),
  );
  try {
    const { data, error, status } = await supabase
      .rpc(name, parameters)
      .abortSignal(inFlight.signal)
      // A client may be told to throw what it would return.
      .then(undefined, (thrown) => ({ data: null, error: thrown, status: statusOf(thrown) }));
    if (!error) return readAnswer(name, data, status, repeatable);
    // An answer that came before the signal is still an answer.
    if (!status && signal?.aborted) throw signal.reason;
    if (!status && timedOut) {
      const when = longest < timeLeft ? `within ${Math.round(longest)} ms` : "before the deadline";
      return { failure: noAnswer(when, repeatable) };
    }
    return { failure: failureFromError(error, status, repeatable) };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

/** @param {any} thrown @returns {number} 0 where there was no answer */
function statusOf(thrown) {
  return thrown?.status ?? (typeof thrown?.code === "string" && thrown.code ? 500 : 0);
}

/** @param {string} when @param {boolean} repeatable @returns {Failure} */
function noAnswer(when, repeatable) {
  return {
    error: `No answer came ${when}`,
    detail: "whether the call took effect is unknown",
    retryRecommended: repeatable,
    outcomeUnknown: true,
  };
}

/**
 * @param {string} name
 * @param {any} data
 * @param {number} status
 * @param {boolean} repeatable
 * @returns {{ value: any } | { failure: Failure }}
 */
function readAnswer(name, data, status, repeatable) {
  const known = storedFunction(name);
  if (known?.returnsRows && Array.isArray(data)) return { value: data };
  if (data?.success === true && !known?.returnsRows) return { value: data };
  if (data?.success === false) return { failure: failureFromEnvelope(data) };
  if (!known) return { value: data };
  return {
    failure: {
      error: `The answer is no ${known.returnsRows ? "list of rows" : "envelope"}`,
      detail: `it is ${data === null ? "empty" : `of type ${typeof data}`}`,
      retryRecommended: repeatable,
      outcomeUnknown: true,
      status,
    },
  };
}
