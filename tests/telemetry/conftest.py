"""The real SDK with its in-memory exporters, for one test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from campaigndb.calling import telemetry


@dataclass(frozen=True)
class Told:
    """What was exported so far."""

    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self.exporter.get_finished_spans()

    def points(self, metric_name: str) -> list[Any]:
        data = self.reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data is not None else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == metric_name
            for point in metric.data.data_points
        ]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    """Not as the process's providers: these can be set once, and other tests run here too."""
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers, meters = TracerProvider(), MeterProvider([reader])
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    meter = meters.get_meter("campaigndb")
    monkeypatch.setattr(telemetry, "_tracer", tracers.get_tracer("campaigndb"))
    monkeypatch.setattr(
        telemetry, "_durations", meter.create_histogram("campaigndb.client.call.duration", "s")
    )
    for name, metric in (("_calls", "calls"), ("_retries", "retries")):
        monkeypatch.setattr(telemetry, name, meter.create_counter(f"campaigndb.client.{metric}"))
    yield Told(exporter, reader)
    tracers.shutdown()
    meters.shutdown()
