"""One upload of each kind of document that has parts, with something in each to be found, or to be missed."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from screening.settings import SHIPPED_POLICY
from tests.screening import hiding
from tests.screening.checks.conftest import photograph
from tests.screening.decode.conftest import DRAWING, HEIC, encode, scene
from tests.screening.decode.papers.made import docx, epub, odt, pdf, words

KNOWN = Path(SHIPPED_POLICY).parents[1] / "samples" / "uploads" / "known" / "blocked-original.jpg"  # on a bank
LOCK = f"/Encrypt <</Filter /Standard /V 1 /R 2 /O ({'o' * 32}) /U ({'u' * 32}) /P -4>> /ID [(a) (a)]"
DISGUISED = "C\u043engr\u0430tul\u0430ti\u043ens, y\u043eu have w\u043en a fr\u0435\u0435 pr\u0456ze, w\u0456nner"
ZIPPED = "page.html"  # the one that the tests store with the Content-Encoding gzip where there is such a thing


def formats() -> Mapping[str, bytes]:
    """Return the uploads by their names."""
    known = KNOWN.read_bytes()
    uri = f"data:image/jpeg;base64,{base64.b64encode(known).decode()}"
    spam = "CONGRATULATIONS, you win a FREE prize of $5000 cash: call now to claim it, guaranteed."
    hidden = f"<p hidden>{hiding.SENTENCE}</p><script>say('these words wait here for a script')</script>"
    foot = f"<footer>{spam}</footer>{hidden}"
    other = Image.fromarray(photograph(1))
    moving = {
        "save_all": True,
        "append_images": [Image.fromarray(photograph(seed)) for seed in (2, 3)],
        "duration": 900,
    }
    lines = [hiding.article(), hiding.article(note=spam), {"title": "Prize", "text": spam}]
    return {
        "two pages.pdf": pdf([hiding.WORDS.replace(". ", ".\n"), spam], picture=scene(24, 16), info="/Title (Bridge)"),
        "locked.pdf": pdf(["Nobody can read this."], trailer=LOCK),
        "letter.docx": docx(words(hiding.WORDS, spam), {"word/media/image1.jpg": known}),
        "letter.odt": odt(f"<text:p>{hiding.WORDS}</text:p><text:p>{spam}</text:p>", {"Pictures/a.jpg": known}),
        "book.epub": epub({"1.xhtml": f"<p>{hiding.WORDS}</p>", "2.xhtml": f"<p>{spam}</p>"}, {"OPS/a.jpg": known}),
        "bridge.svg": DRAWING.encode(),
        "phone.heic": HEIC,
        "moving.gif": encode(other, format="GIF", **moving),
        ZIPPED: hiding.page(f"<img src='{uri}' alt='{spam}'>{foot}").encode(),
        "refresh.html": hiding.page(head="<meta http-equiv=refresh content='0; url=https://a.example'>").encode(),
        "post.md": f"---\nsummary: {spam}\n---\n\n# {hiding.NAMED}\n\n{hiding.WORDS}\n\n![]({uri})\n".encode(),
        "lines.ndjson": "".join(f"{json.dumps(line)}\n" for line in lines).encode(),
        "called text.txt": encode(other, format="PNG"),
        "two in one.jpg": encode(other, format="JPEG") + hiding.page(foot).encode(),
        "disguised.txt": f"{DISGUISED}\n{hiding.WORDS}".encode(),
    }


def write_formats(folder: Path) -> None:
    """Write them into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in formats().items():
        (folder / name).write_bytes(data)
