"""`make bench`: measure, print a table, write build/bench.json. It exits with 0 even if a goal is missed: the table shows that."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import tempfile
from pathlib import Path
from types import FrameType

from benchmarks import changeover, delivery, delivery_neighbours, idle, imports, inbound, restart, send
from benchmarks.environment import BenchmarkEnvironment
from benchmarks.row import Row, table
from benchmarks.suite import NoSuchRow, chosen, measured
from local.bootstrap import BUILD
from local.child_process import StartError
from local.start_progress import spoken

SUITES = (
    send.SUITE,
    imports.SUITE,
    idle.SUITE,
    restart.SUITE,
    inbound.SUITE,
    changeover.SUITE,
    delivery.SUITE,
    delivery_neighbours.SUITE,
)


def main() -> None:
    """Read the command line and measure. At the end all that it started has ended."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure Avio against what it is built on.")
    parser.add_argument("--rows", default="", help="names of rows, separated by commas; all where none is named")
    try:
        names = chosen(SUITES, parser.parse_args().rows.replace(",", " ").split())
    except NoSuchRow as error:
        raise SystemExit(str(error)) from None
    signal.signal(signal.SIGTERM, _interrupt)
    folder = Path(tempfile.mkdtemp(prefix="avio-bench-"))
    rows: list[Row] = []
    try:
        with BenchmarkEnvironment(folder, spoken) as environment:
            for row in measured(SUITES, names, environment):
                rows.append(row)
    except StartError as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        raise SystemExit("stopped") from None
    finally:  # what was measured until then counts, whatever went wrong
        shutil.rmtree(folder, ignore_errors=True)
        _report(rows)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _report(rows: list[Row]) -> None:
    if not rows:
        return
    BUILD.mkdir(exist_ok=True)
    (BUILD / "bench.json").write_text(json.dumps([row.to_json() for row in rows], indent=2) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()
