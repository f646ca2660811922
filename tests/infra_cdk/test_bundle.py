"""Bundles hold what a function needs and nothing else, and are the same wherever they are built."""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path

import pytest

from infra_cdk.artifacts import FUNCTIONS
from infra_cdk.bundle import BundleError, Bundler
from infra_cdk.settings import StackSettings

UV = """#!/bin/sh
# Stands for uv: installs one package, its metadata, and what is never needed, wherever --target says.
while [ $# -gt 0 ]; do if [ "$1" = --target ]; then target=$2; fi; shift; done
mkdir -p "$target/bin" "$target/package-1.dist-info" "$target/botocore/data/sqs/2012" "$target/botocore/data/ec2/2016"
echo "answer = 42" > "$target/package.py"
echo tool > "$target/bin/tool"
echo x > "$target/package-1.dist-info/RECORD"
echo x > "$target/package-1.dist-info/METADATA"
echo x > "$target/botocore/data/sqs/2012/service-2.json"
echo x > "$target/botocore/data/ec2/2016/service-2.json"
echo x > "$target/botocore/data/endpoints.json"
echo run >> "$(dirname "$0")/runs"
"""


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A small tree with everything that is deployed."""
    root = tmp_path / "sources"
    names = [f"functions/{name}/{module}.py" for name in FUNCTIONS for module in ("__init__", "handler")]
    names += ["functions/__init__.py", "functions/http/app.py", "shared/clock.py", "shared/__pycache__/clock.cpython-311.pyc"]
    names += [
        "listener/__main__.py",
        "listener/Dockerfile",
        "locks/http.txt",
        "locks/delivery.txt",
        "locks/build.txt",
        "locks/listener.txt",
    ]
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


@pytest.fixture
def uv(tmp_path: Path) -> Path:
    """A stand-in for uv that counts its runs."""
    path = tmp_path / "uv" / "uv"
    path.parent.mkdir()
    path.write_text(UV)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def _bundler(sources: Path, output: Path, uv: Path, target: str = "aws") -> Bundler:
    return Bundler(StackSettings(target), sources, output, uv)  # type: ignore[arg-type]


def _names(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as opened:
        return opened.namelist()


def test_a_function_carries_its_own_code_and_what_is_shared(sources: Path, tmp_path: Path, uv: Path) -> None:
    """No other function, no listener, no byte code; what HTTP functions share only if it is one."""
    built = _bundler(sources, tmp_path / "out", uv).build()
    assert _names(built.functions["auth"]) == [
        "functions/__init__.py",
        "functions/auth/__init__.py",
        "functions/auth/handler.py",
        "functions/http/app.py",
        "shared/clock.py",
    ]
    assert "functions/http/app.py" not in _names(built.functions["callback_delivery"])


def test_the_listeners_image_is_built_from_its_own_folder(sources: Path, tmp_path: Path, uv: Path) -> None:
    """Code, locks and Dockerfile; nothing of the functions."""
    image = _bundler(sources, tmp_path / "out", uv).build().listener_image
    files = sorted(path.relative_to(image).as_posix() for path in image.rglob("*") if path.is_file())
    assert files == ["listener/Dockerfile", "listener/__main__.py", "locks/build.txt", "locks/listener.txt", "shared/clock.py"]


def test_a_layer_leaves_out_what_is_never_read(sources: Path, tmp_path: Path, uv: Path) -> None:
    """Command line tools, notes of the installer, descriptions of AWS services that nobody calls."""
    names = _names(_bundler(sources, tmp_path / "out", uv).build().layers["http"])
    assert names == [
        "python/botocore/data/endpoints.json",
        "python/botocore/data/sqs/2012/service-2.json",
        "python/package-1.dist-info/METADATA",
        "python/package.py",
    ]


def test_a_local_layer_is_compiled(sources: Path, tmp_path: Path, uv: Path) -> None:
    """The emulator unpacks layers at each cold start, where byte code is never kept; on AWS the Python differs from ours."""
    names = _names(_bundler(sources, tmp_path / "out", uv, "local").build().layers["http"])
    assert [name for name in names if name.endswith(".pyc")]


def test_building_twice_gives_the_same_bytes(sources: Path, tmp_path: Path, uv: Path) -> None:
    """Whatever the files' times: names and contents alone decide."""
    first = _bundler(sources, tmp_path / "one", uv).build()
    for path in sources.rglob("*"):
        os.utime(path, (0, 0))
    second = _bundler(sources, tmp_path / "two", uv).build()
    pairs = [*zip(first.functions.values(), second.functions.values(), strict=True)]
    pairs += [*zip(first.layers.values(), second.layers.values(), strict=True)]
    for one, two in pairs:
        assert one.name == two.name
        assert one.read_bytes() == two.read_bytes()


def test_what_has_not_changed_is_not_built_again(sources: Path, tmp_path: Path, uv: Path) -> None:
    """A second build installs nothing; a changed function is a new bundle, and the others stay."""
    bundler = _bundler(sources, tmp_path / "out", uv)
    first = bundler.build()
    (sources / "functions" / "auth" / "handler.py").write_text("changed")
    second = bundler.build()
    assert (uv.parent / "runs").read_text().count("run") == len(first.layers)
    assert first.layers == second.layers
    changed = {name for name in FUNCTIONS if first.functions[name] != second.functions[name]}
    assert changed == {"auth"}


def test_a_missing_handler_is_named(sources: Path, tmp_path: Path, uv: Path) -> None:
    """Better here than as a function that cannot be imported."""
    (sources / "functions" / "auth" / "handler.py").unlink()
    with pytest.raises(BundleError, match=r"functions/auth/handler\.py is missing"):
        _bundler(sources, tmp_path / "out", uv).build()


def test_a_failed_installation_says_why_and_leaves_nothing(sources: Path, tmp_path: Path, uv: Path) -> None:
    """Half a layer must not be taken for a whole one next time."""
    uv.write_text("#!/bin/sh\necho no such hash >&2\nexit 1\n")
    with pytest.raises(BundleError, match="no such hash"):
        _bundler(sources, tmp_path / "out", uv).build()
    assert not [*(tmp_path / "out").glob("*layer*")]
