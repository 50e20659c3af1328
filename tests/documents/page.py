"""A Markdown file, as far as it can be held to something: its anchors, links, code and commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]


class Block(NamedTuple):
    """A fenced block, and the heading that it is under."""

    heading: str
    language: str
    text: str


@dataclass(frozen=True)
class Document:
    """A Markdown file, as far as it can be held to something."""

    name: str
    anchors: frozenset[str]
    links: tuple[str, ...]
    spans: tuple[str, ...]
    blocks: tuple[Block, ...]

    @property
    def folder(self) -> Path:
        return (ROOT / self.name).parent

    def commands(self) -> Iterator[list[str]]:
        """Every command of its blocks and its spans, as words."""
        lines = [line for block in self.blocks if block.language in ("sh", "bash") for line in joined(block.text)]
        for line in (*lines, *(span for span in self.spans if " " in span)):
            yield from split(line)


def joined(text: str) -> list[str]:
    return text.replace("\\\n", " ").splitlines()


def split(line: str) -> Iterator[list[str]]:
    """A line's commands, as words; a line that only a shell can read is taken word by word."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        words = line.split()
    command: list[str] = []
    for word in words:
        if word and set(word) <= set(";&|"):
            yield command
            command = []
        else:
            command.append(word)
    yield command


def read(name: str) -> Document:
    anchors, links, spans, blocks, heading = set(), [], [], [], ""
    tokens = MarkdownIt("commonmark").enable("table").parse((ROOT / name).read_text(encoding="utf-8"))
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "fence":
            blocks.append(Block(heading, token.info, token.content))
        for part in token.children or ():
            if part.type == "code_inline":
                spans.append(part.content)
            links += [str(part.attrs[key]) for key in ("href", "src") if key in part.attrs]
        if before is not None and before.type == "heading_open":
            heading = "".join(part.content for part in token.children or ())
            anchors.add(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-"))  # as GitHub makes them
    return Document(name, frozenset(anchors), tuple(links), tuple(spans), tuple(blocks))
