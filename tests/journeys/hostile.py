"""Documents made to do harm, from nothing but this code.

Each has a reason that its owner should read, or none where any refusal, or its text, will do.
"""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

TEXT, MARKDOWN, HTML, PDF = "text/plain", "text/markdown", "text/html", "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_MOST = 4 * 1024 * 1024
_MEMORY = "too much memory"


@dataclass(frozen=True)
class Hostile:
    """A document and a part of the reason for which it is to be refused."""

    name: str
    content_type: str
    content: bytes
    reason: str | None = None


def corpus() -> list[Hostile]:
    """Every document, each at most 4 MiB."""
    made = [*_docx(), *_pdf(), *_markup(), *_disguised()]
    assert all(len(each.content) <= _MOST for each in made), [each.name for each in made if len(each.content) > _MOST]
    return made


def mutated(seed: int, count: int) -> list[Hostile]:
    """`count` damaged copies of a good PDF and a good DOCX; the same for the same seed."""
    chance = random.Random(seed)
    good = [(PDF, pdf(["Damaged but legible"] * 3)), (DOCX, docx(["Damaged but legible"] * 3))]
    made = []
    for number in range(count):
        content_type, content = good[number % len(good)]
        damaged = bytearray(content)
        for _ in range(chance.randint(1, 12)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        if chance.random() < 0.2:
            del damaged[chance.randrange(len(damaged)) :]
        made.append(Hostile(f"damaged-{seed}-{number}", content_type, bytes(damaged)))
    return made


# ── good ones ───────────────────────────────────────────────────────────────


def pdf(pages: Iterable[str], *, mapped: bool = False) -> bytes:
    """A PDF with one line on each page: in WinAnsi, or in a font that has a map to Unicode."""
    font = [b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"]
    if mapped:
        lines = b"".join(b"<%04x> <%04x>\n" % (code, code) for code in range(32, 127))
        cmap = (
            b"begincmap\n1 begincodespacerange <0000> <ffff> endcodespacerange\n"
            b"95 beginbfchar\n" + lines + b"endbfchar\nendcmap"
        )
        font = [
            b"<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /ToUnicode 4 0 R >>",
            stream(cmap),
        ]

    def operand(text: str) -> bytes:
        if mapped:
            return b"<" + b"".join(b"%04x" % ord(letter) for letter in text) + b">"
        return b"(" + text.encode("cp1252") + b")"

    contents = [b"BT /F1 12 Tf 72 720 Td " + operand(text) + b" Tj ET" for text in pages]
    return pdf_of(_pages([packed(content) for content in contents], font))


def docx(paragraphs: Iterable[str]) -> bytes:
    """A DOCX of paragraphs."""
    runs = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    return docx_of(_document(runs))


def docx_of(xml: bytes, *more: tuple[str, bytes]) -> bytes:
    """A DOCX with this as its text."""
    return archive(("[Content_Types].xml", b"<Types/>"), ("word/document.xml", xml), *more)


def archive(*files: tuple[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files:
            made.writestr(name, content)
    return held.getvalue()


def pdf_of(objects: list[bytes], trailer: bytes = b"") -> bytes:
    """A PDF of objects, numbered from 1; the first is the catalog."""
    held, places = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(held))
        held += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = len(held)
    held += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    held += b"".join(b"%010d 00000 n \n" % place for place in places)
    held += b"trailer\n<< /Size %d /Root 1 0 R %b >>\n" % (len(objects) + 1, trailer)
    return bytes(held + b"startxref\n%d\n%%%%EOF\n" % table)


def stream(content: bytes, about: bytes = b"") -> bytes:
    return b"<< %b /Length %d >>\nstream\n%b\nendstream" % (about, len(content), content)


def packed(content: bytes, times: int = 1) -> bytes:
    for _ in range(times):
        content = zlib.compress(content, 9)
    return stream(content, b"/Filter [" + b"/FlateDecode " * times + b"]")


def _pages(contents: list[bytes], font: list[bytes]) -> list[bytes]:
    first = 3 + len(font)
    kids = b" ".join(b"%d 0 R" % (first + 2 * number) for number in range(len(contents)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%b] /Count %d >>" % (kids, len(contents)),
        *font,
    ]
    for number, content in enumerate(contents):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>"
            % (first + 2 * number + 1)
        )
        objects.append(content)
    return objects


def _document(body: str) -> bytes:
    return f'<?xml version="1.0"?><w:document xmlns:w="w"><w:body>{body}</w:body></w:document>'.encode()


# ── DOCX ────────────────────────────────────────────────────────────────────


def _docx() -> list[Hostile]:
    text = "<w:p><w:r><w:t>{}</w:t></w:r></w:p>"
    bomb = docx_of(_document(text.format("a" * 200_000_000)))
    small = docx_of(_document(text.format("small")))
    laughs = "".join(f"<!ENTITY l{n} '{value}'>" for n, value in enumerate(["ha", *(f"&l{n};" * 10 for n in range(9))]))
    typed = f"<!DOCTYPE x [{laughs}]>".encode() + _document(text.format("&l9;"))
    outside = b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>' + _document(text.format("&f;"))
    deep = "<w:p>" * 100_000 + "</w:p>" * 100_000
    return [
        Hostile("docx bomb, a thousand to one", DOCX, bomb, "expands to more than"),
        Hostile("docx whose sizes are too small", DOCX, _declaring(bomb, 10), "broken"),
        Hostile("docx whose sizes are too large", DOCX, _declaring(small, 2**32 - 2), None),
        Hostile(
            "docx of many files", DOCX, archive(*((f"{n:05}", b"") for n in range(35_000))), "no word/document.xml"
        ),
        Hostile("docx in a docx", DOCX, archive(("a.docx", bomb)), "no word/document.xml"),
        Hostile("docx whose text is a zip", DOCX, docx_of(small), "broken"),
        Hostile("docx with a billion laughs", DOCX, docx_of(typed), "document type"),
        Hostile("docx that names a file", DOCX, docx_of(outside), "document type"),
        Hostile("docx with an entity of nobody's", DOCX, docx_of(_document(text.format("&f;"))), "entity"),
        Hostile("docx 100,000 deep", DOCX, docx_of(_document(deep)), "deep"),
        Hostile("docx of attributes", DOCX, docx_of(_document("<w:p " + 'a="b" ' * 1_000_000 + "/>")), "no text"),
        Hostile("docx of one name", DOCX, docx_of(_document("<" + "a" * 10_000_000 + "/>")), "no text"),
        Hostile("docx cut off", DOCX, small[: len(small) // 2], "broken"),
        Hostile("docx without files", DOCX, archive(), "no word/document.xml"),
        Hostile("docx that is UTF-16", DOCX, docx_of(_document(text.format("x")).decode().encode("utf-16")), "broken"),
    ]


def _declaring(content: bytes, size: int) -> bytes:
    """The same archive, whose directories say that everything is `size` bytes when unpacked."""
    changed = bytearray(content)
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = changed.find(mark)
        while at >= 0:
            struct.pack_into("<I", changed, at + place, size)
            at = changed.find(mark, at + 4)
    return bytes(changed)


# ── PDF ─────────────────────────────────────────────────────────────────────


def _pdf() -> list[Hostile]:
    good = pdf(["Still legible"] * 3)
    font = [b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"]
    show = b"BT /F1 12 Tf (x) Tj ET"

    def page(content: bytes) -> bytes:
        return pdf_of(_pages([content], font))

    def tree(pages: bytes, *more: bytes) -> bytes:
        return pdf_of([b"<< /Type /Catalog /Pages 2 0 R >>", pages, *more])

    circle = b"<< /Type /Pages /Parent %d 0 R /Kids [%d 0 R] /Count 1 >>"
    own = b"<< /Type /Page /Parent 3 0 R /Resources 3 0 R /Contents 3 0 R >>"
    locked = b"<< /Filter /Standard /V 1 /R 2 /O <%b> /U <%b> /P -4 >>" % (b"5a" * 32, b"5a" * 32)
    members = b" ".join(b"%d %d" % (n + 10, n * 2) for n in range(200_000))
    unpacked = stream(
        zlib.compress(members + b" " + b"1 " * 200_000, 9),
        b"/Type /ObjStm /N 200000 /First %d /Filter /FlateDecode" % (len(members) + 1),
    )
    return [
        Hostile("pdf with a bomb", PDF, page(packed(b" " * 300_000_000)), "expands to more than"),
        Hostile("pdf with a bomb in a bomb", PDF, page(packed(b" " * 300_000_000, 2)), "expands to more than"),
        Hostile("pdf of sixteen filters", PDF, page(packed(show, 16)), None),
        Hostile(
            "pdf of a thousand filters", PDF, page(stream(b"x", b"/Filter [" + b"/FlateDecode " * 1_000 + b"]")), None
        ),
        Hostile("pdf of one array", PDF, page(packed(b"BT [" + b"1 " * 15_000_000 + b"] TJ ET")), _MEMORY),
        Hostile("pdf of operators", PDF, page(packed(b"q " * 16_000_000)), None),
        Hostile("pdf with a broken table", PDF, good.replace(b"0000000", b"9999999"), None),
        Hostile("pdf whose table is nowhere", PDF, good.replace(b"startxref\n", b"startxref\n9"), None),
        Hostile("pdf whose tables go round", PDF, good.replace(b"/Root", b"/Prev %d /Root" % good.find(b"xref")), None),
        Hostile("pdf whose pages go round", PDF, tree(circle % (2, 2)), None),
        Hostile("pdf whose pages go round in two", PDF, tree(circle % (3, 3), circle % (2, 2)), None),
        Hostile("pdf whose parts are themselves", PDF, tree(b"<< /Type /Pages /Kids [3 0 R] >>", own), None),
        Hostile("pdf of references in a circle", PDF, tree(b"3 0 R", b"4 0 R", b"3 0 R"), None),
        Hostile("pdf of arrays 100,000 deep", PDF, tree(b"[" * 100_000 + b"]" * 100_000), None),
        Hostile("pdf of dictionaries 100,000 deep", PDF, tree(b"<</a" * 100_000 + b">>" * 100_000), None),
        Hostile("pdf of brackets 1,000,000 deep", PDF, page(packed(b"BT " + b"(" * 1_000_000)), None),
        Hostile("pdf with a length of nobody's", PDF, good.replace(b"/Length ", b"/Length 99999999"), None),
        Hostile("pdf with a negative length", PDF, good.replace(b"/Length ", b"/Length -"), None),
        Hostile("pdf of 200,000 objects in one", PDF, tree(b"<< >>", unpacked), None),
        Hostile("pdf of 60,000 empty objects", PDF, tree(*([b"<< >>"] * 60_000)), None),
        Hostile(
            "pdf of 20,000 pages",
            PDF,
            tree(b"<< /Type /Pages /Kids [%b] >>" % (b"3 0 R " * 20_000), *([b"<< /Type /Page >>"] * 20_000)),
            "pages",
        ),
        Hostile(
            "pdf that is encrypted",
            PDF,
            pdf_of([*_pages([packed(show)], font), locked], b"/Encrypt 6 0 R /ID [<00> <00>]"),
            "encrypted",
        ),
        Hostile("pdf without text", PDF, page(packed(b"0 0 100 100 re f")), "no text"),
        Hostile("pdf cut off", PDF, good[:200], None),
        Hostile("pdf of nothing but its name", PDF, b"%PDF-1.7\n", "cross-reference"),
    ]


# ── markup and text ─────────────────────────────────────────────────────────


def _markup() -> list[Hostile]:
    many = 100_000
    return [
        Hostile("html 100,000 deep", HTML, b"<div>" * many + b"x" + b"</div>" * many, "deep"),
        Hostile("html of tables in tables", HTML, b"<table><tr><td>" * many, None),
        Hostile("html with an attribute of 4 MB", HTML, b'<p title="' + b"a" * 4_000_000 + b'">x</p>', None),
        Hostile("html of attributes", HTML, b"<p " + b"".join(b"a%d=b " % n for n in range(300_000)) + b">x</p>", None),
        Hostile("html of entities", HTML, b"<p>" + b"&NotEqualTilde;" * 200_000, None),
        Hostile("html of comments", HTML, b"<!--" * 1_000_000, None),
        Hostile("html of formats that cross", HTML, b"<b><i></b></i>" * many, None),
        Hostile("markdown of quotes", MARKDOWN, b">" * many + b" x", None),
        Hostile("markdown of brackets", MARKDOWN, b"[" * many + b"x" + b"](y)" * many, None),
        Hostile("markdown of emphasis", MARKDOWN, b"*a _b " * many, None),
        Hostile("markdown of lists", MARKDOWN, b"".join(b" " * (2 * n) + b"- x\n" for n in range(1_500)), None),
        Hostile("markdown of backticks", MARKDOWN, b"".join(b"`" * n + b" " for n in range(2_000)), None),
        Hostile("markdown of references", MARKDOWN, b"[a]: b\n" * many + b"[a]" * many, None),
        Hostile("text without a space", TEXT, b"a" * _MOST, None),
        Hostile("text of line ends", TEXT, b"\n" * _MOST, None),
        Hostile("text of quotes", TEXT, b'"\\ ' * (_MOST // 3), "bytes of text"),
        Hostile("text of joined letters", TEXT, b"e" + "\u0301".encode() * 1_000_000, None),
        Hostile("text that is binary", TEXT, bytes(range(256)) * 16, "not UTF-8"),
        Hostile("text with a NUL", TEXT, b"a\0b", "not UTF-8"),
    ]


def _disguised() -> list[Hostile]:
    one, other = pdf(["A PDF"]), docx(["A DOCX"])
    empty = [Hostile(f"empty {kind}", kind, b"", "no text") for kind in (TEXT, MARKDOWN, HTML, PDF, DOCX)]
    return [
        *empty,
        Hostile("pdf as text", TEXT, one, "is a PDF"),
        Hostile("docx as pdf", PDF, other, "is a zip archive"),
        Hostile("pdf as docx", DOCX, one, "is a PDF"),
        Hostile("pdf and zip, as docx", DOCX, one + other, "is a PDF"),
        Hostile("zip and pdf, as pdf", PDF, other + one, "is a zip archive"),
        Hostile("pdf behind a page of html, as pdf", PDF, b"<html>" + one, "not a PDF"),
        Hostile("gif and html", HTML, b"GIF89a=1;/*<script>alert(1)</script>*/", "is a picture"),
        Hostile("rich text as text", TEXT, b"{\\rtf1 x}", "rich text"),
    ]
