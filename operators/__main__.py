"""`avio`: the operators' command line. The environment selects the deployment: for `diag` AVIO_URL and ADMIN_TOKEN, for the other commands
TABLE_NAME and the AWS credentials.

`avio --local` selects the system that `make up` runs in this folder, by the file build/local/avio.env.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx
from pydantic import ValidationError

from operators.diagnosis import TIMEOUT_S, ApiUnreachable, Deployment, Level, diagnose
from operators.workers import OperationRefused, drain, listed
from shared import aws
from shared.clock import SystemClock
from shared.model.ids import WorkerId
from shared.settings import TableSettings
from shared.store.table import StoreUnavailable, Table
from shared.store.workers import WorkerStore

LOCAL = Path(__file__).resolve().parent.parent / "build" / "local" / "avio.env"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command. Errors go to stderr, with exit code 1."""
    asked = _parser().parse_args(arguments)
    try:
        if asked.local:
            os.environ.update(_local())
        if asked.command == "diag":
            sys.exit(_diagnose(verbose=asked.verbose))
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


def _diagnose(*, verbose: bool) -> int:
    """Print findings as they come; return 1 if one is bad. Without AVIO_URL it is about what `make up` runs here."""
    if not os.environ.get("AVIO_URL"):
        os.environ.update(_local())
    url, token = os.environ["AVIO_URL"], os.environ.get("ADMIN_TOKEN", "")
    if not token:
        raise OperationRefused("no admin token: set ADMIN_TOKEN")
    bad = 0
    try:
        client = httpx.Client(base_url=url, timeout=TIMEOUT_S)
    except httpx.InvalidURL as error:
        raise OperationRefused(f"AVIO_URL is no address: {error}") from error
    with client:
        print(f"  {client.base_url}")  # noqa: T201
        try:
            for finding in diagnose(Deployment(client, token), os.environ.get("DIAG_SEND_TO", ""), os.environ.get("DIAG_TENANT", "")):
                bad += finding.level is Level.BAD
                print(*finding.lines(verbose=verbose), sep="\n", flush=True)  # noqa: T201
        except (ApiUnreachable, httpx.UnsupportedProtocol) as error:
            raise OperationRefused(f"the API stopped answering: {error}") from error
    print(f"  {bad} to be mended" if bad else "  nothing to be mended")  # noqa: T201
    return 1 if bad else 0


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
    diag = commands.add_parser("diag", help="say what is wrong with a running deployment, and what to do")
    diag.add_argument("--verbose", action="store_true", help="each request with its time and id")
    draining = actions.add_parser("drain", help="have a worker hand over everything and end")
    draining.add_argument("worker", help="its id, as listed")
    return parser


if __name__ == "__main__":
    main()
