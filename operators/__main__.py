"""`avio`: what operators do by hand, on the deployment that TABLE_NAME and the AWS credentials of the environment name.

`avio --local` is about the system that `make up` runs in this folder: it says where that is in build/local/avio.env.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from operators.workers import OperationRefused, drain, listed
from shared import aws
from shared.clock import SystemClock
from shared.model.ids import WorkerId
from shared.settings import TableSettings
from shared.store.table import StoreUnavailable, Table
from shared.store.workers import WorkerStore

LOCAL = Path(__file__).resolve().parent.parent / "build" / "local" / "avio.env"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; what is wrong goes to stderr, with exit code 1."""
    asked = _parser().parse_args(arguments)
    try:
        if asked.local:
            os.environ.update(_local())
        print(_run(asked))  # noqa: T201  a command line speaks on stdout
    except ValidationError:
        sys.exit("no table configured: set TABLE_NAME and AWS credentials, or use --local beside a running `make up`")
    except OperationRefused as refused:
        sys.exit(str(refused))
    except StoreUnavailable as error:
        sys.exit(f"the table does not answer ({error})")


def _run(asked: argparse.Namespace) -> str:
    table = TableSettings().table_name
    try:
        client = aws.dynamodb()
    except Exception as error:
        raise OperationRefused(f"no AWS client can be made: {error}") from error
    store = WorkerStore(Table(client, table))
    if asked.action == "drain":
        return drain(store, WorkerId(asked.worker))
    return listed(store.all(), SystemClock().now())


def _local() -> dict[str, str]:
    try:
        lines = LOCAL.read_text().splitlines()
    except FileNotFoundError:
        raise OperationRefused("nothing runs here: start it with `make up`") from None
    return dict(line.split("=", 1) for line in lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="avio", description="Operate an Avio deployment.")
    parser.add_argument("--local", action="store_true", help="the system that `make up` runs here")
    commands = parser.add_subparsers(dest="command", required=True)
    workers = commands.add_parser("workers", help="list the listener processes; `drain ID` has one hand over and end")
    workers.set_defaults(action="list")
    actions = workers.add_subparsers(dest="action")
    draining = actions.add_parser("drain", help="have a worker hand over everything and end")
    draining.add_argument("worker", help="its id, as listed")
    return parser


if __name__ == "__main__":
    main()
