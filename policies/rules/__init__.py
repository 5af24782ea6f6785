"""All rules of the pack: one rule, one module, one test."""

from __future__ import annotations

import importlib
import pkgutil
from typing import cast

from policies.rule import Rule

RULES: tuple[Rule, ...] = tuple(
    cast("Rule", importlib.import_module(f"{__name__}.{module.name}").RULE)
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name)
)
"""In the order of their modules' names."""
