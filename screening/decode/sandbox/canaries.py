"""Canaries: tiny uploads of our own, one or two for each media type, which a child decodes before any other.

If one fails, the installation is at fault, and never an upload. They also make the libraries import modules and open
data files that they need, which they could not do later, behind the walls.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Mapping

import numpy as np

from screening.content import Document, Text
from screening.content.kinds import DOCX, EPUB, HTML, JSON, MARKDOWN, ODT, PDF, PLAIN, SVG
from screening.decode.dispatch import DecoderFunction
from screening.decode.limits import Fields, Limits
from screening.decode.sniff import examine

WORDS = "The canary sings in its cage all day long, and nobody has ever asked it to stop."
COLOUR, NEAR = (200, 120, 40), 24  # the colour of all pixels, and how far a lossy format may be off
PICTURES: Mapping[str, bytes] = {
    "image/jpeg": (
        b"|JeWF01!$>Nk#wx0RR9200961|JwjV00RO70|EjA0|NsD0|NvF2n7WM1O*BQ2L=cX3JeSj3JVJj4iXRz4iOFu3lJ6%5fc;@6%`B*7Z?^47!ni}"
        b"6#v@*LjeN>1O)^I2?YfS6b%av6ciK`6ciK`6ciK`6ciK`6ciK`6ciK`6ciK`6ciK`6ciK`6ciK`6ciK`6ciK`6cqo!01*fP2mlBJ0U`hb5di}c"
        b"0sq7R9{>OW1pxs80RaI300000000010s{mE1_uZU3Jd?l0JRVR0s#X90t5pE1q1{D00Dgg0s{a95d{(<F+m0sQDFxnaTGFvk)a49Lb1UWQqk}v"
        b"Gh%Xr2?`b$7#SKRCMPH<Dl|1VH#j*uLqtVJM@UIZQ&d$}S6EqEV`OD!XJ~0^b98lfcX)YvgM@{Khlq)al9QB`mY0~BnxdnmrKYE-sj9NGw6(Uk"
        b"xVgH*!^FkL$H>Xb($mz{*4NnC+Tr5k<mKk)=;`Y5^7Hid_V@Vt`v1fL9{~UZ0RaI40RaI40RR91000010s{mE1_uZU3Jd?l0JRYS0s#U91Oo&I"
        b"1q1{D0Rndb0RjUN1O*{61`<J02Vrp&A~Jyp6he`qvB3!=Gg9ysVsg<679=#`CGi&+85$-hC@Cs6Ha9pqIzvQ7Mn_0VN>fx-R##YAT4Q8oW@l(="
        b"YIAgTc6WGrdV+(5g@%WSiHeewl$Dm3n3<ZQqok##r>Lo_va__cwzs&sy28W6#m2|T$;#5x)YaD4*xB0R<K*S$=jiF`^7Hid_V@Vt`v2Mh3<CiG"
        b"0ucid06zfJqKYf|$o=&H*#"
    ),
    "image/png": (b"iBL{Q4GJ0x0000DNk~Le00008000082m$~A084Et+yDRo6iGxuRCt_YJW-*+fDJHV6&<t^03Ig+cm@`O$^ZZW07*qoM6N<$f&"),
    "image/webp": (b"Qb|TeJ^%m!S4BclR!}$~G5`Po@Bsjw0V)Up2mk=U5+$Glbh-if00r~_0RF(w|Hn4?t^XCj{yDe)`T_4iJ?IDZ@Bj"),
    "image/gif": (  # of two frames
        b"M@dFFIbjF@2mpZq0LXYK6nO9e0000003rDV015yA04x9i000O82mk;G4*&rO97wRB!Gj1BDohv<03rDV0SW*C04x9i000O82mpZ;c<=xK00000000084*&rO97wRB!Gj1BDohv<06P"
    ),
    "image/tiff": (
        b"Nl7XIFaQ7mfHDsPh!heB1%yH2P-tW(8w-a-Vi7oeRwWjSMdMMJ<YGM=kHX*}3IG5B0{{U4000O8000320{{U4000O8000630{{a6006E400094"
        b"0{{U4000F5000I70{{U400062000pI1ONd5000O8000#M0{{U400093000&N0{{U4000O8000*O1ONd5001Ze000~T0{{U40003100000000O8"
        b"2mlBG"
    ),
    "image/bmp": (
        b"LQQ4>00000001@s001Ze000C4000C4000317ytkO001xm006`e006`e0000000000001a>$S8QoD0s*yc*rPt$S8QoD0s*yc*rPt$S8QoD0s*y"
        b"c*rPt$S8QoD0s*yc*p"
    ),
    "image/avif": (
        b"0000WW^{RQVRmU|00000VRmU|ZE0pPZE0a<O+hh20002%ZDn*}000000000XXk=`10000000000aA{+7000000000000000000004sdC7Z2$lO"
        b"000310016oY;R)#0000)000310RR910RR926951JCjbBdC~0YKW&i*H00031000_kZf0cy000000RRADb}%tRZ)|UJ00000YH4tCZ~y=ROKEUp"
        b"ZvX%Q6lrsCWdHyG000002mk;82mk;85O8UDX#fBK00RgJ2mk;83}JRLLxBJc000006Ju{|a&BX6cmM$a4FCp!0000NX>e^}0000000001009I6"
        b"0)qqq001v-WMOm?015~g2)}56hJ!*f84?Hg_Nf4Z2tGgn0FXbLzwTSW&Omx*I6e"
    ),
    "image/heic": (
        b"0000SW^{RQXk}?*00000ZE0pPXk}?*ZE0a<0004eZDn*}000000000XXk=`10000000000aA{+700000000000000000000B57=IV*mgE07O6l0RRC"
        b"200001pa1~?00000001-"
        b"q001LtX>Mi!000000RR916=`l}WdZ;I000310BCk&F#rGn01j|zbZr0t000010002|X>f9I0002oX>en20001WXm(>m0RwOV0058x000009`FGC{rL"
        b"C*01pFT0096PKmiN^|NjGU00093kN^M!000939=ZZRVE_RDDMA4O18@KU0|1Z!00RI30{|YNAb|yz>aLpR;31&EfB*mtfB*mk0EA)y0RRR>0l{;@i2"
        b"wiq6Ju{|a&BX6cmM$a4FCp!0000KX>)L8000000000$0000$0000eV{Bn?0000G000010000G00001|NsBc00002|NsBc000020000GaA|mH000000"
        b"|*ER0000OX>e^}0000000001009Mo0s{qv0000yZDe6|0000mC;_ht$XS@sIU`ql#`}H$`8qa-<aBLW{7%21>}5L2L!U&klg>N741kA&xL(U}"
    ),
}
PAGE = f"""<!DOCTYPE html><html lang="en"><head><title>Canary</title><meta name="author" content="Jane Roe">
<meta property="article:published_time" content="2024-03-05T10:00:00Z"></head><body><article><h1>Canary</h1>
{f"<p>{WORDS}</p>" * 4}<table><tr><th>a</th><td>b</td></tr></table></article></body></html>"""
# Of a font that a reader must bring itself; without the table at its end, which readers then make themselves.
PAPER = f"""%PDF-1.4
1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj
2 0 obj <</Type /Pages /Kids [3 0 R] /Count 1>> endobj
3 0 obj <</Type /Page /Parent 2 0 R /MediaBox [0 0 500 50] /Contents 4 0 R /Resources <</Font <</F 5 0 R>>>>>> endobj
4 0 obj <</Length {len(WORDS) + 33}>> stream
BT /F 12 Tf 10 20 Td ({WORDS}) Tj ET
endstream endobj
5 0 obj <</Type /Font /Subtype /Type1 /BaseFont /Helvetica>> endobj
trailer <</Root 1 0 R>>
%%EOF
"""


def packed(entries: Mapping[str, str | bytes]) -> bytes:
    """Return a zip archive of files by their names; `mimetype` is not compressed, as EPUB and OpenDocument want it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in entries.items():
            method = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return stream.getvalue()


LETTER = packed({"[Content_Types].xml": "<Types/>", "word/document.xml": f"<document><p><t>{WORDS}</t></p></document>"})
OPEN_LETTER = packed({"mimetype": ODT, "content.xml": f"<document-content><p>{WORDS}</p></document-content>"})
BOOK = packed({
    "mimetype": EPUB,
    "b.opf": "<package><manifest><item id='a' href='a.htm'/></manifest><spine><itemref idref='a'/></spine></package>",
    "a.htm": f"<html xmlns='http://www.w3.org/1999/xhtml'><body><p>{WORDS}</p></body></html>",
})  # fmt: skip
CANARIES: Mapping[str, tuple[bytes, ...]] = {
    PLAIN: (WORDS.encode(),),
    MARKDOWN: (f"---\ntitle: Canary\n---\n# Canary\n\n{WORDS}\n\n| a |\n|---|\n| b |\n".encode(),),
    # the second page is so short that trafilatura asks justext, which then reads its word lists
    HTML: (PAGE.encode(), f"<html><body><div>{WORDS}</div></body></html>".encode()),
    JSON: (json.dumps({"title": "Canary", "text": f"<p>{WORDS}</p>"}).encode(),),
    PDF: (PAPER.encode(),),
    DOCX: (LETTER,),
    ODT: (OPEN_LETTER,),
    EPUB: (BOOK,),
    SVG: (f"<svg xmlns='http://www.w3.org/2000/svg'><rect width='9' height='9' fill='rgb{COLOUR}'/></svg>".encode(),),
    **{media_type: (base64.b85decode(text),) for media_type, text in PICTURES.items()},
    "image/heif": (base64.b85decode(PICTURES["image/heic"]).replace(b"ftypheic", b"ftypmif1"),),
}


def failures(decoders: Mapping[str, DecoderFunction | Exception]) -> dict[str, str]:
    """Return what is wrong with each decoder that fails on its canaries, by media type; empty if none does.

    For a decoder that could not be imported, pass the exception that the import raised.
    """
    found = {media_type: _failure(media_type, decoder) for media_type, decoder in decoders.items()}
    return {media_type: what for media_type, what in found.items() if what}


def _failure(media_type: str, decoder: DecoderFunction | Exception) -> str:
    try:
        if isinstance(decoder, Exception):
            raise decoder
        for canary in CANARIES[media_type]:
            sniffed = examine(canary)
            if sniffed.media_type != media_type:
                return f"the test file is recognised as {sniffed.media_type}"
            if not _sings(decoder(sniffed, Limits(), Fields())):
                return "the test file is decoded to something else"
    except Exception as error:  # a half-installed library may raise anything; its message quotes no upload yet
        return f"{type(error).__name__}: {error}"
    return ""


def _sings(document: Document) -> bool:
    content = document.main
    if isinstance(content, Text):
        return WORDS in content.text
    return bool(np.abs(content.pixels.astype(int) - COLOUR).max() <= NEAR)
