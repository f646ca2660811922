"""The stack's template, made without building a bundle; see local/stand_in_template.py."""

from __future__ import annotations

from local.stand_in_template import stand_in_artifacts, template

__all__ = ["stand_in_artifacts", "template"]
