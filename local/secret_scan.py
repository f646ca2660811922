"""Whether something that must stay out of logs is in one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote


def find(folder: Path, secrets: Mapping[str, str]) -> list[str]:
    """Return where in the files under `folder` a secret stands, by its name and never by itself: "the code of Anna: listener.log, line 7".

    Where a secret begins or ends in a letter or digit it counts only as a whole word, so that a code is not found inside a longer number.
    """
    patterns = {name: _pattern(secret) for name, secret in secrets.items() if secret}
    return [
        f"{name}: {path.relative_to(folder)}, line {number}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        for name, pattern in patterns.items()
        if pattern.search(line)
    ]


def _pattern(secret: str) -> re.Pattern[str]:
    """The secret as it is, as JSON would write it, and as a URL would."""
    before = r"(?<![A-Za-z0-9])" if secret[0].isalnum() else ""
    after = r"(?![A-Za-z0-9])" if secret[-1].isalnum() else ""
    spellings = {secret, json.dumps(secret)[1:-1], quote(secret, safe="")}
    return re.compile(f"{before}(?:{'|'.join(map(re.escape, sorted(spellings)))}){after}")
