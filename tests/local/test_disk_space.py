"""A disk that is too small is said before anything starts, and beside the error when it fills up."""

from __future__ import annotations

from pathlib import Path

import pytest

from local import disk_space
from local.child_process import StartError


def test_too_little_room_is_said_with_what_is_needed(tmp_path: Path) -> None:
    """In megabytes, and where."""
    with pytest.raises(StartError, match=f"{tmp_path} has 12 MB free, and a start needs {disk_space.NEEDED_MB} MB"):
        disk_space.check(tmp_path, 12)
    disk_space.check(tmp_path, disk_space.NEEDED_MB)


def test_a_full_disk_is_named_beside_an_error(tmp_path: Path) -> None:
    """One with room is not."""
    assert "is full (3 MB free)" in disk_space.shortage(tmp_path, 3)
    assert disk_space.shortage(tmp_path, disk_space.NEEDED_MB) == ""


def test_room_is_measured_where_the_folder_is_to_be(tmp_path: Path) -> None:
    """It need not be there yet."""
    assert disk_space.free_mb(tmp_path / "not" / "yet") > 0
