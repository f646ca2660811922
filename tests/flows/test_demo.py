"""`make demo`, as a person runs it. Its last step searches every log for the codes, passwords, keys and texts of the run."""

from __future__ import annotations

import subprocess
import sys

from local.bootstrap import ROOT


def test_the_demo_does_the_main_job_and_leaves_no_secret_in_a_log() -> None:
    """Every step of it went as it should, the search of the logs among them."""
    done = subprocess.run([sys.executable, "-m", "local", "demo"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "none is in any of the" in done.stdout
