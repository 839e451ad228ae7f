"""Large archives: DOCX and XLSX files whose parts expand to a given size."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Iterator

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_COLUMNS = "ABCDEFGHIJ"
_STRINGS = 20_000


def docx(size: int) -> bytes:
    """Returns a DOCX whose main part has about `size` bytes, with the marks that Word writes around its text."""
    rng, words = random.Random(1), _words()

    def paragraphs() -> Iterator[str]:
        length = 0
        while length < size:
            runs = "".join(
                f'<w:r w:rsidRPr="00A{rng.randrange(10**5):05}"><w:rPr><w:rFonts w:ascii="Arial" w:hAnsi="Arial"/>'
                f'<w:sz w:val="22"/></w:rPr><w:t xml:space="preserve">{" ".join(rng.choices(words, k=25))}. </w:t></w:r>'
                for _ in range(3)
            )
            made = f'<w:p w:rsidR="00B{rng.randrange(10**5):05}"><w:pPr><w:jc w:val="both"/></w:pPr>{runs}</w:p>'
            length += len(made)
            yield made

    body = f'<w:document xmlns:w="w"><w:body>{"".join(paragraphs())}</w:body></w:document>'
    return _archive({"word/document.xml": body})


def xlsx(size: int, sheets: int = 1) -> bytes:
    """Returns an XLSX whose sheets have about `size` bytes together: two texts and eight numbers per row."""
    rng, words = random.Random(1), _words()
    strings = "".join(f"<si><t>{' '.join(rng.choices(words, k=3))}</t></si>" for _ in range(_STRINGS))
    entries = "".join(f'<sheet name="Sheet {n}" sheetId="{n}" r:id="r{n}"/>' for n in range(1, sheets + 1))
    types = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relations = f'<Relationship Id="s" Type="{types}/sharedStrings" Target="sharedStrings.xml"/>' + "".join(
        f'<Relationship Id="r{n}" Type="{types}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, sheets + 1)
    )

    def rows() -> Iterator[str]:
        length, number = 0, 0
        while length < size // sheets:
            number += 1
            texts = "".join(f'<c r="{c}{number}" t="s"><v>{rng.randrange(_STRINGS)}</v></c>' for c in _COLUMNS[:2])
            numbers = "".join(f'<c r="{c}{number}" s="1"><v>{rng.randrange(10**6) / 100}</v></c>' for c in _COLUMNS[2:])
            made = f'<row r="{number}">{texts}{numbers}</row>'
            length += len(made)
            yield made

    parts = {
        "xl/workbook.xml": f"<workbook><sheets>{entries}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f"<Relationships>{relations}</Relationships>",
        "xl/sharedStrings.xml": f"<sst>{strings}</sst>",
    }
    for n in range(1, sheets + 1):
        parts[f"xl/worksheets/sheet{n}.xml"] = f"<worksheet><sheetData>{''.join(rows())}</sheetData></worksheet>"
    return _archive(parts)


def _words() -> list[str]:
    rng = random.Random(2)
    return ["".join(rng.choices("etaoinshrdlucmfw", k=rng.randint(2, 9))) for _ in range(5_000)]


def _archive(parts: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
        for name, content in parts.items():
            made.writestr(name, content)
    return buffer.getvalue()
