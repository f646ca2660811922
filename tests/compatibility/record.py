"""Records what the code of this commit stores and queues: `python -m tests.compatibility.record tests/compatibility/<name>`.

Run it on the commit whose rows are to be kept (README.md says when). It fills a fresh account of the emulator through this commit's own
code, and writes into the folder what lies there then, the Telegram test server's state, and what this commit itself makes of it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import tempfile
from pathlib import Path
from typing import Any

from local import emulator as local_emulator
from local.emulator import Emulator
from local.emulator_account import open_account
from local.stand_in_template import template
from testing.telegram_server.server import TelegramServer
from tests.compatibility import stored, telegram_state
from tests.compatibility.answers import answers
from tests.compatibility.delivering import delivered
from tests.compatibility.filling import Filling
from tests.compatibility.recording import ANSWERS, CAST, POSTED, Recording


async def record(emulator: Emulator, folder: Path, state: Path) -> None:
    """Write the folder."""
    aws = open_account(emulator, template("local"))
    async with TelegramServer(state=state) as server:
        filling = Filling(aws, server)
        await filling.run()
    stored.dump(aws, folder, filling.queued)
    telegram_state.dump(state, folder)
    _write(folder / CAST, filling.cast)
    for name, made in ((ANSWERS, answers), (POSTED, delivered)):
        recording = Recording(open_account(emulator, template("local")), folder)
        _write(folder / name, await made(recording))


def _write(path: Path, value: dict[str, Any]) -> None:
    """Write an object, a line for each of its fields, or for each entry of one that is a list."""
    lines = (f" {json.dumps(name)}: {_entries(field)}" for name, field in value.items())
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _entries(value: Any) -> str:
    written = (json.dumps(one, ensure_ascii=False) for one in value)
    return "[\n  " + ",\n  ".join(written) + "\n ]" if isinstance(value, list) and value else json.dumps(value, ensure_ascii=False)


def main() -> None:
    """Record into the folder that the command line names."""
    folder = Path(sys.argv[1])
    logging.getLogger("telethon").setLevel(logging.CRITICAL)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as kept, local_emulator.running(Path(kept), enforce_roles=False, persist=False) as emulator:
        asyncio.run(record(emulator, folder, Path(kept) / "telegram"))


if __name__ == "__main__":
    main()
