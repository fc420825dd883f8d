// What is tried again, how long is waited, and when to give up. The numbers are those of
// app/retries.py; a test holds the two together.

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

/** @type {Readonly<RetryPolicy>} */
export const DEFAULT_POLICY = Object.freeze({
  attempts: 5,
  deadlineMs: 30_000,
  firstWaitMs: 20,
  longestWaitMs: 2_000,
});

/**
 * A cost that is given up is a lost cost: a crowd on one campaign is waited out, up to a minute.
 *
 * @type {Readonly<RetryPolicy>}
 */
export const COST_POLICY = Object.freeze({
  ...DEFAULT_POLICY,
  attempts: 200,
  deadlineMs: 60_000,
});

// A third of the usual deadline is longer than Supabase's own statement timeout, 8 s: a call that the
// server is still working on is not given up.
const SHARE_OF_AN_ATTEMPT = 1 / 3;

/** @type {Readonly<Record<string, Readonly<RetryPolicy>>>} */
const POLICIES = Object.freeze({
  track_campaign_cost: COST_POLICY,
  track_campaign_costs_batch: COST_POLICY,
});

/**
 * The policy of a function, with the caller's own bounds over it.
 *
 * @param {string} functionName
 * @param {Partial<RetryPolicy>} [own]
 * @returns {RetryPolicy}
 */
export function retryPolicy(functionName, own) {
  const usual = Object.hasOwn(POLICIES, functionName) ? POLICIES[functionName] : undefined;
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
