"""The head of the schema as SQLAlchemy Core tables, one module a concept."""

from app.tables.api_costs import api_costs
from app.tables.businesses import businesses
from app.tables.campaigns import campaigns
from app.tables.cost_gates import cost_gates
from app.tables.cost_repairs import cost_repairs
from app.tables.coverage import campaign_coverage
from app.tables.email_verifications import email_verifications
from app.tables.enrichments import facebook_enrichments, linkedin_enrichments
from app.tables.metadata import metadata
from app.tables.rollout_percentages import rollout_percentages

__all__ = [
    "api_costs",
    "businesses",
    "campaign_coverage",
    "campaigns",
    "cost_gates",
    "cost_repairs",
    "email_verifications",
    "facebook_enrichments",
    "linkedin_enrichments",
    "metadata",
    "rollout_percentages",
]
