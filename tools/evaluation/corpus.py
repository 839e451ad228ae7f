"""The documents and questions of the evaluation."""

from __future__ import annotations

import io
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

_FOLDER = Path(__file__).parent
_TYPES = {
    ".md": "text/markdown",
    ".txt": "text/plain",
    ".html": "text/html",
    ".csv": "text/csv",
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
_LINE = 90


@dataclass(frozen=True)
class Source:
    """One document, as its owner uploads it."""

    name: str
    title: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class Question:
    """A question, the document that answers it, and a text of the answering passage."""

    kind: str
    language: str
    document: str
    text: str
    passage: str


def questions() -> list[Question]:
    return [Question(**each) for each in _read()["questions"]]


def sources() -> list[Source]:
    return [_source(name, title) for name, title in _read()["documents"].items()]


def _read() -> dict:
    return tomllib.loads((_FOLDER / "questions.toml").read_text(encoding="utf-8"))


def _source(name: str, title: str) -> Source:
    content = (_FOLDER / "corpus" / name).read_bytes()
    suffixes = Path(name).suffixes
    kind = suffixes[0]
    if len(suffixes) == 2:
        content = {".pdf": _pdf, ".docx": _docx}[kind](content.decode())
    return Source(name, title, _TYPES[kind], content)


def _docx(text: str) -> bytes:
    """Returns a Word document: `#` marks headings, other lines are paragraphs."""

    def paragraph(line: str) -> str:
        level = len(line) - len(line.lstrip("#"))
        style = f'<w:pPr><w:pStyle w:val="Heading{level}"/></w:pPr>' if level else ""
        return f"<w:p>{style}<w:r><w:t>{escape(line.lstrip('# '))}</w:t></w:r></w:p>"

    namespace = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    body = "".join(paragraph(line) for line in text.splitlines() if line)
    relations = "http://schemas.openxmlformats.org/package/2006/relationships"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{relations}">'
        f'<Relationship Id="r1" Type="{office}" Target="word/document.xml"/></Relationships>',
        "word/document.xml": f'<w:document xmlns:w="{namespace}"><w:body>{body}</w:body></w:document>',
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, '<?xml version="1.0" encoding="UTF-8"?>' + part)
    return made.getvalue()


def _pdf(text: str) -> bytes:
    """Returns a PDF of one page in Helvetica: `#` marks headings, long lines are broken."""
    lines = [(line.lstrip("# "), 14 if line.startswith("#") else 10) for line in text.splitlines()]
    drawn, y = [], 800
    for line, size in lines:
        for piece in _broken(line):
            escaped = piece.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
            drawn.append(f"BT /F1 {size} Tf 60 {y} Td ({escaped}) Tj ET")
            y -= size + 4
    stream = "\n".join(drawn).encode("latin-1")
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 5 0 R/Resources<</Font<</F1 4 0 R>>>>>>",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
    ]
    made, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(made)
    made += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    made += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    made += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(made)


def _broken(line: str) -> list[str]:
    pieces, piece = [], ""
    for word in line.split():
        if piece and len(piece) + len(word) >= _LINE:
            pieces.append(piece)
            piece = ""
        piece = f"{piece} {word}".strip()
    return [*pieces, piece]
