"""Pages that try to show a sentence so that nobody who reads the source finds it.

`FOUND` is found. What is in `NOT_FOUND` is known not to be, and why.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

from tests.browser.generated import AROUND, ARTICLE, S

SVG = f"<svg xmlns='http://www.w3.org/2000/svg'><text id='a' y='20'>{S}</text></svg>"
XHTML = "<html xmlns='http://www.w3.org/1999/xhtml'><head><title>x</title>{}</head><body>{}</body></html>"
REFERENCES = "".join(f"&#{ord(letter)};" for letter in S)
ESCAPES = "".join(f"\\{ord(letter):06x}" for letter in S)


def _letters(form: Callable[[int, str], str]) -> str:
    return "".join(form(number, letter.replace(" ", "&nbsp;")) for number, letter in enumerate(S))


def _script(code: str) -> str:
    return f"<p id=p></p><script>{code}</script>"


INSIDE = {
    "letters in spans": "<p>" + _letters(lambda _, letter: f"<span>{letter}</span>"),
    "letters in blocks": "<style>i{display:block;float:left}</style>" + _letters(lambda _, letter: f"<i>{letter}</i>"),
    "letters in inline blocks": _letters(lambda _, letter: f"<div style='display:inline-block'>{letter}</div>"),
    "letters in cells": "<table><tr>" + _letters(lambda _, letter: f"<td>{letter}</td>") + "</tr></table>",
    "letters in a drawing": "<svg>" + _letters(lambda n, letter: f"<text x={n * 9} y=20>{letter}</text>") + "</svg>",
    "letters before elements": "<style>"
    + "".join(f".l{number}::before{{content:'{letter}'}}" for number, letter in enumerate(S))
    + "</style><p>"
    + _letters(lambda number, _: f"<i class=l{number}></i>"),
    "letters with comments between": "<p>" + "<!-- x -->".join(S),
    "letters with instructions between": "<p>" + "<?x?>".join(S),
    "letters with ends of nothing between": "<p>" + "</x>".join(S),
    "letters with something hidden between": "<p>" + _letters(lambda _, letter: f"{letter}<i hidden>q</i>"),
    "words in places": "<style>nav,aside,header{display:inline}</style><div><nav>seven amber </nav><aside>foxes jump "
    "</aside><header>over the </header>lazy brown hounds</div>",
    "a variable in an attribute": f"<style>.x::before{{content:var(--a)}}</style><p class=x style='--a:\"{S}\"'>word",
    "a variable of a variable": f"<style>b{{--b:'{S}';--a:var(--b)}}b::before{{content:var(--a)}}</style><b>word</b>",
    "a registered property": f"<style>@property --a{{syntax:'*';inherits:false;initial-value:'{S}'}}"
    "p::before{content:var(--a)}</style><p>word",
    "a function of a style": f"<style>@function --f(){{result:'{S}'}}p::before{{content:--f()}}</style><p>word",
    "a spelled attribute": f"<style>p::before{{content:\\61ttr(data-y)}}</style><p data-y='{S}'>word",
    "an attribute that is missing": f"<style>p::before{{content:attr(data-y,'{S}')}}</style><p>word",
    "a drawing of a style": f'<style>p{{height:90px;background:url("data:image/svg+xml,{SVG}")}}</style><p>word',
    "a style of a style": f"<style>@import \"data:text/css,p::before{{content:'{S}'}}\";</style><p>word",
    "a comment across styles": f"<style>/*</style><style>*/p::before{{content:'{S}'}}</style><p>word",
    "a style in a drawing": f"<svg><style><b>{S}</b></style></svg>",
    "a style in a choice": f"<select><option><style>{S}</style></select>",
    "an address with line ends": f"<iframe src='da\nta:text/html,<p>{S}'></iframe>",
    "a script with tabs": f"<iframe src='java\tscript:\"<p>{S}\"'></iframe>",
    "an address of odd options": f"<iframe src=' \n data:text/html;x=y,<p>{S}'></iframe>",
    "an address without a type": f"<iframe src='data:,{S}'></iframe>",
    "an address that is spelled": f"<iframe src='&#100;ata:text/html,<p>{S}'></iframe>",
    "XHTML in a frame": f'<iframe src="data:text/xml,{XHTML.format("<script/>", f"<p>{S}</p>")}"></iframe>',
    "a drawing that is used": f'<svg width=900><use href="data:image/svg+xml,{SVG}#a"/></svg>',
    "a drawing in an object": f'<object type=image/svg+xml data="data:image/svg+xml,{SVG}"></object>',
    "an early end in an attribute": f"<noscript><p class='</noscript>{S}'></noscript>",
    "an early end in a comment": f"<noscript><!--</noscript>{S}-->",
    "an early end in a style": f"<noscript><style></noscript>{S}</style></noscript>",
    "an early end of a frame": f"<iframe><p class='</iframe>{S}'></iframe>",
    "an early end of a script": f"<script><!--<script></script>--></script>{S}<script>x</script>",
    "an import map": '<p id=p></p><script type=importmap>{"imports":{"a":"data:text/javascript,p.innerHTML='
    f"'{S}'\"}}}}</script><script type=module>import 'a'</script>",
    "references in a script": _script(f"p.innerHTML='{REFERENCES}'"),
    "references in a drawing's script": f"<p id=p></p><svg><script>p.innerHTML=&quot;{REFERENCES}&quot;</script></svg>",
    "a quote in an expression": _script(f"var r=/'/;p.innerHTML='{S}'"),
    "a template in a template": _script(f"p.innerHTML=`${{`{S}`}}`"),
    "a text in a script": f"<script type=text/plain id=t>{S}</script>" + _script("p.innerHTML=t.textContent"),
    "an attribute that a script shows": f"<p id=p lang='{S}'></p><script>p.innerHTML=p.lang</script>",
    "a description that a script shows": f"<meta name=x content='{S}'>"
    + _script("p.innerHTML=document.querySelector('[name=x]').content"),
    "a hidden input": f"<input type=hidden value='{S}' id=i><script>i.type='text'</script>",
}  # fmt: skip
WHOLE = {
    "a text with references.html": f"Hello. <p>{REFERENCES}",
    "a page that begins with a span.html": "<span>" + "<b></b>".join(S),
    "a page that begins with an own element.html": f"<x-a><p>{REFERENCES}",
    "a page that begins with a picture.html": f"<img alt='{REFERENCES}'>",
    "a text with a style.html": f"<span>word</span><style>span::before{{content:'{ESCAPES}'}}</style>",
    "Markdown with code.html": f"# Title\n\n```\n<p>{REFERENCES}\n```\n",
    "Markdown that is indented.html": f"# Title\n\n    <p>{REFERENCES}\n",
    "shifts.html": "<html><head><meta charset=iso-2022-jp></head><body><p>" + "\x1b(B".join(S),
    "a second body.html": f"<html><body><p>word<body onload=\"p.innerHTML='{S}'\"><p id=p>",
    "a saved page.mhtml": "From: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\n"
    "Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\nContent-Location: http://x.invalid/\r\n\r\n"
    + base64.b64encode(f"<html><p>{S}".encode()).decode()
    + "\r\n--b--\r\n",
    "JSON with references.html": f'{{"a": "<pre>word",\n"b":\n"{REFERENCES}"\n}}',
    "an own element.html": f"word <x-a title='{REFERENCES}'>x</x-a>",
    "a style of the page.html": f"<html style='--x:\"{S}\"'><body><style>p::before{{content:var(--x)}}</style><p>word",
    "XHTML without ends.xhtml": XHTML.format("<script src='x'/><style/>", f"<title/><textarea/><p>{S}</p>"),
    "XHTML with CDATA.xhtml": XHTML.format("", f"<p><![CDATA[a > {S}]]></p>"),
    "XHTML with an entity.xhtml": f"<?xml version='1.0'?><!DOCTYPE html [<!ENTITY x '{S}'>]>"
    + XHTML.format("", "<p>&x;</p>"),
    "XHTML with a style.xhtml": f"<?xml-stylesheet href=\"data:text/css,p::before{{content:'{S}'}}\"?>"
    + XHTML.format("", "<p>word</p>"),
    "XHTML with references in a style.xhtml": XHTML.format(
        f"<style>p::before{{content:'{REFERENCES}'}}</style>", "<p>word</p>"
    ),
}  # fmt: skip
COMPUTES = "what a script computes is not known"
NOT_FOUND = {
    "a script that decodes": (COMPUTES, _script(f"p.innerHTML=atob('{base64.b64encode(S.encode()).decode()}')")),
    "a script that turns": (COMPUTES, _script(f"p.innerHTML='{S[::-1]}'.split('').reverse().join('')")),
    "a script that joins": (COMPUTES, _script(f"p.innerHTML={S.split()}.join(' ')")),
    "a script that reads comments": (
        "comments are not read: they say much that nobody sees",
        _script(f"/*{S}*/;p.innerHTML=document.scripts[0].text.slice(2,50)"),
    ),
    "letters that a style hides": (
        "which elements a style sheet hides is not known",
        "<style>.z{display:none}</style><p>" + _letters(lambda _, letter: f"{letter}<i class=z>q</i>"),
    ),
}


def _whole(markup: str) -> str:
    return AROUND.format("", ARTICLE.format(markup))


FOUND = {**{f"{name}.html": _whole(markup) for name, markup in INSIDE.items()}, **WHOLE}
KNOWN = {f"{name}.html": why for name, (why, _) in NOT_FOUND.items()}
TRICKS = {**FOUND, **{f"{name}.html": _whole(markup) for name, (_, markup) in NOT_FOUND.items()}}
