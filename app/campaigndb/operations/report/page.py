"""The page: figures and charts as HTML that loads and runs nothing."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from campaigndb.operations.counted import counted
from campaigndb.operations.drift import DriftReport
from campaigndb.operations.printable import printable
from campaigndb.operations.report.charts import horizontal_bars, stacked_bars
from campaigndb.operations.report.figures import CostPeriod, Figures, Funnel
from campaigndb.tables.metadata import SERVICES

SERVICE_NAMES = {
    "google_maps": "Google Maps",
    "facebook": "Facebook",
    "linkedin": "LinkedIn",
    "bouncer": "Bouncer",
}
FINDINGS_SHOWN = 20
# Maximum number of findings in an unfolded list.
FINDINGS_UNFOLDED = 5
# Longest name that is shown; names have no limit.
LONGEST_NAME = 80
_PERIOD_FORMATS = {
    "hour": "%Y-%m-%d %H:00",
    "day": "%Y-%m-%d",
    "week": "%Y-%m-%d",
    "month": "%Y-%m",
}


@dataclass(frozen=True, slots=True)
class DriftUnknown:
    """Why the schema was not compared."""

    reason: str


def render_page(figures: Figures, drift: DriftReport | DriftUnknown) -> str:
    """The whole page as one text."""
    return _ENVIRONMENT.get_template("page.html.jinja").render(
        figures=figures,
        total=figures.all_campaigns,
        drift=drift,
        services=SERVICE_NAMES,
        service_names=[SERVICE_NAMES[service] for service in SERVICES],
        cost_chart=_cost_chart(figures),
        funnel_chart=_funnel_chart(figures.funnel),
        funnel_steps=_funnel_steps(figures.funnel),
        findings_shown=FINDINGS_SHOWN,
        findings_unfolded=FINDINGS_UNFOLDED,
        css=Markup((_FOLDER / "page.css").read_text(encoding="utf-8")),  # noqa: S704 - our own
    )


def _cost_chart(figures: Figures) -> Markup | None:
    dated = [period for period in figures.periods if period.begin is not None]
    if not dated:
        return None
    unit = figures.period_unit
    return stacked_bars(
        "cost-chart",
        title=f"Cost by service and {unit}",
        description=f"{len(dated)} bars from {_period(dated[0], unit)} to "
        f"{_period(dated[-1], unit)}, {figures.all_campaigns.cost:,.4f} USD in all. "
        "The table below holds every figure.",
        labels=[_period(period, unit) for period in dated],
        series={
            SERVICE_NAMES[service]: [period.costs[service] for period in dated]
            for service in SERVICES
        },
        unit="USD",
    )


def _funnel_chart(funnel: Funnel) -> Markup | None:
    if not funnel.found:
        return None
    steps = _funnel_steps(funnel)
    return horizontal_bars(
        "funnel-chart",
        title="Businesses by how far they came",
        description=", ".join(f"{count:,} {name}" for name, count, _ in steps) + ".",
        values={name: count for name, count, _ in steps},
    )


def _funnel_steps(funnel: Funnel) -> Sequence[tuple[str, int, Decimal | None]]:
    steps = (
        ("found", funnel.found),
        ("with email", funnel.with_email),
        ("verified", funnel.verified),
        ("safe", funnel.safe),
        ("ready", funnel.ready),
    )
    return [
        (name, count, Decimal(count) / funnel.found if funnel.found else None)
        for name, count in steps
    ]


def _period(period: CostPeriod, unit: str) -> str:
    return "no date" if period.begin is None else period.begin.strftime(_PERIOD_FORMATS[unit])


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _money(value: Decimal) -> str:
    """Formats an amount with all its decimals."""
    return f"{value:,f}" if value.is_finite() else str(value)


def _percent(share: Decimal | float | None) -> str:
    if share is None:
        return "–"
    exact = Decimal(share) * 100
    # 99.96 % must not be shown as 100 %.
    if exact.quantize(Decimal("0.1"), ROUND_HALF_UP) == 100 and exact < 100:
        return "99.9 %"
    return f"{exact:.1f} %"


def _milliseconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1000:,.1f}"


def _moment(value: datetime.datetime) -> str:
    return value.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def _name(value: str | None) -> str:
    shown = printable(value or "–")
    return shown if len(shown) <= LONGEST_NAME else f"{shown[: LONGEST_NAME - 1]}…"


_FOLDER = Path(__file__).parent
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {
    "number": _number,
    "counted": counted,
    "money": _money,
    "percent": _percent,
    "milliseconds": _milliseconds,
    "moment": _moment,
    "name": _name,
    "printable": printable,
    "period": _period,
}
_ENVIRONMENT.tests["unknown"] = lambda value: isinstance(value, DriftUnknown)
