"""Each function starts from its bundle and its layer alone, as it will on AWS: nothing of this environment helps it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra_cdk.artifacts import FUNCTIONS, LAYERS, Artifacts
from infra_cdk.bundle import Bundler
from infra_cdk.settings import from_environment

ENVIRONMENT = {
    "TABLE_NAME": "avio",
    "DELIVERIES_TABLE_NAME": "deliveries",
    "EVENTS_QUEUE_URL": "http://127.0.0.1:9/queue.fifo",
    "DEAD_EVENTS_QUEUE_URL": "http://127.0.0.1:9/dead.fifo",
    "KMS_KEY_ID": "key",
    "MEDIA_BUCKET": "media",
    "SECRET_ID": "secret",
    "DELIVERY_FUNCTION": "x",
    "SWEEPER_FUNCTION": "x",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
}


@pytest.fixture(scope="module")
def artifacts() -> Artifacts:
    """What is deployed locally; built only where it is not there yet."""
    return Bundler(from_environment("local", {})).build()


@pytest.fixture(scope="module")
def layers(artifacts: Artifacts, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The layers, unpacked."""
    folder = tmp_path_factory.mktemp("layers")
    for name in LAYERS:
        with zipfile.ZipFile(artifacts.layers[name]) as archive:
            archive.extractall(folder / name)
    return {name: folder / name / "python" for name in LAYERS}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_starts_from_its_bundle_alone(name: str, artifacts: Artifacts, layers: dict[str, Path]) -> None:
    """An import that only this environment could serve would fail every cold start."""
    found = [str(artifacts.functions[name]), str(layers[FUNCTIONS[name]])]
    start = f"import sys; sys.path[:0] = {found!r}; import functions.{name}.handler as started; assert callable(started.handler)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", start], env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
