"""The CDK application: bundle, describe, write the template. Run by `python -m local synth`, by the CDK's own tool, and by tests.

`aws_cdk` is imported inside: it starts its Node process on import, which must be told first which Node to use.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from infra_cdk.bundle import ROOT, BundleError, Bundler
from infra_cdk.node import use_bundled_node
from infra_cdk.settings import SettingsError, StackSettings, Target, from_environment

if TYPE_CHECKING:
    from aws_cdk import App

    from infra_cdk.artifacts import Artifacts

STACK = "Avio"
# Given here rather than in cdk.json, which the CDK's own tool alone reads: whoever synthesizes, the template is the same.
CONTEXT = {"@aws-cdk/aws-iam:minimizePolicies": True}
# Locally the assembly refers to the bundles instead of holding a copy of each (30 MB for every change of a line).
LOCAL_CONTEXT = {"aws:cdk:disable-asset-staging": True}


def app(settings: StackSettings, artifacts: Artifacts, output: Path) -> App:
    """Describe the stack; `.synth()` on the answer writes it to `output`."""
    use_bundled_node()
    from aws_cdk import App

    from infra_cdk.stack import AvioStack

    result = App(outdir=str(output), context=CONTEXT | (LOCAL_CONTEXT if settings.target == "local" else {}))
    AvioStack(result, STACK, settings=settings, artifacts=artifacts)
    return result


def synthesize(settings: StackSettings, output: Path, sources: Path = ROOT) -> Path:
    """Bundle what changed and write the cloud assembly to `output`; answers the template's path. Raises `BundleError`."""
    app(settings, Bundler(settings, sources).build(), output).synth()
    return output / f"{STACK}.template.json"


def main(target: Target = "aws", output: str = "build/cdk.out", sources: str = str(ROOT)) -> None:
    """Synthesize with the settings of the environment; the CDK's own tool says where to in CDK_OUTDIR."""
    try:
        synthesize(from_environment(target, os.environ), Path(os.environ.get("CDK_OUTDIR", output)), Path(sources))
    except (BundleError, SettingsError) as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main(*sys.argv[1:])  # type: ignore[arg-type]
