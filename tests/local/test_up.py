"""`make up` ends cleanly whenever it is asked to."""

from __future__ import annotations

import signal
import subprocess
import sys

from local.bootstrap import ROOT
from local.child_process import bare_environment, free_port

DEADLINE_S = 60
BEGUN = "import local.__main__ as command; print('begun', flush=True); command.main(['up'])"


def test_an_interrupt_while_it_imports_is_one_line() -> None:
    """Its imports take a second, and a traceback of them says nothing to anybody."""
    environment = bare_environment() | {"PORT": str(free_port())}
    with subprocess.Popen([sys.executable, "-c", BEGUN], cwd=ROOT, env=environment, stdout=-1, stderr=-2, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "begun\n"
        child.send_signal(signal.SIGINT)
        said, _ = child.communicate(timeout=DEADLINE_S)
    assert said.split() == ["stopped"]
