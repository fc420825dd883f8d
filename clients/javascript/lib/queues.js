// Rows, however few of them the API answers with at once: PostgREST cuts an answer at its limit of rows
// (max-rows) and says nothing, so only an empty page is known to be the last one.

import { StoredFunctionError } from "./errors.js";

/** @typedef {import("./envelopes.js").BusinessForEnrichment} BusinessForEnrichment */
/** @typedef {BusinessForEnrichment & { queue_position: number, complete_before: number }} Queued */

const MOST_READS = 5;

/**
 * As many rows as were asked for, or as there are, by pages that begin behind a row.
 *
 * @template Row
 * @param {(limit: number, last: Row | undefined) => Promise<Row[]>} page
 * @param {number} limit
 * @returns {Promise<Row[]>}
 */
export async function rowsAfter(page, limit) {
  const rows = await page(limit, undefined);
  while (rows.length > 0 && rows.length < limit) {
    const more = await page(limit - rows.length, rows.at(-1));
    if (more.length === 0) break;
    rows.push(...more);
  }
  return rows;
}

/**
 * The same by pages that begin at an offset. A queue that moves in between would lose or repeat rows
 * there: each page begins with the last row of the one before, and where it does not, all is read anew.
 *
 * @param {(limit: number, offset: number) => Promise<BusinessForEnrichment[]>} page
 * @param {number} limit
 * @param {number} offset
 * @returns {Promise<BusinessForEnrichment[]>}
 * @throws {StoredFunctionError} the queue moved every time
 */
export async function rowsAt(page, limit, offset) {
  for (let reads = 0; reads < MOST_READS; reads++) {
    const rows = await readOnce(page, limit, offset);
    if (rows) return rows;
  }
  throw new StoredFunctionError(
    "get_businesses_for_enrichment",
    {
      error: "The queue moved while it was read in pages: ask for fewer rows, or iterate",
      retryRecommended: true,
    },
    MOST_READS,
  );
}

/**
 * @param {(limit: number, offset: number) => Promise<BusinessForEnrichment[]>} page
 * @param {number} limit
 * @param {number} offset
 * @returns {Promise<BusinessForEnrichment[] | undefined>} undefined where the queue moved
 */
async function readOnce(page, limit, offset) {
  const rows = await page(limit, offset);
  const overlap = rows.length > 1 ? 1 : 0; // an API with a limit of one row shows one row
  while (rows.length > 0 && rows.length < limit) {
    const more = await page(limit - rows.length + overlap, offset + rows.length - overlap);
    if (overlap && more[0]?.business_id !== rows.at(-1)?.business_id) return undefined;
    if (more.length <= overlap) break;
    rows.push(...more.slice(overlap));
  }
  return rows;
}

/**
 * Every business of a queue once. Positions are numbers of transactions: businesses of a transaction that
 * began early and ended late appear behind a page that was read already, so the queue is read once
 * more from where the first page was not complete.
 *
 * @param {(after: { afterPosition: number, afterId: string | null }) => Promise<Queued[]>} page
 * @returns {AsyncGenerator<BusinessForEnrichment, void, undefined>}
 */
export async function* iterateQueue(page) {
  // Read while a transaction with a place before theirs was running: they are met again.
  const early = new Set();
  for (let start = 0, found = 1; found > 0; ) {
    found = 0;
    /** @type {number | undefined} */
    let completeBefore;
    let after = { afterPosition: start, afterId: /** @type {string | null} */ (null) };
    for (let rows = await page(after); rows.length > 0; rows = await page(after)) {
      for (const { queue_position, complete_before, ...business } of rows) {
        completeBefore ??= complete_before;
        after = { afterPosition: queue_position, afterId: business.business_id };
        if (early.has(business.business_id)) continue;
        if (queue_position >= completeBefore) early.add(business.business_id);
        found += 1;
        yield business;
      }
    }
    start = completeBefore ?? 0;
  }
}
