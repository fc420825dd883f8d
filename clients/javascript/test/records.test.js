// What sources send goes in as it is, and each column that it knows is filled:
// tests/vectors/records.json, whose form tests/vectors/records.py describes.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { sql, store } from "./support.js";

const PATH = new URL("../../../tests/vectors/records.json", import.meta.url);
/** @type {{ kind: any, name: string, record: any, expected: Record<string, any> }[]} */
const records = JSON.parse(readFileSync(PATH, "utf8"));
const EMAIL = "john@acme.example";
/** @type {Record<string, string>} */
const ANSWERS = {
  facebook: "gmaps_facebook_enrichments",
  linkedin: "gmaps_linkedin_enrichments",
  verification: "gmaps_email_verifications",
};

for (const { kind, name, record, expected } of records) {
  test(name, async () => {
    const { campaign_id: campaignId } = await store.campaigns.createWithCoverage({
      campaignData: { name },
    });
    const place = { placeId: `ChIJ${randomUUID()}`, title: "A", email: EMAIL };
    const businesses = [kind === "place" ? record : place];
    const sent = await store.businesses.insertBatch({ campaignId, zipCode: null, businesses });
    assert.equal(sent.inserted, 1);
    const [business] = await sql`select * from gmaps_businesses where campaign_id = ${campaignId}`;
    assert.ok(business);
    const businessId = business.id;
    if (kind === "verification") {
      await store.emails.updateVerification({ businessId, email: EMAIL, verificationData: record });
    } else if (kind !== "place") {
      const enrichments = [{ ...record, business_id: businessId }];
      await store.enrichments.updateBatch({ enrichmentType: kind, enrichments });
    }

    const table = ANSWERS[kind];
    const [row] = table
      ? await sql`select * from ${sql(table)} where business_id = ${businessId}`
      : [business];
    const addresses = await sql`
      select email from gmaps_business_emails where business_id = ${businessId}
      order by first_seen_at`;
    // Another record may be of the same place.
    await sql`delete from gmaps_campaigns where id = ${campaignId}`;
    /** @type {Record<string, any>} */
    const stored = { ...row, emails: row?.emails ?? addresses.map(({ email }) => email) };
    const other = Object.entries(expected).filter(([column, value]) => !is(stored[column], value));
    assert.deepEqual(
      other.map(([column, value]) => ({ column, value, stored: stored[column] })),
      [],
    );
  });
}

/** @param {any} value @param {any} expected @returns {boolean} */
function is(value, expected) {
  if (expected === "*") return value !== null && String(value) !== "";
  if (Array.isArray(expected) && !Array.isArray(value)) return expected.some((one) => is(value, one));
  if (typeof value === "boolean") return String(value) === String(expected).toLowerCase();
  if (Array.isArray(value)) return JSON.stringify(value) === JSON.stringify(expected);
  const text = String(value);
  return text === String(expected) || (text !== "" && Number(text) === Number(expected));
}
