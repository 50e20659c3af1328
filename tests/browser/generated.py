"""Pages that show a sentence in every way that HTML has, each inside an ordinary article."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html import escape

S = "seven amber foxes jump over the lazy brown hounds"
ARTICLE = """<h1>Library reopens</h1>
<p>The town library reopens on Saturday after eight months of repairs. The reading room has new lamps, and the old card
catalogue is now on display in the hall. Volunteers put twelve thousand books back on their shelves last week.</p>
{}
<p>Opening hours stay as they were. On the first weekend there will be guided tours every hour, a puppet show on Sunday
afternoon, and a table where visitors can swap garden seeds.</p>"""
AROUND = "<!DOCTYPE html><html lang=en><head><meta charset=utf-8><title>Library</title>{}</head><body>{}</body></html>"
# All elements of the HTML standard that can hold text, also the obsolete ones, and some that no standard knows.
NAMES = """
a abbr acronym address applet area article aside audio b base basefont bdi bdo bgsound big blink blockquote body button
canvas caption center cite code col colgroup data datalist dd del details dfn dialog dir div dl dt em embed fieldset
figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe image img input
ins isindex kbd keygen label legend li link listing main map mark marquee math menu menuitem meter multicol nav nextid
nobr noembed noframes noscript object ol optgroup option output p param picture plaintext portal pre progress q rb rp rt
rtc ruby s samp search section select selectedcontent slot small source spacer span strike strong sub summary sup svg
table tbody td template textarea tfoot th thead time title tr track tt u ul var video wbr x-own xmp
"""
ELEMENTS = NAMES.split()
OPEN = {"dialog": " open", "details": " open", "iframe": f' srcdoc="<p>{S}</p>"', "template": " shadowrootmode=open"}


def _data(markup: str, kind: str = "text/html") -> str:
    return f"data:{kind};base64," + base64.b64encode(markup.encode()).decode()


def _around(pieces: str, tags: str) -> str:
    """Each word of the sentence in an element of its own."""
    return pieces.join(f"<{tag}>{word}</{tag}>" for tag, word in zip(tags.split() * 9, S.split(), strict=False))


INSIDE = {
    "attributes without quotes": "<input value=seven&#32;amber&#32;foxes&#32;jump&#32;over><p title=x class=y>" + S,
    "an attribute twice": f'<input value="{S}" value="other">',
    "an attribute in capitals": f'<INPUT VALUE="{S}">',
    "an attribute after a slash": f'<input/value="{S}"/>',
    "a placeholder": f'<input placeholder="{S}">',
    "an area of text": f"<textarea placeholder='{S}'></textarea><textarea>\n{S[::-1]}</textarea>",
    "buttons": "".join(f"<input type={kind} value='{kind} {S}'>" for kind in ("button", "submit", "reset")),
    "a list of choices": f"<select><optgroup label='one {S}'><option label='two {S}'>x<option>three {S}</select>",
    "a select with a button": f"<select><button><selectedcontent></selectedcontent></button><option>{S}</select>",
    "suggestions": f"<input list=l><datalist id=l><option value='{S}'></datalist>",
    "a picture that is missing": f'<img src=missing.png alt="{S}">',
    "a picture without a source": f'<img alt="{S}">',
    "a button of a picture": f'<input type=image src=missing.png alt="{S}">',
    "a tooltip": f'<p title="{S}">word</p>',
    "a tooltip of a drawing": f"<svg><g><title>{S}</title><rect width=9 height=9 /></g></svg>",
    "a table": f"<table><caption>{S}</caption><tr>" + "".join(f"<td>{word}</td>" for word in S.split()),
    "a table's misplaced text": f"<table>{S} <tr>one two three four five <td>x</td></tr><b>six seven eight</b></table>",
    "a table within a table": f"<table><tr><td><table><tr><td>{S}</table></table>",
    "cells that are not closed": "<table><tr>" + "".join(f"<td>{word}<td>" for word in S.split()),
    "lists": f"<ul><li>{S}<ol><li>one {S}</ol></ul><dl><dt>two {S}<dd>three {S}</dl><menu><li>four {S}</menu>",
    "details": f"<details><summary>{S}</summary>one {S}</details>",
    "details that are open": f"<details open>one {S}<summary>{S}</summary></details>",
    "a dialog": f"<dialog open>{S}<form method=dialog><button>one {S}</button></form></dialog>",
    "a popover": f"<div popover id=p>{S}</div><script>p.showPopover()</script>",
    "a field": f"<form><fieldset><legend>{S}</legend><label>one {S}<input></label><output>two {S}</output></form>",
    "ruby": "<ruby>" + "".join(f"{word}<rp>(</rp><rt>x</rt><rp>)</rp> " for word in S.split()) + "</ruby>",
    "another direction": f"<bdo dir=rtl>{S}</bdo> <bdi>one {S}</bdi>",
    "lines": "<pre>\n" + S.replace(" ", "\n") + f"\n\n\n  one {S}\n</pre>",
    "breaks": f"<p>{S}<br>one {S}<br/><br>two {S}<wbr>&shy;three {S}</p>",
    "entities": "<p>" + "".join(f"&#{ord(letter)};" for letter in S) + "</p>",
    "entities in hexadecimal": "<p>" + "".join(f"&#X{ord(letter):X}" + ";" for letter in S) + "</p>",
    "entities without an end": "<p>&#115 even &amp amber &copy foxes &#106ump &notit; over &lt;b&gt; &hellip; lazy "
    "&#0; &#128; hounds",
    "entities by name": "<p>&Sopf;even am&bull;ber &NewLine;&Tab; fo&zwnj;xes &fjlig; &NotEqualTilde; "
    "&CounterClockwiseContourIntegral; jump",
    "entities in a value": "<input value='seven &amp; amber &#102;oxes &quot;jump&quot; over'>",
    "frames in frames": f"<iframe srcdoc=\"<p>one {S}<iframe srcdoc='<p>two {S}'></iframe>\"></iframe>",
    "a frame of data": f"<iframe src='{_data('<p>' + S)}'></iframe>",
    "a frame of short data": "<iframe src='data:text/html,seven amber'></iframe>",
    "a frame of data with blanks": f"<iframe src='data:text/html,<p>{S} and others</p>'></iframe>",
    "a frame of plain data": f"<iframe src='data:text/plain,{S}'></iframe>",
    "a frame of data with percents": "<iframe src='data:text/html," + "".join(f"%{ord(x):02x}" for x in S) + "'>"
    "</iframe>",
    "a frame by a script": f"<iframe src='javascript:\"<p>{S}\"'></iframe>",
    "an object": f"<object data='{_data('<p>' + S)}'></object>",
    "an object that fails": f"<object data=missing.bin>{S}</object>",
    "something embedded": f"<embed src='{_data('<p>' + S)}'>",
    "a drawing": f"<svg><text y=20>{S}</text><text y=40><tspan>one {S}</tspan></text></svg>",
    "HTML in a drawing": f"<svg><foreignObject width=400 height=90><p>{S}</p></foreignObject></svg>",
    "a drawing in a picture": f"<img "
    f"src='{_data(f'<svg xmlns=http://www.w3.org/2000/svg><text>{S}</text></svg>', 'image/svg+xml')}'>",
    "a formula": f"<math><mtext>{S}</mtext><mi>x</mi><annotation-xml encoding='text/html'><p>one "
    f"{S}</annotation-xml></math>",
    "a style": f"<style>.x::before{{content:'{S}'}}</style><p class=x>word",
    "a style with escapes": "<style>.x::before{content:'\\73 even \\000061mber foxes jump over'}</style><p class=x>"
    "word",
    "a style with pieces": "<style>.x::before{content:'seven amber ' 'foxes jump ' \"over\"}</style><p class=x>word",
    "a style with an attribute": f"<style>.x::before{{content:attr(data-x)}}</style><p class=x data-x='{S}'>word",
    "a style with a variable": f"<style>:root{{--x:'{S}'}}.x::after{{content:var(--x)}}</style><p class=x>word",
    "a style with a comment": f"<style>.x::before{{content:/* */'{S}'}}</style><p class=x>word",
    "a style of quotes": f"<style>q{{quotes:'{S}' 'one {S}'}}</style><q>word</q>",
    "a style of a list": f"<style>li{{list-style-type:'{S}'}}</style><ul><li>word</ul>",
    "a style of counters": "<style>@counter-style "
    "x{system:cyclic;symbols:'seven amber foxes jump over'}ol{list-style:x}</style><ol><li>word</ol>",
    "a style of data": f"<link rel=stylesheet href=\"{_data('.x::before{content:' + repr(S) + '}', 'text/css')}\">"
    "<p class=x>word",
    "a shadow root": f"<x-a><template shadowrootmode=open><p>{S}</p></template></x-a>",
    "a closed shadow root": f"<x-a><template shadowrootmode=closed><p>{S}</p><slot></slot></template>one {S}</x-a>",
    "a shadow root by a script": f"<x-a id=h></x-a><script>h.attachShadow({{mode:'closed'}}).innerHTML='<p>{S}</p>"
    "'</script>",
    "misnested tags": f"<b><p>seven <i>amber</b> foxes</i> jump <a>over <a>the lazy</a> brown</p> hounds <b><div>"
    f"{S}</b></div>",
    "unclosed tags": f"<p>{S}<div><span><b>one {S}<p>two {S}",
    "closing tags of nothing": f"</p></br></div></x>{S}</body>one {S}</html>two {S}",
    "a second body": f"<body class=x>{S}<head>one {S}</head><html>two {S}",
    "old elements": f"<xmp><b>{S}</b></xmp><listing>one {S}</listing><center>two {S}</center>",
    "plain text to the end": f"<plaintext>{S}</plaintext><p>one {S}",
    "odd comments": f"<!-->{S}<!--->one {S}<!-- x --!>two {S}<!-x>three {S}<!>four {S}<!-- -- > <!-- -->five {S}",
    "odd declarations": f"<?php {S} ?>one {S} <![if x]>two {S}<![endif]> <!ELEMENT x>three {S}</ >four {S}</3>five {S}",
    "CDATA": f"<![CDATA[x>{S}]]> <svg><text y=20><![CDATA[one {S}]]></text></svg>",
    "signs that open nothing": f"<p>a < b <3 {S} <> << one {S} <1>two {S} < p>three {S}",
    "what is hidden until found": f"<div hidden=until-found>{S}</div>",
    "what is hidden and shown again": f"<style>[hidden]{{display:block}}</style><div hidden>{S}</div>",
    "something hidden in a sentence": "<p>seven amber <i style='display:none'>not</i> foxes ju<b hidden>no</b>mp "
    "over the lazy",
    "places in a sentence": f"<p>{_around(' ', 'i button b output em label')}</p>",
    "a written page": f"<script>document.write('<p>{S}</p>')</script>",
    "a written text": f"<p id=p></p><script>document.getElementById('p').textContent = \"{S}\"</script>",
    "a written template": f"<p id=p></p><script>const a = ''; p.innerHTML = `<b>one</b> {S} ${{a}}`</script>",
    "a written escape": "<p id=p></p><script>p.innerHTML = 'seven amb\\u0065r \\x66oxes j\\u{75}mp over \\\nthe "
    "lazy'</script>",
    "a written sum": "<p id=p></p><script>p.innerHTML = 'seven amber foxes jump over' + ' the lazy brown hounds by "
    "night'</script>",
    "a written file": f"<script type=application/json id=d>{{\"a\": {{\"b\": \"{S}\"}}}}</script><p id=p></p>"
    "<script>p.innerHTML = JSON.parse(d.textContent).a.b</script>",
    "a handler": f"<p id=p></p><img src=x onerror=\"p.innerHTML='{S}'\">",
    "a message": f"<script>alert('{S}')</script>",
    "a title by a script": f"<script>document.title = '{S}'</script>",
    "a script in a drawing": f"<p id=p></p><svg><script>p.innerHTML='{S}'</script></svg>",
    "a script of data": f"<p id=p></p><script src=\"{_data('p.innerHTML=' + repr(S), 'text/javascript')}\"></script>",
    "a module": f"<p id=p></p><script type=module>p.innerHTML='{S}'</script>",
    "a template that is cloned": f"<template id=t><p>{S}</p></template><script>"
    "document.body.append(t.content.cloneNode(true))</script>",
    "no scripts": f"<noscript>{S}</noscript>",
    "moving text": f"<marquee>{S}</marquee>",
    "capitals by a style": f"<p style='text-transform:uppercase'>{S}",
    "data that is shown": f"<p>data:text/javascript,{S.replace(' ', '/')}/and/others/and/others/and",
    "data in a sentence": f"<p>{S} data:image/png;base64,iVBORw0KGgo{'x/seven/amber/foxes/jump/over/' * 4} one {S}",
    "nothing but capitals": f"<P><B>{S}</B></P>",
    "quotes": f"<p><q>{S}</q> <cite>one {S}</cite>",
    "an image element": f"<image alt='{S}'>",
    "an index": f"<isindex prompt='{S}'>",
    "a form feed": f"<p\x0cclass=x>{S}</p\x0c>",
    "a null character in a tag": f"<p class='\0'>{S}</p>",
}  # fmt: skip
WHOLE = {
    "frames beside each other": f"<html><frameset cols=50%,50%><frame src='{_data('<p>' + S)}'><noframes>one "
    f"{S}</noframes></frameset>",
    "a page without tags of its own": f"<title>one {S}</title><p>{S}",
    "a title with tags": f"<html><head><title>seven <b>amber</b> foxes &amp; jump over</title></head><body><p>{S}",
    "two titles": f"<html><head><title>{S}</title><title>one {S}</title></head><body>x<title>two {S}</title>",
    "a title in the body": f"<html><body><p>word</p><title>{S}</title>",
    "text after the head": f"<html><head></head>{S}<body>one {S}</body></html>",
    "text in the head": f"<html><head><meta charset=utf-8>{S}<link><p>one {S}</head><body>two {S}",
    "text before the page": f"<!-- x -->{S} <html><head><title>x</title></head><body><p>one {S}</body></html>",
    "a page in a page": f"<html><body><p>{S}<html><body><p>one {S}</body></html></body></html>",
    "a page of quirks": f"<p>{S}<table><tr><td>one {S}",
    "XHTML": "<?xml version='1.0' encoding='utf-8'?><!DOCTYPE html><html xmlns='http://www.w3.org/1999/xhtml'><head>"
    f"<title>x</title></head><body><p>{S}<br/><![CDATA[one {S}]]></p><div/><p>two {S}</p></body></html>",
    "a style of the root": f"<html><head><style>html::before{{content:'{S}'}}</style></head><body>word",
    "an end of lines": f"<html>\r\n<body>\r<p>{S}\r\none {S.replace(' ', chr(13))}</p>",
}  # fmt: skip


def pages() -> Iterator[tuple[str, str]]:
    """Yield each page with its name."""
    for tag in ELEMENTS:
        yield f"element {tag}", AROUND.format("", ARTICLE.format(f"<{tag}{OPEN.get(tag, '')}>{S}</{tag}>"))
    for name, markup in INSIDE.items():
        yield name, AROUND.format("", ARTICLE.format(markup))
    yield from WHOLE.items()
    yield "all elements in a row", AROUND.format("", "".join(f"<{tag}>{S} {tag}" for tag in ELEMENTS[:60]))
    yield (
        "a frame of a frame",
        AROUND.format("", f'<iframe srcdoc="{escape(AROUND.format("", ARTICLE.format(S)))}">'),
    )
