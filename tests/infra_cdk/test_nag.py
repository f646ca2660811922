"""The security checks of cdk-nag (AwsSolutions) find nothing that is not explained beside its construct."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from local.bootstrap import ROOT

CHECK = """
import sys
from pathlib import Path
from infra_cdk.node import use_bundled_node
use_bundled_node()
from aws_cdk import Validations
from cdk_nag import AwsSolutionsChecks
from infra_cdk.app import app
from infra_cdk.settings import from_environment
from local.stand_in_template import stand_in_artifacts
folder = Path(sys.argv[1])
checked = app(from_environment("aws", {}), stand_in_artifacts(folder / "code"), folder / "out")
Validations.of(checked).add_plugins(AwsSolutionsChecks(checked))
checked.synth()
"""


def test_no_finding_is_left_unexplained(tmp_path: Path) -> None:
    """Each accepted finding has its reason in infra_cdk; all others fail here."""
    done = subprocess.run([sys.executable, "-c", CHECK, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, "\n".join(_findings(tmp_path)) or done.stderr[-3000:]


def _findings(folder: Path) -> list[str]:
    reports = [json.loads(path.read_text()) for path in folder.rglob("validation-report.json")]
    violations = [violation for report in reports for plugin in report["pluginReports"] for violation in plugin["violations"]]
    return [f"{each['ruleName']} {where['constructPath']}" for each in violations for where in each["violatingConstructs"]]
