// What TypeScript's users write: interfaces of their own as payloads, and mistakes that it must see.

import { createClient } from "@supabase/supabase-js";
import {
  callStoredFunction,
  type CampaignStore,
  createCampaignStore,
  DEFAULT_POLICY,
  type QueuedBusiness,
  type RetryPolicy,
  StoredFunctionError,
} from "campaigndb";

interface Database {
  public: {
    Tables: {};
    Views: {};
    Functions: { f: { Args: { a: number }; Returns: number } };
    Enums: {};
    CompositeTypes: {};
  };
}
const typed = createClient<Database>("http://x", "k");
const store: CampaignStore = createCampaignStore(typed, { retries: 5, retryDelay: 1000 });
const campaignId: string = (
  await store.campaigns.createWithCoverage({
    campaignData: { name: "a" },
    zipCodes: ["1", { zip_code: "2" }],
  })
).campaign_id;

interface Campaign {
  name: string;
  keywords: string[];
}
interface ZipRow {
  zip_code: string;
  max_results: number;
}
const campaign: Campaign = { name: "x", keywords: [] };
const zipRows: ZipRow[] = [{ zip_code: "1", max_results: 3 }];
await store.campaigns.createWithCoverage({ campaignData: campaign, zipCodes: zipRows });
// @ts-expect-error: a campaign needs a name
await store.campaigns.createWithCoverage({ campaignData: { keywords: [] } });
// @ts-expect-error: no such field
await store.campaigns.createWithCoverage({ campaignData: { name: "x", keyword: [] } });
// @ts-expect-error: no such profile
await store.campaigns.createWithCoverage({ campaignData: { name: "x", coverage_profile: "all" } });

interface Scraped {
  placeId: string;
  title: string;
}
const records: Scraped[] = [{ placeId: "p", title: "t" }];
await store.businesses.insertBatch({ campaignId, zipCode: null, businesses: records });

interface Meta {
  run: string;
}
const metadata: Meta = { run: "1" };
const cost = { campaignId, service: "bouncer", itemsProcessed: 1, costUsd: "0.1" } as const;
await store.costs.track({ ...cost, metadata });
await store.costs.track({ ...cost, metadata: null });
// @ts-expect-error: no such service
await store.costs.track({ ...cost, service: "fax" });
// @ts-expect-error: the service is missing
await store.costs.track({ campaignId, itemsProcessed: 1, costUsd: "0.1" });
// @ts-expect-error: metadata is an object
await store.costs.track({ ...cost, metadata: "run 1" });

interface Enrichment {
  business_id: string;
  primary_email?: string;
}
const enrichments: Enrichment[] = [];
await store.enrichments.updateBatch({ enrichmentType: "facebook", enrichments });
interface Verdict {
  status: string;
  score: number;
}
const verificationData: Verdict = { status: "deliverable", score: 1 };
await store.emails.updateVerification({ businessId: "x", email: "a@b.co", verificationData });
await store.emails.updateVerificationsBatch({ verifications: [{ ...verificationData, email: "a" }] });

for await (const business of store.enrichments.iterate({ campaignId, enrichmentType: "linkedin" })) {
  const queued: QueuedBusiness = business;
  queued.business_id.toString();
}
const batches = store.work.batches({ kind: "verification", campaignId, unitCostUsd: "0.008" });
for await (const batch of batches) {
  const verifications = batch.items.map(({ business_id, email }) => ({ business_id, email, status: "x" }));
  const outcome = await batch.finish(verifications, { costUsd: "0.008" });
  outcome?.updated.toFixed();
}
const reason: "empty" | "budget_exhausted" | "paused" | "completed" | "failed" | "stopped" | undefined =
  batches.reason;
// @ts-expect-error: no such kind
store.work.batches({ kind: "fax", campaignId });

interface Statistics {
  p_campaign_id: string;
}
const parameters: Statistics = { p_campaign_id: campaignId };
await callStoredFunction(typed, "update_campaign_statistics", parameters, { retries: 5 });
try {
  await store.campaigns.updateStatistics({ campaignId });
} catch (error) {
  if (error instanceof StoredFunctionError) {
    const code: string | undefined = error.code;
    code?.toString();
  }
}
const policy: Partial<RetryPolicy> = DEFAULT_POLICY;
export { policy, reason };
