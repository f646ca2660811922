"""Avio's version. The API shows it, and callbacks get it with each event. A test compares it with pyproject.toml."""

VERSION = "0.1.0"
