"""The saved queries of CloudWatch Logs Insights, and those of them that the dashboard shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# The fields are those of functions/http/access_log.py, listener/core/api.py and functions/callback_delivery.
QUERIES: Mapping[str, Sequence[str]] = {
    "tenants whose requests fail": (
        "filter message = 'request' and status >= 400 and ispresent(tenant)",
        "stats count(*) as failed, max(ms) as slowest_ms by tenant, status, route",
        "sort failed desc",
        "limit 50",
    ),
    "tenants whose callbacks fail": (
        "filter message in ['attempt failed', 'event dead', 'callback paused', 'callback disabled']",
        "stats count(*) as times by tenant_id, message",
        "sort times desc",
        "limit 50",
    ),
    "tenants whose accounts fail": (
        "filter message = 'command' and ispresent(error)",
        "stats count(*) as failed, max(ms) as slowest_ms by tenant, command, error",
        "sort failed desc",
        "limit 50",
    ),
    "slow requests": (
        "filter message = 'request'",
        "stats count(*) as requests, pct(ms, 50) as p50_ms, pct(ms, 99) as p99_ms by route",
        "sort p99_ms desc",
    ),
    "what went wrong": (
        "filter level in ['ERROR', 'WARNING', 'CRITICAL']",
        "stats count(*) as times, latest(@timestamp) as last by service, message, fault",
        "sort times desc",
        "limit 100",
    ),
    "one request by its id": (
        "fields @timestamp, service, message, route, command, tenant, status, error, ms",
        "filter request_id = 'PUT THE X-Request-Id HERE'",
        "sort @timestamp asc",
    ),
}
HURTING = ("tenants whose requests fail", "tenants whose callbacks fail", "tenants whose accounts fail")


def query(name: str) -> str:
    """Return a query as Logs Insights reads it."""
    return "\n| ".join(QUERIES[name])
