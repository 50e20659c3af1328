"""What an upload decodes to: a document, and its parts with their texts and pictures. All are frozen and typed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from screening.records import NotLookedAt, Role


@dataclass(frozen=True, slots=True)
class Text:
    """A decoded text; `title` is what a reader reads just before it, or "" if there is nothing."""

    text: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded image, turned upright by its EXIF data: `pixels` is RGB uint8 (h, w, 3), scaled to fit `MAX_SIDE`.

    `width` and `height` are those of the picture as it was uploaded, in pixels.
    """

    width: int
    height: int
    pixels: npt.NDArray[np.uint8]


Content = Text | Picture


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a document that a person would read or look at, or that is hidden in it.

    `place` says where a person finds it, for example `footer`, `json:excerpt` or `frame 3`; a document has each place
    once.
    """

    place: str
    role: Role
    content: Content


@dataclass(frozen=True, slots=True)
class Link:
    """A link in the part at `place`: the `host` that it leads to, and the one that a reader takes it for.

    `says` is the host that its text or its address reads like where that is not `host`, or "". Both are in ASCII.
    """

    place: str
    host: str
    says: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """What an upload decodes to: its parts, of which the first is what it is about, and what was not looked at.

    `language` is the one that the document claims to be in, or "". `trailing` says what stands behind the end of a
    picture, with `trailing_bytes`, their number. `links` are those that are marked up,
    each once; what else reads like one stands in the texts.
    """

    media_type: str
    parts: tuple[Part, ...]
    not_looked_at: tuple[NotLookedAt, ...] = ()
    language: str = ""
    trailing: str = ""
    trailing_bytes: int = 0
    links: tuple[Link, ...] = ()

    @property
    def main(self) -> Content:
        """What the document is about."""
        return self.parts[0].content
