"""A small part of YAML, read strictly: tables of texts in tables, each with the line it stands on.

A scalar is a text and nothing else, so that no number is ever rounded and no word becomes a truth
value. Aliases, anchors, tags, lists and further documents are refused: what stands in a file that
people sign is exactly what they read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

DEPTH_MAX: Final = 3
"""How deep tables lie in a file that says nothing else."""
_LOADER: Final[Any] = getattr(
    yaml, "CBaseLoader", yaml.BaseLoader
)  # the same events, twenty times faster


class YamlTableError(ValueError):
    """A file that is not of this part of YAML; ``line`` counts from one."""

    def __init__(self, line: int, message: str, remedy: str) -> None:
        """Keep the three parts."""
        super().__init__(message)
        self.line = line
        self.message = message
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar and its line."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping: the line it begins on, its values, and the line of each key."""

    line: int
    values: dict[str, Text | Table] = field(default_factory=dict[str, "Text | Table"])
    lines: dict[str, int] = field(default_factory=dict[str, int])


def read_tables(data: bytes, depth_max: int = DEPTH_MAX) -> Table:
    """Read one document that is a table of texts and tables, ``depth_max`` deep at most.

    Raises:
        YamlTableError: it is not UTF-8, not YAML, or not of this part of YAML.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise YamlTableError(line, "it is not UTF-8", "save the file as UTF-8") from error
    try:
        return _document(_events(text), depth_max)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise YamlTableError(line, f"it is not YAML: {error.problem}", "mend this line") from error
    except yaml.YAMLError as error:
        message = "it has characters that YAML does not allow"
        raise YamlTableError(1, message, "remove control characters") from error


def _events(text: str) -> Iterator[Any]:
    parse: Callable[..., Iterator[Any]] = vars(yaml)["parse"]  # its own types are half known
    return iter(parse(text, Loader=_LOADER))


def _document(events: Iterator[Any], depth_max: int) -> Table:
    """Walk the events once; a stack instead of recursion, so that depth costs nothing."""
    root: Table | None = None
    open_tables: list[Table] = []
    keys: list[Text | None] = []
    for event in events:
        line = event.start_mark.line + 1
        _refuse(event, line, documents=root is not None and not open_tables)
        if isinstance(event, yaml.MappingEndEvent):
            open_tables.pop()
            keys.pop()
            continue
        if isinstance(event, yaml.ScalarEvent):
            node: Text | Table = Text(event.value, line)
        elif isinstance(event, yaml.MappingStartEvent):
            node = Table(line)
        else:
            continue
        if not open_tables:
            if isinstance(node, Text):
                raise YamlTableError(line, "it is not a table", "write `name: value` lines")
            root = node
        else:
            _place(open_tables[-1], keys, node)
        if isinstance(node, Table):
            if len(open_tables) == depth_max:
                raise YamlTableError(line, "the tables lie too deep", "see the file's description")
            open_tables.append(node)
            keys.append(None)
    if root is None:
        raise YamlTableError(1, "it is empty", "write `name: value` lines")
    return root


def _place(table: Table, keys: list[Text | None], node: Text | Table) -> None:
    """Take the node as the next key of the table, or as the value of the last one."""
    key = keys[-1]
    if key is not None:
        table.values[key.text] = node
        keys[-1] = None
        return
    if isinstance(node, Table):
        raise YamlTableError(node.line, "a table cannot be a name", "write a plain name")
    if node.text in table.lines:
        message = f"{node.text[:64]!r} stands there twice, first on line {table.lines[node.text]}"
        raise YamlTableError(node.line, message, "remove one of them")
    table.lines[node.text] = node.line
    keys[-1] = node


def _refuse(event: Any, line: int, *, documents: bool) -> None:  # noqa: ANN401  yaml's events have no common type
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
        raise YamlTableError(line, "aliases are not taken", "write the value out where it counts")
    if getattr(event, "tag", None) is not None:
        raise YamlTableError(line, "tags are not taken", "write the plain value")
    if isinstance(event, yaml.SequenceStartEvent):
        raise YamlTableError(line, "lists are not taken", "write `name: value` lines")
    if documents and isinstance(event, yaml.DocumentStartEvent):
        raise YamlTableError(line, "a second document begins", "keep one document in the file")
