"""The files that `bundle` built, named by their contents. The constructs use these names, and run no build step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# The lock of each function's dependencies. Each lock becomes a layer.
FUNCTIONS: Mapping[str, str] = {
    "tenants": "http",
    "auth": "http",
    "messages": "http",
    "media": "http",
    "callbacks": "http",
    "deliveries": "http",
    "providers": "http",
    "deployment_tokens": "http",
    "callback_delivery": "delivery",
    "sweeper": "delivery",
    "erasure": "delivery",
}
# The folder that all functions of a lock share, besides shared/. Their bundles contain it.
COMMON: Mapping[str, str] = {"http": "functions/http", "delivery": "functions/callback_delivery"}
LAYERS = tuple(sorted(set(FUNCTIONS.values())))
CHANNELS = ("telegram",)
"""The channels that the listener's image serves. It writes a line of metrics for each once a minute (listener/core/metrics.py)."""


@dataclass(frozen=True)
class Artifacts:
    """The zips by function and by layer, and the folder of the listener's image."""

    functions: Mapping[str, Path]
    layers: Mapping[str, Path]
    listener_image: Path
