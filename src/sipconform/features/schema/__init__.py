"""XML schemas of our own writing, and the question whether a document keeps to one."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, cast

from sipconform.features.xml_body import XmlBody, read_xml
from sipconform.sip.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lxml import etree


def validate(body: bytes, schema: str = "feature_event") -> list[Fault]:
    """Every way in which a document departs from one of our schemas: none, when it is valid. Never raises.

    A body that is no document at all gives the one fault that kept it from being read. Names, order, values
    and the namespace are asked for exactly; reading (`parse_document`) is more forgiving on purpose.
    """
    xml = read_xml(body)
    if not isinstance(xml, XmlBody):
        return [xml]
    judge = _schema(schema)
    judge.validate(xml.root)
    errors = cast("Iterable[etree._LogEntry]", judge.error_log)
    return [Fault(f"line {error.line}: {error.message}") for error in errors]


@cache
def _schema(name: str) -> etree.XMLSchema:
    from lxml import etree  # noqa: PLC0415 - lxml is loaded when the first document comes

    return etree.XMLSchema(etree.fromstring(files(__name__).joinpath(f"{name}.xsd").read_bytes()))
