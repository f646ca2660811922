"""Whom a command is about, in the one form that all commands carry.

me                 Saved Messages
@name              by its public name
123, -100123       by its id: marked, or bare (a user, else a supergroup or channel, else a basic group, of this id)
+79001234567       by phone, in E.164
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import StringConstraints

RECIPIENT = re.compile(r"me|@[A-Za-z0-9_]{4,32}|-?[1-9][0-9]{0,17}|\+[1-9][0-9]{6,14}")
Recipient = Annotated[str, StringConstraints(pattern=f"^(?:{RECIPIENT.pattern})$")]
"""A recipient, checked."""
