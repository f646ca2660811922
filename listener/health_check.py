"""The container's health check: asks the listener beside it whether it lives. Ends with 0 if so, and with 1 and the reason if not.

It imports little, because the container's share of a processor is small and the check runs twice a minute.
"""

from __future__ import annotations

import http.client
import os
import ssl
import sys

ANSWERS_WITHIN_S = 5.0


def why_not(port: int, within_s: float = ANSWERS_WITHIN_S) -> str | None:
    """Ask GET /live on this machine. Return None if the listener lives, or what is wrong in words. Raises nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the certificate is in DynamoDB, and this stays on the machine
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=within_s, context=context)
    try:
        connection.request("GET", "/live")
        answer = connection.getresponse()
        return None if answer.status == 200 else answer.read(200).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return f"no answer from port {port}: {type(error).__name__}"
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(why_not(int(os.environ.get("LISTENER_PORT", "9000"))))
