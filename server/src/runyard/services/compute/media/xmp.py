"""XMP: metadata in XML, as photo editors write it, made flat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree as ET

_LARGEST: Final = 1 << 20
_RDF: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_MOST: Final = 500
"""Properties read from one packet."""


def read_xmp(packet: bytes) -> dict[str, str | list[str]]:
    """Names and values of a packet's properties; none of one that isn't sound.

    Names are local ones with a capital (``dc:title`` is ``Title``), values of bags and sequences are lists.
    """
    if len(packet) > _LARGEST or b"<!DOCTYPE" in packet or b"<!ENTITY" in packet:
        return {}
    try:
        root = ET.fromstring(packet.strip(b"\0 \r\n\t"))  # noqa: S314  (small, and without entities)
    except (ET.ParseError, ValueError, LookupError):
        return {}
    found: dict[str, str | list[str]] = {}
    for description in root.iter(f"{_RDF}Description"):
        for name, value in _properties(description):
            if len(found) < _MOST and value:
                found.setdefault(name, value)
    return found


def _properties(description: ET.Element) -> Iterator[tuple[str, str | list[str]]]:
    for name, text in description.attrib.items():
        if not name.startswith(_RDF):
            yield _local(name), text.strip()
    for child in description:
        items = [(item.text or "").strip() for item in child.iter(f"{_RDF}li")]
        if not items:
            yield _local(child.tag), (child.text or "").strip()
        else:
            yield _local(child.tag), items[0] if child.find(f"{_RDF}Alt") is not None else items


def _local(name: str) -> str:
    plain = name.rpartition("}")[2]
    return plain[:1].upper() + plain[1:]
