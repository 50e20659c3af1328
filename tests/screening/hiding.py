"""Documents that hide a sentence, or a known picture, in every place that their format has for one."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Iterator
from urllib.parse import quote

import numpy as np
from PIL import Image

from tests.screening.checks.conftest import photograph

SENTENCE = "these are bad people and all that they do is bad"
WORDS = (
    "The town library opens again on Saturday after eight months of repairs. The reading room has new lamps, the "
    "corner for children moved to the ground floor, and the old card catalogue is on display in the hall for all."
)
NAMED = "Library opens again"

WRAPPED = (
    "a", "abbr", "acronym", "address", "article", "aside", "b", "bdi", "bdo", "big", "blockquote", "button", "center",
    "cite", "code", "data", "dd", "del", "details", "dfn", "dialog", "div", "dl", "dt", "em", "fieldset",
    "figcaption", "figure", "font", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "i",
    "ins", "kbd", "label", "legend", "li", "listing", "main", "map", "mark", "marquee", "menu", "meter", "nav",
    "nobr", "noscript", "object", "ol", "output", "p", "pre", "progress", "q", "rp", "rt", "ruby", "s", "samp",
    "search", "section", "select", "small", "span", "strike", "strong", "sub", "summary", "sup", "table", "tbody",
    "td", "template", "textarea", "th", "thead", "time", "tr", "tt", "u", "ul", "var", "video", "xmp", "x-own",
)  # fmt: skip
ATTRIBUTES = {
    "alt": "<img src=x alt='{}'>",
    "title": "<p title='{}'>more</p>",
    "placeholder": "<input placeholder='{}'>",
    "aria-label": "<nav aria-label='{}'></nav>",
    "label": "<select><optgroup label='{}'></optgroup></select>",
    "value": "<input type=submit value='{}'>",
    "option": "<select><option label='{}'>x</option></select>",
    "area": "<map><area alt='{}'></map>",
    "table summary": "<table summary='{}'></table>",
    "abbr": "<table><tr><th abbr='{}'>x</th></tr></table>",
}
HEADS = {
    "title": "<title>{}</title>",
    "description": "<meta name=description content='{}'>",
    "og:title": "<meta property=og:title content='{}'>",
    "og:description": "<meta property='og:description' content='{}'>",
    "twitter:title": "<meta name=twitter:title content='{}'>",
    "keywords": "<meta name=Keywords content='{}'>",
}
BODIES = {
    "svg text": "<svg><text>{}</text></svg>",
    "svg title": "<svg><title>{}</title></svg>",
    "svg foreignObject": "<svg><foreignObject><p>{}</p></foreignObject></svg>",
    "math": "<math><mtext>{}</mtext></math>",
    "srcdoc": "<iframe srcdoc='<p>{}</p>'></iframe>",
    "srcdoc in srcdoc": "<iframe srcdoc='<iframe srcdoc=\"{}\">'></iframe>",
    "style": '<style>p::after {{ content: "{}" }}</style>',
    "style attribute": "<p style='content: \"{}\"'></p>",
    "hidden": "<p hidden>{}</p>",
    "display none": "<div style='display: none'>{}</div>",
    "shadow root": "<div><template shadowrootmode=open><p>{}</p></template></div>",
    "behind the end": "</body></html>{}",
    "unclosed": "<div><p><b>{}",
    "plaintext": "<plaintext>{}",
}


def page(body: str = "", head: str = f"<title>{NAMED}</title>") -> str:
    main = f"<article><h1>{NAMED}</h1><p>{WORDS}</p></article>"
    return f"<!DOCTYPE html><html><head>{head}</head><body>{main}{body}</body></html>"


def article(**more: object) -> dict[str, object]:
    return {"title": NAMED, "body": WORDS, **more}


def pages() -> Iterator[tuple[str, bytes]]:
    """HTML with the sentence in every place."""
    yield from ((f"in {tag}.html", page(f"<{tag}>{SENTENCE}</{tag}>").encode()) for tag in WRAPPED)
    for forms, build in ((ATTRIBUTES, page), (BODIES, page)):
        yield from ((f"{name}.html", build(form.format(SENTENCE)).encode()) for name, form in forms.items())
    yield from ((f"head {name}.html", page(head=form.format(SENTENCE)).encode()) for name, form in HEADS.items())
    inner = f"<p>{SENTENCE}</p>"
    for name, uri in {
        "percent": f"data:text/html,{quote(inner)}",
        "base64": f"data:text/html;base64,{base64.b64encode(inner.encode()).decode()}",
    }.items():
        for element in (
            "<iframe src='{}'></iframe>",
            "<object data='{}'></object>",
            "<embed src='{}'>",
            "<a href='{}'>x</a>",
        ):
            yield f"{element.split()[0][1:]} {name}.html", page(element.format(uri)).encode()
    yield "entities.html", page(f"<footer>{''.join(f'&#{ord(sign)};' for sign in SENTENCE)}</footer>").encode()
    yield "attribute entities.html", page(f"<img alt='{html.escape(SENTENCE)}&nbsp;'>").encode()
    yield "letters in tags.html", page(f"<footer>{''.join(f'<b>{sign}</b>' for sign in SENTENCE)}</footer>").encode()


def jsons() -> Iterator[tuple[str, bytes]]:
    """JSON with the sentence under every kind of key, and in every shape."""
    for key in ("summary", "excerpt", "description", "subtitle", "standfirst", "note", "caption", "author", "x_y"):
        yield f"{key}.json", json.dumps(article(**{key: SENTENCE})).encode()
    shapes = {
        "nested": {"meta": {"seo": {"description": SENTENCE}}},
        "list": {"tags": ["a", SENTENCE]},
        "objects": {"comments": [{"by": "x", "message": "fine"}, {"by": "y", "message": SENTENCE}]},
        "html": {"body_html": f"<p>{SENTENCE}</p>"},
        "html alt": {"body_html": f"<p>x</p><img alt='{SENTENCE}'>"},
        "html script": {"note": f"<p><script>{SENTENCE}</script>"},
        "key": {SENTENCE: 1},
        "blocks": {"blocks": [{"type": "paragraph", "data": {"text": SENTENCE}}]},
        "tiptap": {"content": {"type": "doc", "content": [{"type": "text", "text": SENTENCE}]}},
        "json in a string": {"data": json.dumps({"text": SENTENCE})},
    }
    yield from ((f"{name}.json", json.dumps(article(**more)).encode()) for name, more in shapes.items())
    other = {"title": NAMED, "text": f"{SENTENCE}. {WORDS}"}
    yield "array.json", json.dumps([article(), other]).encode()
    yield "graph.json", json.dumps({"@context": "https://schema.org", "@graph": [article(), other]}).encode()
    yield "lines.json", f"{json.dumps(article())}\n{json.dumps(other)}\n".encode()
    escaped = "".join(f"\\u{ord(sign):04x}" for sign in SENTENCE)
    yield "escaped.json", json.dumps(article(note="@")).replace("@", escaped).encode()


def markdowns() -> Iterator[tuple[str, bytes]]:
    """Markdown with the sentence in everything that it renders, and in what it does not."""
    places = {
        "alt": "![{}](x.png)",
        "link title": "[hall](http://a.example '{}')",
        "footnote": "see[^1]\n\n[^1]: {}",
        "definition": '[hall]: http://a.example "{}"',
        "comment": "<!-- {} -->",
        "table": "| a |\n|---|\n| {} |",
        "code": "```\n{}\n```",
        "info": "``` {}\nx\n```",
        "quote": "> > {}",
        "list": "- a\n  - {}",
        "heading": "###### {}",
        "html": "<details><summary>{}</summary></details>",
        "html attribute": "<img alt='{}'>",
        "indented": "    {}",
        "reference alt": "![{}][x]\n\n[x]: y.png",
        "autolink": "<b>{}</b>",
        "emphasis": "**_{}_**",
        "script": "<footer>{}</footer>",
    }
    for name, form in places.items():
        yield f"{name}.md", f"# {NAMED}\n\n{WORDS}\n\n{form.format(SENTENCE)}\n".encode()
    for key in ("description", "summary", "title", "x"):
        yield f"front {key}.md", f"---\n{key}: {SENTENCE}\n---\n\n# {NAMED}\n\n{WORDS}\n".encode()
    yield "front list.md", f"---\ntags:\n  - one\n  - {SENTENCE}\n---\n\n# {NAMED}\n\n{WORDS}\n".encode()


def texts() -> Iterator[tuple[str, bytes]]:
    """Plain text that looks like something else."""
    yield "script.txt", f"<p><script>{SENTENCE}</script>\n{WORDS}".encode()
    yield "comment.txt", f"<!-- {SENTENCE} -->\n{WORDS}".encode()
    yield "json.txt", json.dumps(article(note=SENTENCE)).encode()
    yield "broken json.txt", f'{{"text": "{WORDS}", {SENTENCE}'.encode()
    yield "front.txt", f"---\nnote: {SENTENCE}\n---\n# {NAMED}\n\n{WORDS}".encode()


def known() -> Image.Image:
    """The picture that is on the bank."""
    return Image.fromarray(photograph(0))


def _encoded(image: Image.Image, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, **options)
    return stream.getvalue()


def pictures() -> Iterator[tuple[str, bytes]]:
    """Files whose further pictures hold the known one, and documents in which it is embedded."""
    others = [Image.fromarray(photograph(seed)) for seed in (1, 2, 3)]
    formats = {
        "gif": {"format": "GIF"},
        "webp": {"format": "WEBP"},
        "png": {"format": "PNG"},
        "avif": {"format": "AVIF"},
        "tiff": {"format": "TIFF", "compression": "tiff_lzw"},
        "jpg": {"format": "MPO"},
    }
    for suffix, options in formats.items():
        for place in (1, 3):
            frames = [*others[1:place], known(), *others[place:]]
            yield f"frame {place}.{suffix}", _encoded(others[0], **options, save_all=True, append_images=frames)
    yield (
        "shown only in the animation.png",
        _encoded(others[0], format="PNG", save_all=True, append_images=[known(), others[1]], default_image=True),
    )
    turned = Image.fromarray(np.ascontiguousarray(np.asarray(known())[:, ::-1]))
    yield "mirrored frame.gif", _encoded(others[0], format="GIF", save_all=True, append_images=[turned])
    data = base64.b64encode(_encoded(known(), format="JPEG", quality=80)).decode()
    uri = f"data:image/jpeg;base64,{data}"
    holders = {
        "img": f"<img src='{uri}'>",
        "srcset": f"<img srcset='{uri} 2x'>",
        "style": f"<p style='background: url({uri})'>",
        "css": f'<style>p {{ background: url("{uri}") }}</style>',
        "picture": f"<picture><source srcset='{uri}'></picture>",
        "svg image": f"<svg><image href='{uri}'></image></svg>",
        "input": f"<input type=image src='{uri}'>",
        "object": f"<object data='{uri}'></object>",
        "video poster": f"<video poster='{uri}'></video>",
        "srcdoc": f"<iframe srcdoc=\"<img src='{uri}'>\"></iframe>",
        "link": f"<a href='{uri}'>x</a>",
        "script": f"<script>new Image().src = '{uri}'</script>",
        "false type": f"<img src='{uri.replace('jpeg', 'png')}'>",
        "icon": f"<link rel=icon href='{uri}'>",
        "frame": f'<iframe src="data:text/html,{quote(f"<img src={uri}>")}"></iframe>',
    }
    yield from ((f"picture in {name}.html", page(body).encode()) for name, body in holders.items())
    yield "image.md", f"# {NAMED}\n\n{WORDS}\n\n![]({uri})\n".encode()
    yield "html image.md", f"# {NAMED}\n\n{WORDS}\n\n<img src='{uri}'>\n".encode()
    for name, value in {"uri": uri, "html": f"<p>x</p><img src='{uri}'>", "nested": {"a": [{"src": uri}]}}.items():
        yield f"image {name}.json", json.dumps(article(image=value)).encode()
    yield "image slashes.json", json.dumps(article(image=uri)).replace("/", "\\/").encode()
    escaped = json.dumps(article(image="@")).replace("@", uri.replace("data:", "\\u0064ata:"))
    yield "image escaped.json", escaped.encode()
