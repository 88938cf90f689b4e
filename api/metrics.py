"""
``GET /metrics``: what a Prometheus server collects: how far everything is behind, what became of deliveries, who listens, how services fare.

Figures of the store (positions, queues) are the same in every process; counters are those of this one, since it started.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from locker.error import LockerError

from ._pages import HEADERS
from ._routes import Route
from ._service import Call, Service

OUTCOMES = ("delivered", "discarded", "failed", "dead")
MODES = ("initial", "normal", "rate-limited", "unauthorized", "disabled")


def routes(service: Service) -> Iterator[Route]:
    """The one call."""
    registry = CollectorRegistry()
    registry.register(Figures(service))
    for each in (ProcessCollector, PlatformCollector, GCCollector):
        each(registry=registry)

    async def metrics(call: Call) -> web.StreamResponse:
        """``GET /metrics``."""
        call.params()
        text = await call.service.in_thread(generate_latest, registry)
        return web.Response(body=text, headers={**HEADERS, "Cache-Control": "no-store", "Content-Type": CONTENT_TYPE_LATEST})

    yield Route(
        "GET",
        "/metrics",
        metrics,
        "Figures for Prometheus",
        "admin",
        role="admin",
        is_local=True,
        answers={"text/plain": {"type": "string"}},
    )


class Figures(Collector):
    """Asked anew for each answer; nothing is kept."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def describe(self) -> Iterator[Metric]:
        """Nothing: the registry would ask for all figures once to learn their names."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """All figures."""
        yield from self._followers()
        yield from self._deliveries()
        yield from self._connections()
        live = self._service.locker.live
        yield GaugeMetricFamily("locker_live_connections", "Live streams that are open.", value=len(live.listeners))
        yield CounterMetricFamily("locker_live_records", "Records told to live streams, once for each.", value=live.told)
        requests = CounterMetricFamily("locker_http_requests", "Requests by the class of their status.", labels=["status"])
        for first in range(1, 6):
            requests.add_metric([f"{first}xx"], self._service.answered[first])
        yield requests

    def _followers(self) -> Iterator[Metric]:
        locker = self._service.locker
        yield GaugeMetricFamily("locker_log_position", "The newest record's position.", value=locker.logbook.position)
        positions = {"composer": locker.composer.position, "deliveries": locker.deliveries.queues()["position"]}
        try:
            positions["views"] = locker.reader.position
        except LockerError:  # there is no read model yet
            positions["views"] = 0
        if locker.live.listeners:
            positions["live"] = locker.live.position
        names = {
            "position": GaugeMetricFamily("locker_follower_position", "How far a follower of the log came.", labels=["follower"]),
            "records": GaugeMetricFamily("locker_follower_lag_records", "Records that a follower has yet to handle.", labels=["follower"]),
            "seconds": GaugeMetricFamily("locker_follower_lag_seconds", "Age of the oldest of these.", labels=["follower"]),
        }
        for name, position in positions.items():
            lag = locker.watching.lag(position)
            for family, value in zip(names.values(), (position, lag.records, lag.seconds), strict=True):
                family.add_metric([name], value)
        yield from names.values()

    def _deliveries(self) -> Iterator[Metric]:
        locker = self._service.locker
        figures, queues = locker.deliveries.figures, locker.deliveries.queues()
        subscriptions = GaugeMetricFamily("locker_subscriptions", "Subscriptions by status.", labels=["status"])
        statuses = Counter(each.status for each in locker.subscriptions.list())
        for status in ("active", "paused", "disabled"):
            subscriptions.add_metric([status], statuses[status])
        yield subscriptions
        outcomes = CounterMetricFamily("locker_delivery_attempts", "Attempts of this process by outcome.", labels=["outcome"])
        for outcome in OUTCOMES:
            outcomes.add_metric([outcome], figures.outcomes.get(outcome, 0))
        yield outcomes
        buckets, seconds = locker.deliveries.latency()
        latency = HistogramMetricFamily("locker_delivery_seconds", "How long receivers took to answer.")
        latency.add_metric([], buckets, seconds)
        yield latency
        queue = GaugeMetricFamily("locker_delivery_queue", "Letters: in memory, being sent, waiting in the store.", labels=["state"])
        for state, value in (("memory", figures.letters), ("sending", figures.running), ("waiting", queues["waiting"])):
            queue.add_metric([state], value)
        yield queue
        yield GaugeMetricFamily("locker_delivery_dead_letters", "What was given up, and can be sent again.", value=queues["dead"])
        yield GaugeMetricFamily("locker_delivery_behind", "Subscriptions that do not keep up.", value=figures.behind)

    def _connections(self) -> Iterator[Metric]:
        locker = self._service.locker
        connections = locker.connections.list()
        modes = GaugeMetricFamily("locker_connections", "Connections to services by mode.", labels=["mode"])
        found = Counter(str(each.mode) for each in connections)
        for mode in MODES:
            modes.add_metric([mode], found[mode])
        yield modes
        budget = GaugeMetricFamily("locker_connection_budget_left", "Requests that a service still takes.", labels=["owner", "source"])
        for each in connections:
            try:
                allowance = locker.syncing.allowance(each)
            except LockerError:  # its connector is gone, or the vault is closed
                continue
            if allowance is not None:
                budget.add_metric([each.owner, each.source], max(0.0, allowance.left))
        yield budget
