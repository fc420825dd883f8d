// What is tried again and how often: with real locks, and real errors of the server.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { callStoredFunction, createCampaignStore } from "../supabase-db.js";
import { failure, lockCampaign, newCampaign, sql, store, supabase } from "./support.js";

before(async () => {
  // Before the API's first connection, which it holds for.
  const [row] = await sql`select current_database() as name`;
  await sql.unsafe(`alter database "${row?.name}" set lock_timeout = '60ms'`);
  // Counts its calls with a sequence, which a rollback leaves alone.
  await sql.unsafe(`
    create function constructor() returns int language sql as 'select 7';
    create sequence calls;
    create function fails_twice(p_code text) returns text language plpgsql security definer as $$
    begin
      if nextval('public.calls') % 3 <> 0 then
        raise exception using errcode = p_code, message = 'as the test asked';
      end if;
      return 'done';
    end
    $$`);
});

test("a call that meets a lock is tried again until the lock is gone", async () => {
  const campaignId = await newCampaign();
  const release = await lockCampaign(campaignId);
  /** @type {unknown[]} */
  const told = [];
  /** @type {Promise<void> | undefined} */
  let released;
  const statistics = await store.campaigns.updateStatistics(
    { campaignId },
    {
      retries: { attempts: 1000 },
      onRetry: (error) => {
        told.push([error.code, error.retryRecommended, error.attempts]);
        released ??= release();
      },
    },
  );
  await released;
  assert.equal(statistics.success, true);
  assert.deepEqual(told[0], ["55P03", true, 1]);
});

test("what is tried in vain is given up with its number of attempts", async () => {
  const campaignId = await newCampaign();
  const release = await lockCampaign(campaignId);
  const error = await failure(
    store.campaigns.updateStatistics({ campaignId }, { retries: { attempts: 3 } }),
  );
  await release();
  assert.deepEqual(
    [error.name, error.functionName, error.code, error.error, error.retryRecommended],
    [
      "StoredFunctionError",
      "update_campaign_statistics",
      "55P03",
      "Resource busy, please retry",
      true,
    ],
  );
  assert.equal(error.attempts, 3);
  assert.match(error.message, /\[55P03\].*\(after 3 attempts\)$/);
});

test("the deadline ends the attempts", async () => {
  const campaignId = await newCampaign();
  const release = await lockCampaign(campaignId);
  const started = performance.now();
  const error = await failure(
    store.campaigns.updateStatistics(
      { campaignId },
      { retries: { attempts: 1000, deadlineMs: 800, longestWaitMs: 5 } },
    ),
  );
  await release();
  assert.ok(performance.now() - started < 10_000);
  assert.ok(error.attempts > 1 && error.attempts < 100);
});

for (const code of ["40001", "40P01", "55P03"]) {
  test(`${code} as the API's error is tried again, even of an unknown function`, async () => {
    /** @type {string[]} */
    const told = [];
    const options = {
      /** @param {import("../supabase-db.js").StoredFunctionError} error */
      onRetry: (error) => told.push(`${error.code} ${error.detail} ${error.status}`),
    };
    const answer = await callStoredFunction(supabase, "fails_twice", { p_code: code }, options);
    assert.equal(answer, "done");
    assert.equal(told.length, 2);
    assert.match(told[0] ?? "", new RegExp(`^${code} as the test asked [45]\\d\\d$`));
  });
}

for (const [code, error] of [
  ["P0001", "Database operation failed"],
  ["57014", "The call took too long"],
  ["23505", "Duplicate record detected"],
  ["22023", "Invalid input: as the test asked"],
]) {
  test(`${code} as the API's error is not tried again`, async () => {
    const told = await failure(callStoredFunction(supabase, "fails_twice", { p_code: code }));
    await sql`alter sequence calls restart`;
    assert.deepEqual(
      [told.code, told.error, told.detail, told.retryRecommended, told.attempts],
      [code, error, "as the test asked", false, 1],
    );
  });
}

test("waits are drawn evenly below a bound that doubles", async () => {
  const campaignId = await newCampaign();
  const release = await lockCampaign(campaignId);
  /** @type {number[]} */
  const waits = [];
  await failure(
    store.campaigns.updateStatistics(
      { campaignId },
      {
        retries: { attempts: 5, firstWaitMs: 2, longestWaitMs: 8 },
        onRetry: (_, waitMs) => waits.push(waitMs),
      },
    ),
  );
  await release();
  assert.equal(waits.length, 4);
  for (const [index, bound] of [2, 4, 8, 8].entries()) {
    const wait = waits[index] ?? -1;
    assert.ok(wait >= 0 && wait <= bound, `wait ${index} is ${wait}, its bound ${bound}`);
  }
  assert.equal(new Set(waits).size, 4);
});

test("bounds that make no sense are refused", async () => {
  for (const retries of [
    { attempts: 0 },
    { attempts: 1.5 },
    { deadlineMs: -1 },
    { firstWaitMs: NaN },
    { attemptMs: 0 },
  ]) {
    await assert.rejects(
      store.campaigns.updateStatistics({ campaignId: "" }, { retries }),
      RangeError,
    );
  }
});

test("a number of retries and a retryDelay are what wrappers around rpc have", async () => {
  /** @param {any} options */
  const waits = async (options) => {
    /** @type {number[]} */
    const told = [];
    let calls = 0;
    const conflict = { success: false, error: "x", error_code: "40P01", retry_recommended: true };
    const rpc = () => {
      calls += 1;
      const answer = Promise.resolve({ data: conflict, error: null, status: 200 });
      return { abortSignal: () => answer };
    };
    const error = await failure(
      callStoredFunction(/** @type {any} */ ({ rpc }), "update_campaign_statistics", { p_campaign_id: "x" }, {
        onRetry: (/** @type {unknown} */ _, /** @type {number} */ waitMs) => told.push(waitMs),
        ...options,
      }),
    );
    assert.equal(error.attempts, calls);
    return told;
  };
  assert.equal((await waits({ retries: 5, retryDelay: 1 })).length, 5);
  assert.equal((await waits({ retries: 0 })).length, 0);
  assert.equal((await waits({ retryDelay: 1 })).length, 4, "the function's own attempts");
  const long = await waits({ retries: 30, retryDelay: 20 });
  assert.ok(Math.max(...long) > 20, "the bound doubles");
  const store = createCampaignStore(supabase, { retries: 0 });
  const campaignId = await newCampaign();
  const release = await lockCampaign(campaignId);
  const error = await failure(store.campaigns.updateStatistics({ campaignId }, { retryDelay: 1 }));
  await release();
  assert.equal(error.attempts, 1, "the store's number holds where the call gives none");
});

test("an option that does not exist is refused", async () => {
  /** @type {[any, RegExp][]} */
  const wrong = [
    [{ retry: 5 }, /there is no option retry; there are signal, retries/],
    [{ retries: { retryDelay: 5 } }, /there is no bound of retries retryDelay/],
    [{ retries: "5" }, /neither a number nor an object/],
    [{ retries: { attempts: 2 }, retryDelay: 5 }, /in an object it is firstWaitMs/],
    [5, /no object/],
  ];
  for (const [options, message] of wrong) {
    const rejected = { name: "TypeError", message };
    await assert.rejects(callStoredFunction(supabase, "x", {}, options), rejected);
    await assert.rejects(store.campaigns.updateStatistics({ campaignId: "" }, options), rejected);
    if (typeof options === "object") {
      assert.throws(() => createCampaignStore(supabase, options), rejected);
    }
  }
  await assert.rejects(callStoredFunction(supabase, "x", {}, { retries: 1.5 }), RangeError);
});

test("options that are undefined leave the store's as they are", async () => {
  const nothing = { signal: undefined, onRetry: undefined, retries: { attempts: undefined } };
  const aborting = createCampaignStore(supabase, { signal: AbortSignal.abort() });
  await assert.rejects(aborting.campaigns.updateStatistics({ campaignId: "" }, nothing), {
    name: "AbortError",
  });
  const once = createCampaignStore(supabase, { retries: { attempts: 1 } });
  const campaignId = await newCampaign();
  const release = await lockCampaign(campaignId);
  const error = await failure(once.campaigns.updateStatistics({ campaignId }, nothing));
  await release();
  assert.deepEqual([error.code, error.attempts], ["55P03", 1]);
});

test("a function of one's own may have any name", async () => {
  assert.equal(await callStoredFunction(supabase, "constructor"), 7);
});
