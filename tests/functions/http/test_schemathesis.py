"""Schemathesis: what the document says is what the routes do, for each kind of caller. Briefly here, at length in `make fuzz`."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local import reverse_proxy
from local.child_process import free_port
from tests.functions.api import ADMIN, Api
from tests.functions.api import key as bearer

CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "1"))
SEED = os.environ.get("FUZZ_SEED", "")
LIMIT_S = 200 + 60 * EXAMPLES


@pytest.mark.timeout(LIMIT_S + 30)
@pytest.mark.parametrize("caller", ["the administrator", "a tenant's key", "nobody"])
async def test_the_routes_do_what_the_document_says(api: Api, caller: str, tmp_path: Path) -> None:
    """All checks: codes, bodies, headers, methods; what the schema takes is taken, and what it does not take is refused."""
    tenant = await api.new_tenant()
    headers = {"the administrator": ADMIN, "a tenant's key": bearer(tenant["key"]), "nobody": {}}[caller]
    with reverse_proxy.running(api.app, free_port()) as url:
        done = await asyncio.to_thread(
            subprocess.run,
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", f"{url}/openapi.json"),
                *(f"--header={name}: {value}" for name, value in headers.items()),
                *("--phases=examples,fuzzing", f"--max-examples={EXAMPLES}"),
                f"--seed={SEED}" if SEED else "--generation-deterministic",
                *("--no-color", "--warnings=off", "--no-shrink"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
    sys.stdout.write(done.stdout)  # the figures, for `make fuzz`
    assert done.returncode == 0, done.stdout
