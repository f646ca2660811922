"""The headers that tell callers of their rate limit.

    RateLimit-Policy: "tenant";q=10;w=60      10 requests in 60 seconds
    RateLimit: "tenant";r=7;t=12              7 are left, and one more in 12 seconds

https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-10
"""

from __future__ import annotations

import math

from shared.model.rate_limit import RateLimit
from shared.store.rate_limits import Usage

POLICY, LIMIT = "RateLimit-Policy", "RateLimit"


def headers(policy: RateLimit, usage: Usage) -> dict[str, str]:
    """Return the headers for a limit and its usage."""
    more = "" if usage.more_in_s is None else f";t={math.ceil(usage.more_in_s)}"
    return {POLICY: f'"tenant";q={policy.limit};w={policy.window_s}', LIMIT: f'"tenant";r={usage.remaining}{more}'}
