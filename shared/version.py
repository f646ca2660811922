"""Which Avio this is: shown by the API, and to the callbacks it posts to. A test holds it to pyproject.toml."""

VERSION = "0.1.0"
