"""Valid uploads of every media type that is decoded, made by code."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from screening.content import Document, Picture
from screening.content.kinds import DOCX, EPUB, ODT
from tests.screening.decode.papers.made import docx, epub, odt, pdf, words

PARAGRAPHS = [
    "The old bridge over the river reopened on Monday after two years of repair work.",
    "Drivers had been sent on a long way round through the next village, and shopkeepers lost trade.",
    "The mayor thanked everybody for their patience and promised that the tunnel would not take as long.",
]
PAGE = f"""<!DOCTYPE html><html lang="en"><head><title>Bridge reopens</title>
<meta name="author" content="Jane Roe"><meta property="article:published_time" content="2024-03-05T10:00:00Z">
</head><body><nav><a href="/">Home</a> <a href="/news">All the news</a></nav><article><h1>Bridge reopens</h1>
{"".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)}</article>
<footer>All rights reserved</footer><script>var tracked = true;</script></body></html>"""

FORMATS = {
    "image/jpeg": {"format": "JPEG", "quality": 90},
    "image/png": {"format": "PNG"},
    "image/webp": {"format": "WEBP", "lossless": True},
    "image/gif": {"format": "GIF"},
    "image/tiff": {"format": "TIFF", "compression": "tiff_lzw"},
    "image/bmp": {"format": "BMP"},
    "image/avif": {"format": "AVIF", "quality": 90},
}

DRAWING = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 64"><title>A bridge</title>
<rect width="96" height="64" fill="#1e90ff"/><path d="M0 40h96v24z" fill="green"/>
<text x="9" y="20">Bridge Street</text></svg>"""

# Nothing that is installed writes HEIC, so these were written once, with x265: the `scene` below, and two of it (64 by
# 48 pixels, the other way up in the second), of which the second is the main one.
HEIC = base64.b85decode(
    b"0000SW^{RQXk}?*00000ZE0pPXk}?*ZE0a<00042ZDn*}000000000XXk=`10000000000aA{+700000000000000000000B57=IV*mgE07O6l0R"
    b"RC200001dH?|c0000000KM!001LtX>Mi!000000RR916=`l}WdZ;I000310BCk&F#rGn01j|zbZr0t000010002iX>f9I0002DX>en20001ZXm(>"
    b"m0RwOV0058x000009`FGC{rLC*01pFT0096PKmiN^|NjGU00093kN^M!000939=ZZRVE_RDD?$MQ18@KU0|1Z!00RI30{|YNFo6Y@>PacCZUPz%2"
    b"mk;B0LTCU0{{p>VgLaE2SfqEa<C#m0000JV{dG7ZewhC0096E00w{n000zeb8uw<00000003YB002M$000nhX?SS>000032nYxO000+haBX1#000"
    b"00000310R({p0|Wp70z_?OVRQfh0yroEuLStx|NhkyX8!k)|NRX8|K;2uPde}U8JVm(HHYm}Aog4o0GdI0H79k-#zENe`M>>F%1&?-"
    b"O3s?<zs@9c23bRQE|%W%)-vY2&xyiIj0zmeq>Gq=dKf`ldxzh+$D)Du7#bnn)Zd{>-K!uYDHZx)a<+Ex=7>dP=}S)iR<P~Gz+;4~WT#g%0-"
    b"w#7IrFt8MHMe-_~Bq>{zYVR?U%p%_WK~llh!7RoAv+`hUU~#YJAvu-wk(Dbemt?WiABOTP+m^Us-RjAoW=3;kuZrKGaW@id~J^hg2ezTK0qtF4Zw"
    b"<CanHkbtFm)ve5S)RL|Vr`_)q9JTrRkq}Ju&t>q_Fa4BrW7`jRSuQjFcJ3KQ}O3T^D=P09huc#kAET5GI^0K^TL-IN5nLb%FbfBcOTCDZ)ch%hC|"
    b"NG3;edD#H)b8PF@x3R=hyNqIGf+_Kjx=3~`Zx0ao6aNs*x+nG<=R$tur51fZJ50^ViI(`++9tdoms*auPdR`s@V=eyD&|tn0_|*aXs0sVbCSs1Le"
    b"NAtVq6*k_`U|=7&eQ+6-f4pWyDi4J>6pv5$w*y&3D&-E1^`2uv-~Y6I-CYdj#08#)xPbQNr-"
    b"!s<(d_M%=8z#5@p<#kZ>VLPe2B`Qo30G3kMS|<PruXI1cNtO0GMM9{GZ31^cvDUt+ix5WLaTPQ}+fRGeT12$2C8Ta4VHRTn4#RLD)8c;!94DD>zy"
    b"Vtd=k#ypU*G"
)
TWO_HEIC = base64.b85decode(
    b"0000SW^{RQXk}?*00000ZE0pPXk}?*ZE0a<00053ZDn*}000000000XXk=`10000000000aA{+700000000000000000000G-"
    b"+&aV*mgE07O6l0ssL300001&;S7d000000074T0ssI200Nf)0RR9100000u>b%7IB98aW&i*H00062000$fZf0cy000000RRAKc4ILB0000LX>Mj"
    b"^0ssI200IC2Xm(>U000004sdC7Z2$lO00062009MQaB^?}007--aAR)(004Gqc4I>U18@KU0FVFx0000U@BsY%`1k+-"
    b"4+CHT0RR|40Sp2E{{wIU00RJ!0009300RIXx&lC90096hLID8-"
    b"Z~y=U0FVFx0{{R603M(qfd!W8<fgf}2xu@M00096AOHXZ03l)k0RRR>0l{;?i2wiq6Ju{|a&BX6cmM$a4FCp!0000KX>)L8000000000$0000$00"
    b"00eV{Bn?0000$000010000m000010000000002|NsB+000020000GaA|mH000000|*ER0000WX>e^}0000000002009Mo0s{qv00ISp0s{qv0004"
    b"iZDe6|0002PC;_ht;MAj-x_e*#{-^)XAEEONA``~V_1E#W4-"
    b"7UC0Ieb~KvlQFw#wP5Ve#y_CT_m5W+We1%@`zN&{{!<NGa{mAJO&x>==eFb)c7r5kbCmnLGC_g*%D0bzGYPjt`y-#|&lql?VDer-rp3>CX9Z7>a*"
    b";auG^dd_UiLd4HyP2FUbv%|G4`vwP0}f)=&I8cb8fhnj1xDz4x;aZ_M*SQbr9zWLU@Xe}~wIc!%mx{z?sI6xy<&$+an+~R-"
    b"$006Bh0j~+*J`S4aS=GLT-tY(P7q6l7tNS1TMHTk31(ab#AQ4ENpH`Tiw>eFor+Ttq$TRwZE1vi#P0Vu=?$~!q18i0Ig3))9YY5Y^-"
    b"ajT^GQax1TT^I4=ggheXD~xohh18UWHGv{PR7o}t{(B*hsboQM66$n)jgwto3J<hANUFtZ`Jqn`%`{I4bQv6*nz)Xc7gDh`K1OR5BVLW-u-"
    b"^<D_;Pu31ZFu"
)


def encode(image: Image.Image, **options: object) -> bytes:
    """The file that Pillow writes for `image`."""
    stream = io.BytesIO()
    image.save(stream, **options)
    return stream.getvalue()


def scene(width: int = 96, height: int = 64) -> Image.Image:
    """A picture whose four corners and areas all differ."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 255, width)[None, :]
    pixels[..., 1] = np.linspace(0, 255, height)[:, None]
    pixels[: height // 3, : width // 4] = (250, 30, 30)
    return Image.fromarray(pixels)


def uploads() -> Mapping[str, bytes]:
    """One valid upload for each media type in the table of decoders."""
    text = "\n\n".join(PARAGRAPHS)
    return {
        "text/plain": text.encode(),
        "text/markdown": f"# Bridge reopens\n\n{text}\n\n- [more](https://example.org)\n".encode(),
        "text/html": PAGE.encode(),
        "application/json": json.dumps({"title": "Bridge", "text": text, "html": "<b>"}).encode(),
        **{media_type: encode(scene(), **options) for media_type, options in FORMATS.items()},
        "application/pdf": pdf([text.replace("\n\n", "\n"), "A second page."], picture=scene(24, 16)),
        DOCX: docx(words(*PARAGRAPHS), {"word/media/image1.png": encode(scene(24, 16), format="PNG")}),
        ODT: odt("".join(f"<text:p>{paragraph}</text:p>" for paragraph in PARAGRAPHS)),
        EPUB: epub({f"{i}.xhtml": f"<p>{paragraph}</p>" for i, paragraph in enumerate(PARAGRAPHS)}),
        "image/svg+xml": DRAWING.encode(),
        "image/heic": HEIC,
        "image/heif": HEIC.replace(b"ftypheic", b"ftypmif1"),
    }


def told(document: Document) -> object:
    """A document in values that can be compared."""
    parts = [
        (
            part.place,
            part.role,
            replace(part.content, pixels=None),
            part.content.pixels.shape,
            part.content.pixels.tobytes(),
        )
        if isinstance(part.content, Picture)
        else part
        for part in document.parts
    ]
    return replace(document, parts=tuple(parts))


@pytest.fixture(scope="session")
def valid() -> Mapping[str, bytes]:
    return uploads()


@pytest.fixture(scope="session")
def make() -> type:
    """The helpers above, for tests that build an upload of their own."""

    class Make:
        encode = staticmethod(encode)
        scene = staticmethod(scene)
        page = PAGE
        paragraphs = PARAGRAPHS
        formats = FORMATS
        two_heic = TWO_HEIC
        drawing = DRAWING

    return Make
