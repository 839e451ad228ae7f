"""The types of documents that are measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A type of document."""

    # The name in `sources.toml` and of the folder of the files.
    key: str
    name: str
    content_type: str
    # The reader that gives the words to find.
    reference: str
    # The file of shared/documents/tests that tests this type.
    tests: str


_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"

KINDS = (
    Kind("pdf", "PDF", "application/pdf", "pypdfium2", "pdf"),
    Kind("docx", "DOCX", f"{_OFFICE}.wordprocessingml.document", "mammoth", "docx"),
    Kind("odt", "ODT", f"{_OPEN}.text", "odfpy", "slides"),
    Kind("xlsx", "XLSX", f"{_OFFICE}.spreadsheetml.sheet", "openpyxl", "sheets"),
    Kind("ods", "ODS", f"{_OPEN}.spreadsheet", "odfpy", "sheets"),
    Kind("csv", "CSV", "text/csv", "the file's own text", "sheets"),
    Kind("tsv", "TSV", "text/tab-separated-values", "the file's own text", "sheets"),
    Kind("pptx", "PPTX", f"{_OFFICE}.presentationml.presentation", "python-pptx", "slides"),
    Kind("epub", "EPUB", "application/epub+zip", "ebooklib and lxml", "slides"),
    Kind("html", "HTML", "text/html", "readability-lxml", "html"),
    Kind("markdown", "Markdown", "text/markdown", "markdown-it-py and lxml", "text"),
    Kind("text", "plain text", "text/plain", "the file's own text", "text"),
    Kind("mail", "e-mail", "message/rfc822", "Python's email and lxml", "mail"),
    Kind("json", "JSON", "application/json", "Python's json", "sheets"),
    Kind("jsonl", "JSON lines", "application/x-ndjson", "Python's json", "sheets"),
)
