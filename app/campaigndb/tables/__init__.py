"""The head of the schema as SQLAlchemy Core tables, one module a concept."""

from campaigndb.tables.api_costs import api_costs
from campaigndb.tables.business_emails import business_emails
from campaigndb.tables.businesses import businesses
from campaigndb.tables.campaigns import campaigns
from campaigndb.tables.cost_gates import cost_gates
from campaigndb.tables.cost_repairs import cost_repairs
from campaigndb.tables.coverage import campaign_coverage
from campaigndb.tables.email_verifications import email_verifications
from campaigndb.tables.enrichments import facebook_enrichments, linkedin_enrichments
from campaigndb.tables.exports import exports
from campaigndb.tables.lookups import lookups, queue_heads
from campaigndb.tables.metadata import metadata
from campaigndb.tables.rollout_percentages import rollout_percentages
from campaigndb.tables.suppressions import erasures, suppression_gate, suppressions

__all__ = [
    "api_costs",
    "business_emails",
    "businesses",
    "campaign_coverage",
    "campaigns",
    "cost_gates",
    "cost_repairs",
    "email_verifications",
    "erasures",
    "exports",
    "facebook_enrichments",
    "linkedin_enrichments",
    "lookups",
    "metadata",
    "queue_heads",
    "rollout_percentages",
    "suppression_gate",
    "suppressions",
]
