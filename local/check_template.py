"""Check the template for AWS with cdk-nag and cfn-lint: no error, no warning. `make check` does it without building anything.

cdk-nag      security: what is accepted has its reason beside the construct (infra_cdk/acknowledge.py)
cfn-lint     CloudFormation's own schemas and rules: what is accepted is in `ACCEPTED`
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from local.bootstrap import ROOT
from local.stand_in_template import write

DEADLINE_S = 300
ACCEPTED = {"W3005": "the CDK has each function depend on its role and the role's policy; that it names the role as well does no harm"}


class TemplateRefused(Exception):
    """cfn-lint found something. The message has a line for each finding."""


def lint(template: Path) -> None:
    """Check a template. Raises `TemplateRefused`."""
    command = [
        str(Path(sys.executable).parent / "cfn-lint"),
        "--format",
        "parseable",
        "--ignore-checks",
        *ACCEPTED,
        "--template",
        str(template),
    ]
    environment = {**os.environ, "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=DEADLINE_S)
    if done.returncode:
        raise TemplateRefused(done.stdout.strip() or done.stderr.strip())


def main(arguments: list[str]) -> None:
    """Check the template with stand-ins for the code. It is written to a folder if one is given."""
    with tempfile.TemporaryDirectory() as scratch:
        try:
            lint(write("aws", Path(arguments[0] if arguments else scratch), {}, checked=True))
        except TemplateRefused as refused:
            raise SystemExit(str(refused)) from None
