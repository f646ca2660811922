"""Compile locks/*.txt from the dependency groups: versions and hashes for every platform, and no index addresses.

Run by `make lock`. The development lock is made first and constrains the others, so that what is tested is what is deployed.
"""

from __future__ import annotations

import subprocess
import sys

from local.bootstrap import ROOT, UV

GROUPS = ("uv", "dev", "http", "delivery", "listener", "build", "emulator", "witness")
ALONE = ("uv", "build", "emulator", "witness")


def main(extra: list[str]) -> None:
    """Compile every group; `extra` goes to uv (for example `--upgrade`)."""
    for group in GROUPS:
        print(f"  locks/{group}.txt", flush=True)
        shared = [] if group == "dev" or group in ALONE else ["--constraint", "locks/dev.txt"]
        options = ["--universal", "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--no-header", "--quiet"]
        output = ["--python-version", "3.11", "--output-file", f"locks/{group}.txt"]
        command = [str(UV), "pip", "compile", *options, *output, *shared, "--group", f"pyproject.toml:{group}", *extra]
        subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
