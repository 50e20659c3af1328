"""Find the texts of a page that stand outside of the flow of its text: in attributes, styles, scripts and frames."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import unquote

from screening.decode.texts.embedded import File, address, opened
from screening.decode.texts.flow import Key
from screening.decode.texts.places import LINKS, SHOWN, attributes_shown
from screening.decode.texts.scripts import prose, script_texts
from screening.decode.texts.styles import read_style
from screening.records import Role

FOREIGN = frozenset(("svg", "math"))
ENTITY = re.compile(r"""<!ENTITY\s+[\w:.-]{1,100}\s+("[^"]*"|'[^']*')""")
BODY = re.compile(r"""<body([\s/](?:[^<>"']|"[^"]*"|'[^']*'){0,1000}+)>""", re.IGNORECASE)
STYLESHEET = re.compile(r"""<\?xml-stylesheet\s[^>]{0,100}?href\s*=\s*("[^"]*"|'[^']*')""")


@dataclass(slots=True)
class Sources:
    """Collects such texts by place and role, the HTML of `frames`, the `files` in data URIs, and `leads_away`."""

    others: dict[Key, list[str]] = field(default_factory=dict)
    frames: list[str] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    leads_away: bool = False
    _values: dict[str, list[str]] = field(default_factory=dict)  # of attributes, by their name
    _asked: set[str] = field(default_factory=set)  # names of attributes that a style shows
    _variables: list[str] = field(default_factory=list)
    _asks: bool = False  # for variables

    def add(self, place: str, role: Role, *texts: str) -> None:
        """Add texts."""
        for text in texts:
            if line := " ".join(text.split()):
                self.others.setdefault((place, role), []).append(line)

    def declared(self, markup: str) -> None:
        """Look at what is no event of the parser: the attributes of a second `body`, entities and styles of XHTML."""
        self.frames += (f"<div{body[1]}>" for body in BODY.finditer(markup))
        for entity in ENTITY.finditer(markup) if "<!ENTITY" in markup else ():
            self.add("entity", "rest", unescape(entity[1][1:-1]))
        for style in STYLESHEET.finditer(markup) if "<?xml-style" in markup else ():
            self.files += filter(None, [opened(unescape(style[1][1:-1]))])

    def attributes(self, tag: str, attributes: Mapping[str, str], role: Role) -> None:
        """Look at the attributes of an element."""
        for place, hides, text in attributes_shown(tag, attributes):
            self.add(place, "hidden" if hides else role, text)
        for name, value in attributes.items():
            self._values.setdefault(name, []).append(value)
            self.ends_early(value)
            if name == "style":
                self._style(value, role)
            elif name.startswith("on"):
                self.add("script", "hidden", *script_texts(value))
            elif name in LINKS and (file := opened(value)):
                self.files.append(file)
            elif name in LINKS and address(value)[:11].lower() == "javascript:":
                self.add("script", "hidden", *script_texts(unquote(value)))
            elif name not in SHOWN and name != "class":  # a script may show it
                self.add("script", "hidden", *prose(value))
        if tag == "iframe" and "srcdoc" in attributes:
            self.frames.append(attributes["srcdoc"])
        elif tag == "meta" and attributes.get("http-equiv", "").strip().lower() == "refresh":
            self.leads_away |= "url" in attributes.get("content", "").lower()

    def raw(self, tag: str, text: str, role: Role, around: set[str]) -> None:
        """Look at a style or script within the elements `around`."""
        self.ends_early(text)
        if ("<" in text and around & FOREIGN) or (tag == "style" and "option" in around):
            self.frames.append(text)  # browsers read elements here, or show the style as what is to be chosen
        for spelled in dict.fromkeys((text, unescape(text))):  # it has references in a drawing and in XHTML
            if tag == "style":
                self._style(spelled, role)
            else:
                self.add("script", "hidden", *script_texts(spelled))

    def ends_early(self, text: str) -> None:
        """Look at what follows in a browser, which runs scripts and so sees no elements within `noscript`."""
        if "</noscript" in text.lower():
            self.frames.append(text)

    def finish(self) -> None:
        """Add what the styles of the whole page ask for."""
        self.add("style", "rest", *(text for name in sorted(self._asked) for text in self._values.get(name, ())))
        for text in self._variables:  # those of a style in a file may be asked for elsewhere
            self.add("style", "rest", *([text] if self._asks else prose(text)))

    def _style(self, text: str, role: Role) -> None:
        style = read_style(text)
        self.add("style", role, *style.texts)
        self._variables += style.variables
        self._asks |= style.asks
        self._asked |= style.attributes
        self.files += filter(None, map(opened, style.files))
