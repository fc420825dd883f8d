"""Without OpenTelemetry nothing is missing; with an SDK that is configured late nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sqlalchemy.engine import URL

PROJECT = Path(__file__).parents[2]
CALLS = """
import sys
from sqlalchemy import create_engine
from campaigndb import CampaignStore, StoredFunctionError
store = CampaignStore(create_engine(sys.argv[1]), schema="public")
"""
WORK = """
made = store.create_campaign_with_coverage({"name": "Helsinki"})
try:
    store.update_coverage_status(made.campaign_id, "none", 0, 0, 0)
except StoredFunctionError as error:
    print(error.error_code)
"""


def _run(code: str, url: URL) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, url.render_as_string(hide_password=False)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )


def test_without_opentelemetry(app_url: URL) -> None:
    hidden = "import sys\nsys.modules['opentelemetry'] = None\n"
    check = "\nassert not any(n.startswith('opentelemetry.') for n in sys.modules)"
    done = _run(hidden + CALLS + WORK + check, app_url)
    # The failure is logged, and where nobody configured logging nothing is printed.
    assert (done.returncode, done.stdout, done.stderr) == (0, "23503\n", "")


def test_an_sdk_that_is_configured_after_the_import(app_url: URL) -> None:
    configured = """
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter, reader, provider = InMemorySpanExporter(), InMemoryMetricReader(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
metrics.set_meter_provider(MeterProvider([reader]))
"""
    check = """
print([span.name for span in exporter.get_finished_spans()])
metrics = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
print([(metric.name, metric.unit) for metric in metrics])
bounds = metrics[0].data.data_points[0].explicit_bounds
print(bounds[0], bounds[-1])
"""
    done = _run(CALLS + configured + WORK + check, app_url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "23503",
        "['campaigndb create_campaign_with_coverage', 'campaigndb update_coverage_status']",
        "[('campaigndb.client.call.duration', 's'), ('campaigndb.client.calls', '{call}')]",
        "0.001 10",
    ]
