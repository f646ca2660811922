"""The CDK application: it bundles the code and writes the template. `python -m local synth`, the CDK's own tool and tests run it.

`aws_cdk` is imported inside functions: its import starts a Node process, and `use_own_node` must choose the Node before that.
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
# Here and not in cdk.json, which only the CDK's own tool reads: so every synthesis gives the same template.
CONTEXT = {"@aws-cdk/aws-iam:minimizePolicies": True}
# Locally the assembly refers to the bundles instead of holding a copy of each (30 MB for every change of a line).
LOCAL_CONTEXT = {"aws:cdk:disable-asset-staging": True}


def app(settings: StackSettings, artifacts: Artifacts, output: Path) -> App:
    """Return the application with the stack. Its `.synth()` writes the template to `output`."""
    use_bundled_node()
    from aws_cdk import App

    from infra_cdk.stack import AvioStack

    result = App(outdir=str(output), context=CONTEXT | (LOCAL_CONTEXT if settings.target == "local" else {}))
    AvioStack(result, STACK, settings=settings, artifacts=artifacts)
    return result


def check(checked: App) -> None:
    """Have `.synth()` run the security checks of cdk-nag: it fails on a finding that no construct accepts with a reason."""
    from aws_cdk import Validations
    from cdk_nag import AwsSolutionsChecks

    Validations.of(checked).add_plugins(AwsSolutionsChecks(checked))


def synthesize(settings: StackSettings, output: Path, sources: Path = ROOT) -> Path:
    """Bundle the code that changed, and write the cloud assembly to `output`. Return the template's path. Raises `BundleError`.

    For AWS the security checks run as well.
    """
    result = app(settings, Bundler(settings, sources).build(), output)
    if settings.target == "aws":
        check(result)
    result.synth()
    return output / f"{STACK}.template.json"


def main(target: Target = "aws", output: str = "build/cdk.out", sources: str = str(ROOT)) -> None:
    """Synthesize with the settings of the environment. The CDK's own tool sets the output folder in CDK_OUTDIR."""
    try:
        synthesize(from_environment(target, os.environ), Path(os.environ.get("CDK_OUTDIR", output)), Path(sources))
    except (BundleError, SettingsError) as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main(*sys.argv[1:])  # type: ignore[arg-type]
