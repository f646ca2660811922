"""The checks that every synthesis for AWS passes: cdk-nag, cfn-lint, and that it is reproducible."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from local.bootstrap import ROOT
from local.check_template import TemplateRefused, lint

UNSAFE = """
import sys
from pathlib import Path
from infra_cdk.node import use_bundled_node
use_bundled_node()
from aws_cdk import App, Stack, aws_sqs
from infra_cdk.app import check
checked = App(outdir=sys.argv[1])
aws_sqs.Queue(Stack(checked, "Unsafe"), "Queue")
check(checked)
checked.synth()
"""


def synthesized(folder: Path) -> subprocess.CompletedProcess[str]:
    """The template for AWS with stand-ins for the code, checked as `make check` does."""
    command = [sys.executable, "-m", "local", "check_template", str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=200)


def test_no_finding_is_left_and_two_syntheses_are_the_same(tmp_path: Path) -> None:
    """Each accepted finding has its reason in infra_cdk; the assets' names are digests, so nothing is deployed that has not changed."""
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        done = synthesized(folder)
        assert done.returncode == 0, "\n".join(_findings(folder)) or (done.stdout + done.stderr)[-3000:]
    for name in ("Avio.template.json", "Avio.assets.json"):
        one, two = ((folder / name).read_text() for folder in folders)
        assert one == two


def test_a_finding_fails_the_synthesis(tmp_path: Path) -> None:
    """A queue that takes plain HTTP and has no dead letter queue."""
    done = subprocess.run([sys.executable, "-c", UNSAFE, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode != 0
    assert any(finding.startswith("AwsSolutions-SQS") for finding in _findings(tmp_path))


@pytest.mark.parametrize(
    ("properties", "rule"),
    [({"VisibilityTimeout": -1}, "E3034"), ({"NoSuchProperty": 1}, "E3002"), ({"DelaySeconds": {"Fn::Sub": "60"}}, "W1020")],
)
def test_errors_and_warnings_of_cfn_lint_are_refused(tmp_path: Path, properties: dict[str, object], rule: str) -> None:
    """Each with its rule and place."""
    template = tmp_path / "template.json"
    template.write_text(json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": properties}}}))
    with pytest.raises(TemplateRefused, match=rule):
        lint(template)


def _findings(folder: Path) -> list[str]:
    reports = [json.loads(path.read_text()) for path in folder.rglob("validation-report.json")]
    violations = [violation for report in reports for plugin in report["pluginReports"] for violation in plugin["violations"]]
    return [f"{each['ruleName']} {where['constructPath']}" for each in violations for where in each["violatingConstructs"]]
