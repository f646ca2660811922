"""What a synthesis deploys: files that `bundle` built, named by their contents. The constructs know these names and no build step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# Each function and the lock that its dependencies come from; the locks become one layer each.
FUNCTIONS: Mapping[str, str] = {
    "tenants": "http",
    "auth": "http",
    "messages": "http",
    "callbacks": "http",
    "deliveries": "http",
    "deployment_tokens": "http",
    "callback_delivery": "delivery",
    "sweeper": "delivery",
    "erasure": "delivery",
}
# What the functions of one lock have in common, beside shared/: their bundles hold it.
COMMON: Mapping[str, str] = {"http": "functions/http", "delivery": "functions/callback_delivery"}
LAYERS = tuple(sorted(set(FUNCTIONS.values())))


@dataclass(frozen=True)
class Artifacts:
    """Zips by function and by layer, and the folder from which the listener's image is built."""

    functions: Mapping[str, Path]
    layers: Mapping[str, Path]
    listener_image: Path
