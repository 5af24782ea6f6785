"""The random provider's password. It needs no cloud; the store only keeps the value for a refresh."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers.cloud import Cloud
from sandbox.providers.model import TypeModel
from sandbox.providers.shape import Problem

_SPECIAL = "!@#$%&*()-_=+[]{}<>:?"  # the random provider's default set


class RandomPassword(TypeModel):
    """A password; every change of its rules or keepers makes a new one.

    ``bcryptHash`` is left out: nothing here needs it and bcrypt is no dependency of ours.
    """

    pulumi_type = "random:index/randomPassword:RandomPassword"
    sdk = ("pulumi_random", "RandomPassword")
    replace_on = (
        "keepers",
        "length",
        "lower",
        "minLower",
        "minNumeric",
        "minSpecial",
        "minUpper",
        "number",
        "numeric",
        "overrideSpecial",
        "special",
        "upper",
    )
    secret_outputs = ("result",)

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        length = inputs.get("length")
        if isinstance(length, int) and length < max(
            1, sum(inputs.get(key, 0) for _, key, _ in _classes(inputs))
        ):
            yield Problem("length", f"is shorter than the sum of the minimums: {length}")
        if not _classes(inputs):
            yield Problem("upper", "at least one of upper, lower, numeric and special must be allowed")

    def identify(self, cloud: Cloud, inputs: Mapping[str, Any]) -> str:
        # The real id is always "none"; the store needs one per password, and nobody reads it.
        return f"none-{secrets.token_hex(8)}"

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {"result": old_outputs.get("result") or _password(inputs)}


def _classes(inputs: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(switch, minimum, characters) of every class of characters that is allowed."""
    all_classes = [
        ("upper", "minUpper", string.ascii_uppercase),
        ("lower", "minLower", string.ascii_lowercase),
        ("numeric", "minNumeric", string.digits),
        ("special", "minSpecial", inputs.get("overrideSpecial") or _SPECIAL),
    ]
    return [each for each in all_classes if inputs.get(each[0], True)]


def _password(inputs: Mapping[str, Any]) -> str:
    classes = _classes(inputs)
    characters = [
        secrets.choice(letters) for _, minimum, letters in classes for _ in range(inputs.get(minimum, 0))
    ]
    everything = "".join(letters for _, _, letters in classes)
    characters += [secrets.choice(everything) for _ in range(inputs["length"] - len(characters))]
    secrets.SystemRandom().shuffle(characters)
    return "".join(characters)


MODELS = (RandomPassword(),)
