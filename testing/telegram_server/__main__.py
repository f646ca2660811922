"""Run the Telegram test server by itself: prints one line of JSON with its addresses once it is ready, stops on SIGTERM or SIGINT.

The control interface's password is read from the environment; where it is not there, one is made, and `control_url` is printed with it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
from pathlib import Path

from testing.telegram_server.control.door import PASSWORD
from testing.telegram_server.server import TelegramServer


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m testing.telegram_server", description="A Telegram server for tests and evaluation.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="MTProto; 0 takes a free one")
    parser.add_argument("--media-port", type=int, default=0, help="MTProto for files; 0 takes a free one")
    parser.add_argument("--control-port", type=int, default=0, help="HTTP control interface; 0 takes a free one")
    parser.add_argument("--state", type=Path, default=None, help="directory of the state; without one all is forgotten at the end")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO if options.verbose else logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    asyncio.run(_serve(options))


async def _serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    told = os.environ.get(PASSWORD)
    ports = {"port": options.port, "media_port": options.media_port, "control_port": options.control_port}
    server = TelegramServer(state=options.state, host=options.host, **ports, control_password=told)
    async with server:
        print(json.dumps(server.info() | ({} if told else {"control_url": server.control_url})), flush=True)
        await stop.wait()


if __name__ == "__main__":
    main()
