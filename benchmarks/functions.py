"""Which benchmarks there are: one for each stored function, in the order of a campaign's life, that
of the import, and those of more than a function, which are run where they are named only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from benchmarks import (
    claim_businesses_for_enrichment,
    create_campaign_with_coverage,
    get_businesses_for_enrichment,
    get_businesses_for_enrichment_after,
    import_files,
    insert_businesses_batch,
    ledger_size,
    planner_statistics,
    tenants,
    track_campaign_cost,
    track_campaign_costs_batch,
    update_campaign_statistics,
    update_coverage_status,
    update_email_verification,
    update_enrichment_batch,
)
from benchmarks.figures import Figure
from benchmarks.run import Bench

BENCHMARKS: Mapping[str, Callable[[Bench], Iterator[Figure]]] = MappingProxyType(
    {
        module.NAME: module.measure
        for module in (
            create_campaign_with_coverage,
            insert_businesses_batch,
            import_files,
            update_campaign_statistics,
            get_businesses_for_enrichment,
            get_businesses_for_enrichment_after,
            claim_businesses_for_enrichment,
            update_enrichment_batch,
            update_email_verification,
            update_coverage_status,
            track_campaign_cost,
            track_campaign_costs_batch,
        )
    }
)

NAMED_ONLY: Mapping[str, Callable[[Bench], Iterator[Figure]]] = MappingProxyType(
    {module.NAME: module.measure for module in (tenants, ledger_size, planner_statistics)}
)
