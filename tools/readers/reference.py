"""Reads files with other readers, in the environment of `requirements.lock`.

Reads lines of JSON `[type, path]` from standard input and answers each with a line `{"text": …}` or `{"error": …}`.
HTML has a second text, `page`: all visible text. Its `text` is the main text.
"""

from __future__ import annotations

import contextlib
import email
import email.policy
import io
import json
import logging
import re
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import chardet
import ebooklib
import ebooklib.epub
import lxml.etree
import lxml.html
import mammoth
import markdown_it
import odf.namespaces
import odf.opendocument
import openpyxl
import pptx
import pypdfium2
import readability

# No file needs more. The signal ends the process; the caller starts another one.
_SECONDS = 60
_BLOCKS = frozenset(
    "address article aside blockquote br caption dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 "
    "h4 h5 h6 header hr li main nav ol option p pre section summary table tbody td tfoot th thead tr ul".split()
)
_INVISIBLE = frozenset("head script style noscript template title iframe object svg".split())
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_FRONT_MATTER = re.compile(r"\A---\r?\n.*?\n---\r?\n", re.DOTALL)


def pdf(path: Path) -> str:
    with contextlib.closing(pypdfium2.PdfDocument(path)) as document:
        return "\n".join(page.get_textpage().get_text_range() for page in document)


def docx(path: Path) -> str:
    with path.open("rb") as file:
        return str(mammoth.extract_raw_text(file).value)


def open_document(path: Path) -> str:
    parts: list[str] = []
    _open_text(odf.opendocument.load(path).body, parts)
    return "".join(parts)


def _open_text(node: Any, parts: list[str]) -> None:
    if node.nodeType == node.TEXT_NODE:
        parts.append(node.data)
        return
    name = node.qname[1]
    if name in ("annotation", "tracked-changes"):
        return
    if name in ("s", "tab", "line-break"):
        parts.append(" ")
    for child in node.childNodes:
        _open_text(child, parts)
    if name in ("p", "h"):
        parts.append("\n")


def xlsx(path: Path) -> str:
    """Returns the texts and the plain whole numbers of the visible sheets. Other values depend on their format."""
    book = openpyxl.load_workbook(path, data_only=True)
    cells: list[str] = []
    for sheet in book.worksheets:
        if sheet.sheet_state != "visible":
            continue
        hidden = _hidden_columns(sheet)
        for row in sheet.iter_rows():
            for cell in row:
                if sheet.row_dimensions[cell.row].hidden or cell.column in hidden:
                    continue
                plain = isinstance(cell.value, int) and not isinstance(cell.value, bool)
                if isinstance(cell.value, str) or (plain and cell.number_format == "General"):
                    cells.append(str(cell.value))
    return "\n".join(cells)


def _hidden_columns(sheet: Any) -> set[int]:
    groups = (each for each in sheet.column_dimensions.values() if each.hidden)
    return {column for each in groups for column in range(each.min or 0, (each.max or 0) + 1)}


def slides(path: Path) -> str:
    parts: list[str] = []
    for slide in pptx.Presentation(path).slides:
        if slide._element.get("show") == "0":
            continue
        for shape in slide.shapes:
            parts.extend(_shape(shape))
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            parts.append(slide.notes_slide.notes_text_frame.text)
    return "\n".join(parts)


def _shape(shape: Any) -> Iterator[str]:
    if shape.has_text_frame:
        yield shape.text_frame.text
    if getattr(shape, "has_table", False) and shape.has_table:
        for row in shape.table.rows:
            yield from (cell.text for cell in row.cells)
    for inner in getattr(shape, "shapes", ()):
        yield from _shape(inner)


def epub(path: Path) -> str:
    book = ebooklib.epub.read_epub(path, {"ignore_ncx": True})
    chapters = (book.get_item_with_id(name) for name, _ in book.spine)
    return "\n".join(_page(chapter.get_content()) for chapter in chapters if chapter is not None)


def html(path: Path) -> dict[str, str]:
    content = path.read_bytes()
    main = _visible(lxml.html.fromstring(readability.Document(_decoded(content)).summary()))
    return {"text": main, "page": _page(content)}


def markdown(path: Path) -> str:
    parser = markdown_it.MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return _page(parser.render(_FRONT_MATTER.sub("", _decoded(path.read_bytes()))).encode())


def _page(content: bytes) -> str:
    """Returns what a page shows, as far as it is known without style sheets."""
    text = re.sub(r"\A\s*<\?xml[^>]*>", "", _decoded(content))
    return _visible(lxml.html.document_fromstring(text)) if text.strip() else ""


def _visible(root: Any) -> str:
    parts: list[str] = []

    def walk(element: Any) -> None:
        if isinstance(element.tag, str) and not _is_hidden(element):
            block = element.tag in _BLOCKS
            parts.append("\n" if block else "")
            parts.append(element.text or "")
            for child in element:
                walk(child)
            parts.append("\n" if block else "")
        parts.append(element.tail or "")

    walk(root)
    return "".join(parts)


def _is_hidden(element: Any) -> bool:
    style = element.get("style") or ""
    return element.tag in _INVISIBLE or element.get("hidden") is not None or bool(_HIDDEN.search(style))


def mail(path: Path) -> str:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    return "\n".join(_message(message))


def _message(message: EmailMessage) -> Iterator[str]:
    yield from (str(message[name]) for name in ("from", "to", "subject") if message[name])
    body = message.get_body(("plain", "html"))
    if body is not None:
        content = body.get_content()
        yield _page(content.encode()) if body.get_content_type() == "text/html" else content
    for part in message.iter_attachments():
        if part.get_content_type() == "message/rfc822":
            inner = part.get_content()
            yield from _message(inner)


def json_values(path: Path) -> str:
    return "\n".join(_values(_json(_decoded(path.read_bytes()))))


def json_lines(path: Path) -> str:
    lines = filter(None, _decoded(path.read_bytes()).split("\n"))
    return "\n".join(text for line in lines for text in _values(_json(line)))


def _json(text: str) -> Any:
    return json.loads(text, parse_float=lambda number: number.removesuffix(".0"), parse_int=str)


def _values(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _values(each)


def plain(path: Path) -> str:
    return _decoded(path.read_bytes())


def _decoded(content: bytes) -> str:
    """Returns the text of bytes: UTF-8, UTF-16 with a mark, what a page declares, or a guess."""
    declared = re.search(rb"<meta[^>]+charset=[\"']?([\w-]+)", content[:4096], re.IGNORECASE)
    names = ["utf-8-sig", "utf-16"] if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig"]
    names += [declared[1].decode()] if declared else []
    for name in names:
        with contextlib.suppress(UnicodeDecodeError, LookupError):
            return content.decode(name)
    return content.decode(chardet.detect(content)["encoding"] or "latin-1", "replace")


READERS: dict[str, Callable[[Path], str | dict[str, str]]] = {
    "pdf": pdf,
    "docx": docx,
    "odt": open_document,
    "xlsx": xlsx,
    "ods": open_document,
    "csv": plain,
    "tsv": plain,
    "pptx": slides,
    "epub": epub,
    "html": html,
    "markdown": markdown,
    "text": plain,
    "mail": mail,
    "json": json_values,
    "jsonl": json_lines,
}


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable()
    answers, sys.stdout = sys.stdout, io.StringIO()
    for line in sys.stdin:
        kind, path = json.loads(line)
        signal.alarm(_SECONDS)
        try:
            found = READERS[kind](Path(path))
            answer = found if isinstance(found, dict) else {"text": found}
        except Exception as error:  # noqa: BLE001 - the readers fail in any way; the caller counts the file
            answer = {"error": f"{type(error).__name__}: {error}"[:200]}
        signal.alarm(0)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
