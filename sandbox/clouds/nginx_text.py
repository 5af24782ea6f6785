"""An nginx configuration as a tree, so that paths and addresses in it can be changed one word at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sandbox.clouds.nginx import NginxError, quoted


@dataclass
class Directive:
    """``name args;`` or ``name args { block }``; ``block`` is None for the first form."""

    name: str
    args: list[str]
    block: list[Directive] | None = field(default=None)


def parse_nginx(text: str) -> list[Directive]:
    """Read a configuration. Comments are dropped, quotes taken off.

    Raises:
        NginxError: a brace or a semicolon is missing.
    """
    words = _words(text)
    return _block(words, nested=False)


def _words(text: str) -> Iterator[tuple[str, bool]]:
    """Words with a flag that says "punctuation" (``;``, ``{`` or ``}`` outside of quotes)."""
    at, size = 0, len(text)
    while at < size:
        character = text[at]
        if character.isspace():
            at += 1
        elif character == "#":
            at = _end_of_line(text, at)
        elif character in ";{}":
            yield character, True
            at += 1
        elif character in "\"'":
            word, at = _quoted_word(text, at)
            yield word, False
        else:
            start = at
            while at < size and not text[at].isspace() and text[at] not in ";{":
                at += 2 if text.startswith("${", at) else 1
            yield text[start:at], False


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _quoted_word(text: str, at: int) -> tuple[str, int]:
    quote, word = text[at], ""
    at += 1
    while at < len(text) and text[at] != quote:
        if text[at] == "\\" and text[at + 1 : at + 2] in (quote, "\\"):
            at += 1
        word += text[at]
        at += 1
    if at >= len(text):
        raise NginxError(f"nginx configuration: a quote is not closed: {word[:60]!r}")
    return word, at + 1


def _block(words: Iterator[tuple[str, bool]], *, nested: bool) -> list[Directive]:
    result: list[Directive] = []
    current: list[str] = []
    for word, punctuation in words:
        if not punctuation:
            current.append(word)
        elif word == "}":
            if not nested or current:
                raise NginxError(f"nginx configuration: unexpected '}}' after {' '.join(current)!r}")
            return result
        elif not current:
            raise NginxError(f"nginx configuration: unexpected {word!r}")
        else:
            block = _block(words, nested=True) if word == "{" else None
            result.append(Directive(current[0], current[1:], block))
            current = []
    if nested or current:
        raise NginxError(f"nginx configuration ends inside {' '.join(current) or 'a block'!r}")
    return result


def render_nginx(tree: list[Directive], indent: str = "") -> str:
    """Write a configuration; words that need quotes get them."""
    lines: list[str] = []
    for directive in tree:
        head = " ".join(_written(word) for word in (directive.name, *directive.args))
        if directive.block is None:
            lines.append(f"{indent}{head};")
        else:
            lines += [f"{indent}{head} {{", render_nginx(directive.block, indent + "  "), f"{indent}}}"]
    return "\n".join(lines)


def _written(word: str) -> str:
    if word and not any(character.isspace() or character in "\"'{};#\\" for character in word):
        return word
    if "$" in word or "\\" in word:  # variables and regular expressions: keep every character
        return '"' + word.replace('"', '\\"') + '"'
    return quoted(word)


def change(tree: list[Directive], how: Callable[[Directive], None]) -> None:
    """Call ``how`` for every directive of the tree, outer ones first."""
    for directive in tree:
        how(directive)
        if directive.block is not None:
            change(directive.block, how)
