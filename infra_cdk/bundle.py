"""Builds the files for a deployment, without Docker: a layer per lock, a small zip of sources per function, the listener's image folder.

    locks/http.txt                           -> http-layer-<digest>.zip    python/fastapi ...     (25 MB, changes with the lock)
    functions/{http,tenants} shared          -> tenants-<digest>.zip       functions/ shared/     (kilobytes, changes with the code)
    listener/ shared/ locks/                 -> listener-<digest>/         a Dockerfile's context

A file's name has the digest of its inputs, so unchanged files are not built again. The zips are reproducible byte for byte: order, times
and modes are fixed.
"""

from __future__ import annotations

import compileall
import hashlib
import os
import py_compile
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra_cdk.artifacts import COMMON, FUNCTIONS, LAYERS, Artifacts
from infra_cdk.settings import StackSettings

ROOT = Path(__file__).resolve().parent.parent
UV = ROOT / "build" / "env" / "uv" / "bin" / "uv"

AWS_PLATFORM = ["--python-platform", "aarch64-manylinux_2_28", "--python-version", "3.13"]
UNZIPPED_LIMIT = 250 * 1024 * 1024  # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
EPOCH = (1980, 1, 1, 0, 0, 0)

# The AWS services that functions use. botocore has descriptions of 400 services; no function reads the others, which are 25 MB.
AWS_SERVICES = frozenset({"dynamodb", "kms", "lambda", "s3", "secretsmanager", "sqs", "sts"})
# Files besides its code that a function reads.
ALSO_READS: Mapping[str, tuple[str, ...]] = {"tenants": ("docs/openapi.json",)}
# Not read at run time: command line tools, type stubs, the installer's own notes, phonenumbers' maps and carriers.
DROPPED_FOLDERS = frozenset({"bin", "__pycache__", "phonenumbers/geodata", "phonenumbers/carrierdata", "phonenumbers/tzdata"})
DROPPED_NAMES = frozenset(
    {"RECORD", "INSTALLER", "REQUESTED", "WHEEL", "direct_url.json", "uv_cache.json", ".lock", "CACHEDIR.TAG", "py.typed"}
)
DROPPED_SUFFIXES = (".pyc", ".pyi", ".pxd", ".pyx", ".h")


class BundleError(Exception):
    """A file for the deployment is missing or too large. The message names it."""


@dataclass(frozen=True)
class Bundler:
    """Builds for a target. `sources` has functions/, shared/, listener/ and locks/. Results go to `output`."""

    settings: StackSettings
    sources: Path = ROOT
    output: Path = ROOT / "build" / "bundles"
    uv: Path = UV

    def build(self) -> Artifacts:
        """Build the missing files. Safe to run twice or in parallel (results are renamed into place). Raises `BundleError`."""
        return Artifacts(
            functions={name: self._function(name) for name in FUNCTIONS},
            layers={name: self._layer(name) for name in LAYERS},
            listener_image=self._listener_image(),
        )

    def _function(self, name: str) -> Path:
        handler = self.sources / "functions" / name / "handler.py"
        if not handler.exists():
            raise BundleError(f"functions/{name}/handler.py is missing: the stack has a function {name!r}, so it must have a handler")
        folders = ["shared", f"functions/{name}", COMMON[FUNCTIONS[name]]]
        files = {"functions/__init__.py": self.sources / "functions" / "__init__.py"} | _files(self.sources, folders)
        files |= {extra: self.sources / extra for extra in ALSO_READS.get(name, ()) if (self.sources / extra).exists()}
        target = self.output / f"{name}-{_digest_of_files(files)}.zip"
        if not target.exists():
            _write_zip(target, files)
        return target

    def _layer(self, name: str) -> Path:
        lock = self.sources / "locks" / f"{name}.txt"
        platform = self._platform_options()
        rules = Path(__file__).read_bytes()
        digest = _digest([lock.read_bytes(), rules, " ".join(platform).encode(), sys.version.encode()])
        target = self.output / f"{name}-layer-{digest}.zip"
        if not target.exists():
            self._install_and_zip(lock, platform, target)
        return target

    def _install_and_zip(self, lock: Path, platform: list[str], target: Path) -> None:
        self.output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.output) as scratch:
            folder = Path(scratch) / "python"
            options = ["--quiet", "--no-config", "--require-hashes", "--python", sys.executable, *platform]
            command = [str(self.uv), "pip", "install", *options, "--target", str(folder), "-r", str(lock)]
            trusting = {"UV_SYSTEM_CERTS": "1", **os.environ}  # what this machine trusts, as pip does
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=trusting)  # noqa: S603 - our own uv
            if done.returncode:
                raise BundleError(f"installing {lock.name} for {self.settings.target} failed:\n{done.stderr}")
            files = {f"python/{name}": path for name, path in _files(folder, ["."]).items() if _is_needed(name)}
            if self.settings.target == "local":
                files |= _compiled(folder, files)
            size = sum(path.stat().st_size for path in files.values())
            if size > UNZIPPED_LIMIT:
                raise BundleError(f"{lock.name} unpacks to {size >> 20} MB; Lambda takes {UNZIPPED_LIMIT >> 20} MB")
            _write_zip(target, files)

    def _platform_options(self) -> list[str]:
        return ["--only-binary", ":all:", *(AWS_PLATFORM if self.settings.target == "aws" else [])]

    def _listener_image(self) -> Path:
        files = _files(self.sources, ["listener", "shared"])
        for name in ("locks/build.txt", "locks/listener.txt", "listener/Dockerfile"):
            if not (self.sources / name).exists():
                raise BundleError(f"{name} is missing: the listener's image is built from it")
            files[name] = self.sources / name
        target = self.output / f"listener-{_digest_of_files(files)}"
        if not target.exists():
            _copy(files, target)
        return target


def _files(root: Path, folders: Iterable[str]) -> dict[str, Path]:
    return {path.relative_to(root).as_posix(): path for folder in folders for path in _walk(root / folder)}


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        yield from (Path(parent) / name for name in sorted(names) if not name.endswith(".pyc"))


def _is_needed(name: str) -> bool:
    """Tell whether a file of an installed environment belongs in a layer. `path` is relative to the environment."""
    path = Path(name)
    if path.name in DROPPED_NAMES or path.suffix in DROPPED_SUFFIXES:
        return False
    if any(parent.as_posix() in DROPPED_FOLDERS for parent in path.parents):
        return False
    parts = path.parts
    is_service = len(parts) > 3 and parts[:2] == ("botocore", "data")
    return not is_service or parts[2] in AWS_SERVICES


def _compiled(folder: Path, files: dict[str, Path]) -> dict[str, Path]:
    """Return the files with their byte code. The emulator unpacks a layer at each cold start, and would compile it each time (1.5 s).

    This needs the same Python at build and run time, so it is not for AWS. `unchecked-hash` is needed because unpacking changes the times
    that the default mode compares.
    """
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(folder, quiet=2, stripdir=str(folder), prependdir="/opt/python", invalidation_mode=mode, workers=2)
    tag = f".{sys.implementation.cache_tag}.pyc"
    compiled = {}
    for name, path in files.items():
        code = path.parent / "__pycache__" / f"{path.stem}{tag}"
        if path.suffix == ".py" and code.exists():
            compiled[str(Path(name).parent / "__pycache__" / code.name)] = code
    return compiled


def _write_zip(target: Path, files: dict[str, Path]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=target.parent, suffix=".partial")
    with os.fdopen(handle, "wb") as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            archive.writestr(entry, files[name].read_bytes())
    Path(partial).chmod(0o644)
    Path(partial).replace(target)


def _copy(files: dict[str, Path], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        folder = Path(scratch) / "context"
        for name, path in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / name)
        try:
            folder.rename(target)
        except OSError:
            if not target.exists():  # another process was quicker, with the same result
                raise


def _digest_of_files(files: dict[str, Path]) -> str:
    return _digest(part for name in sorted(files) for part in (name.encode(), files[name].read_bytes()))


def _digest(parts: Iterable[bytes]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()[:16]
