"""
Last.fm's two formats are one: its JSON is made of its XML by a rule, and this makes it by the same rule.
"""

from __future__ import annotations

from typing import Any
from xml.parsers import expat

from locker.error import Retriable


def from_xml(data: bytes) -> Any:
    """What stands within ``<lfm>``, as Last.fm's JSON says it.  Raises Retriable if it is no XML.

    An element with nothing but text is that text; its attributes stand beside it as ``#text``; those of an element with children are its ``@attr``;
    children of one name are a list.  A single one is no list: that is the service's own mistake, and all readers know it.
    """
    stack: list[tuple[dict[str, str], dict[str, Any], list[str]]] = [({}, {}, [])]
    parser = expat.ParserCreate()

    def start(_: str, attributes: dict[str, str]) -> None:
        if len(stack) > 50:
            raise ValueError("it is nested too deeply")
        stack.append((attributes, {}, []))

    def end(name: str) -> None:
        attributes, children, words = stack.pop()
        _add(stack[-1][1], name, _value(attributes, children, "".join(words).strip()))

    def refuse(*_: object) -> None:
        raise ValueError("it declares entities")

    parser.StartElementHandler, parser.EndElementHandler, parser.EntityDeclHandler = start, end, refuse
    parser.CharacterDataHandler = lambda data: stack[-1][2].append(data)
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError) as error:
        raise Retriable(f"Last.fm answers {len(data)} bytes that are neither JSON nor XML: {error}") from error
    return stack[0][1].get("lfm")


def _value(attributes: dict[str, str], children: dict[str, Any], words: str) -> Any:
    if children:
        return {**children, "@attr": attributes} if attributes else children
    return {**attributes, "#text": words} if attributes else words


def _add(children: dict[str, Any], name: str, value: Any) -> None:
    if name not in children:
        children[name] = value
    elif isinstance(children[name], list):
        children[name].append(value)
    else:
        children[name] = [children[name], value]
