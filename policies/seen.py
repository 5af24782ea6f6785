"""What a rule sees of a resource: plain inputs, with a marker where a preview cannot know the value yet.

The SDK's own view raises on the first unknown value that is touched, and a rule that raises is reported as
advice: one unknown would hide every real violation behind it, in a stack rule those of all other resources.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from pulumi_policy import ResourceValidationArgs
from pulumi_policy.proxy import UnknownValueError


class Unknown:
    """The type of `UNKNOWN`."""

    def __repr__(self) -> str:
        return "(not known yet)"


UNKNOWN: Final = Unknown()
"""Stands where a value is known only after the update. No rule judges it; the update is judged again."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One resource as the engine is about to register it."""

    type: str
    name: str
    urn: str
    inputs: Mapping[str, object]
    """In the provider's spelling (camelCase). May hold secrets in plain text: none may get into a message."""
    protected: bool = False
    ignored: tuple[str, ...] = ()
    provider: Mapping[str, object] | None = None
    """Inputs of its provider, where the engine tells them."""

    def get(self, path: str) -> object:
        """Value at a dotted path; None when a part is absent, `UNKNOWN` when a part is."""
        value: object = self.inputs
        for part in path.split("."):
            if value is UNKNOWN:
                return UNKNOWN
            if not isinstance(value, Mapping):
                return None
            value = value.get(part)
        return value

    def differs(self, path: str, *allowed: object) -> bool:
        """Whether the value is known and none of ``allowed``. Absent counts as None."""
        value = self.get(path)
        return value is not UNKNOWN and value not in allowed

    def unknown(self, *paths: str) -> bool:
        """Whether the value at any of the paths, or a part of it, is not known yet."""
        return any(_holds_unknown(self.get(path)) for path in paths)

    def text(self, path: str) -> str:
        """A known text; empty when it is absent, unknown or no text."""
        value = self.get(path)
        return value if isinstance(value, str) else ""

    def number(self, path: str) -> float | None:
        """A known number; None when it is absent, unknown or none. AWS hands some over as text."""
        value = self.get(path)
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return None
        try:
            return float(value)
        except ValueError:
            return None

    def texts(self, path: str) -> list[str]:
        """The known texts of a list; a single text is a list of one, as in IAM's documents."""
        value = self.get(path)
        parts = cast("list[object]", value) if isinstance(value, list) else [value]
        return [part for part in parts if isinstance(part, str)]

    def parts(self, path: str) -> Iterator[Seen]:
        """The known mappings of a list, each to be read like a resource of its own."""
        value = self.get(path)
        for part in cast("list[object]", value) if isinstance(value, list) else []:
            if isinstance(part, Mapping):
                yield self.part(cast("Mapping[str, object]", part))

    def part(self, inputs: Mapping[str, object]) -> Seen:
        """A piece of this resource under the same name."""
        return Seen(type=self.type, name=self.name, urn=self.urn, inputs=inputs)


def _holds_unknown(value: object) -> bool:
    if isinstance(value, list):
        return any(_holds_unknown(part) for part in cast("list[object]", value))
    return value is UNKNOWN


def plain(value: Any) -> object:
    """The SDK's proxies as dicts and lists, unknown parts as `UNKNOWN`."""
    if isinstance(value, Mapping):
        proxy = cast("Mapping[str, Any]", value)
        return {key: _known(proxy, key) for key in proxy}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        items = cast("Sequence[Any]", value)
        return [_known(items, position) for position in range(len(items))]
    return value


def _known(proxy: Any, key: Any) -> object:
    try:
        return plain(proxy[key])
    except UnknownValueError:
        return UNKNOWN


_memory: dict[str, tuple[Any, Seen]] = {}


def see(args: ResourceValidationArgs) -> Seen:
    """The resource behind ``args``, remembered by URN: every rule of the pack asks for the same one, and
    stack rules, to which the engine shows outputs only, need its inputs (`inputs_of`)."""
    known = _memory.get(args.urn)
    if known is not None and known[0] is args.props:
        return known[1]
    provider = args.provider
    seen = Seen(
        type=args.resource_type,
        name=args.name,
        urn=args.urn,
        inputs=cast("dict[str, object]", plain(args.props)),
        protected=args.opts.protect,
        ignored=tuple(args.opts.ignore_changes),
        provider=cast("dict[str, object]", plain(provider.props)) if provider is not None else None,
    )
    _memory[args.urn] = (args.props, seen)
    return seen


def inputs_of(urn: str) -> Seen | None:
    """What was last seen under that URN in this process; None when no resource rule ran for it."""
    known = _memory.get(urn)
    return known[1] if known is not None else None
