"""The cost of our own code in a cold start: each handler's import against that of a bare handler, in fresh processes, in turns.

Time is the processor's, of the import alone: neither other processes of the machine nor the interpreter's own start are in it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from statistics import median
from typing import Any

from benchmarks.environment import BenchmarkEnvironment
from benchmarks.row import Goal, Row
from benchmarks.suite import Suite
from infra_cdk.artifacts import FUNCTIONS
from local.bootstrap import ROOT
from local.stand_in_template import template

ROUNDS = 7
BARE = "benchmarks.bare_handler"
AGAINST = "bare FastAPI, Mangum, DynamoDB client"
GOAL = Goal("ratio", "<=", 1.3)
PREFIX = "import_"
CHILD = "import time; began = time.process_time(); import {module}; print(time.process_time() - began)"
BY_LAMBDA = {
    "PATH": os.defpath,
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_SESSION_TOKEN": "none",
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "AWS_LAMBDA_FUNCTION_NAME": "measured",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
}
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime, as far as code looks at it."""


def measure(wanted: frozenset[str], environment: BenchmarkEnvironment) -> Iterator[Row]:
    """Yield one row per function."""
    names = [name for name in FUNCTIONS if PREFIX + name in wanted]
    environments = {name: environment_of(name, template("aws")) for name in names}
    for name in names:  # byte code and the disk's cache
        import_ms(BARE, environments[name])
        import_ms(_module(name), environments[name])
    pairs: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for number in range(ROUNDS):
        with environment.progress(f"imports, round {number + 1} of {ROUNDS}"):
            for name in names:
                pairs[name].append((import_ms(BARE, environments[name]), import_ms(_module(name), environments[name])))
    for name, found in pairs.items():
        yield Row(PREFIX + name, median(own for _, own in found), "ms", median(own / bare for bare, own in found), AGAINST, GOAL)


def import_ms(module: str, environment: dict[str, str]) -> float:
    """Return the processor's milliseconds that importing a module takes in a fresh process."""
    command = [sys.executable, "-c", CHILD.format(module=module)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise RuntimeError(f"{module} cannot be imported:\n{done.stderr}")
    return float(done.stdout) * 1000


def environment_of(name: str, stack: dict[str, Any]) -> dict[str, str]:
    """Return a function's environment as the template sets it; what only AWS knows (names, addresses) is a placeholder."""
    handler = f"functions.{name}.handler.handler"
    found = [
        resource["Properties"]["Environment"]["Variables"]
        for resource in stack["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function" and resource["Properties"].get("Handler") == handler
    ]
    variables = {key: value if isinstance(value, str) else "placeholder" for key, value in found[0].items()}
    return BY_LAMBDA | variables


def _module(name: str) -> str:
    return f"functions.{name}.handler"


SUITE = Suite(tuple(PREFIX + name for name in FUNCTIONS), measure)
