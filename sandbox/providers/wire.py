"""Values as they travel between the engine and a provider: protobuf Struct <-> plain Python.

The magic strings are Pulumi's wire format (sdk/go/common/resource/properties.go and plugin/rpc.go). The
servers tell the engine that they accept neither secrets nor outputs, so inputs arrive plain; the engine
itself puts the secret mark back on outputs whose input of the same name was secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.struct_pb2 import Struct, Value

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a wire constant, not a secret


def plain(struct: Struct) -> dict[str, Any]:
    """A Struct as a dict; whole numbers become int, nulls are left out, unknowns stay ``UNKNOWN``."""
    return {
        key: _plain_value(value)
        for key, value in struct.fields.items()
        if value.WhichOneof("kind") != "null_value"
    }


def _plain_value(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return plain(value.struct_value)
    if kind == "list_value":
        return [_plain_value(item) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind in {"string_value", "bool_value"}:
        return getattr(value, kind)
    return None


def struct(values: Mapping[str, Any], *, secrets: tuple[str, ...] = ()) -> Struct:
    """A dict as a Struct; the top-level keys in ``secrets`` are marked secret."""
    message = Struct()
    for key, value in values.items():
        if value is None:
            continue
        marked = {SIGNATURE: _SECRET, "value": value} if key in secrets else value
        message.fields[key].CopyFrom(_value(marked))
    return message


def _value(item: Any) -> Value:
    if item is None:
        return Value(null_value=0)  # pyright: ignore[reportArgumentType] - the enum's only member
    if isinstance(item, bool):
        return Value(bool_value=item)
    if isinstance(item, int | float):
        return Value(number_value=item)
    if isinstance(item, str):
        return Value(string_value=item)
    message = Value()
    if isinstance(item, Mapping):
        message.struct_value.CopyFrom(struct(item))
    else:
        message.list_value.values.extend([_value(member) for member in item])
        if not item:
            message.list_value.SetInParent()
    return message


def has_unknown(value: Any) -> bool:
    """Whether ``value`` is or contains something that only a later deployment step will know."""
    if isinstance(value, Mapping):
        return any(has_unknown(member) for member in value.values())
    if isinstance(value, list | tuple):
        return any(has_unknown(member) for member in value)
    return value == UNKNOWN
