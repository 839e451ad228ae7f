//! PDFs: extracted text and errors.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod samples;

use bulkhead_documents::{DocumentError, Format, MAX_EXPANDED, MAX_PAGES, passages};
use samples::{packed, page, pdf, pdf_in, pdf_of, pdf_with, stream, zlib};

fn read(bytes: &[u8]) -> Result<String, DocumentError> {
    passages(bytes, Format::Pdf).map(|passages| passages.join("\n\n"))
}

fn shown(content: &str) -> String {
    read(&pdf_with(&[content.as_bytes().to_vec()])).expect("a PDF")
}

#[test]
fn reads_pages_and_lines_in_order() {
    let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    let bytes = pdf(&[lines(&["Opening hours", "Nine to five."]), lines(&["Refunds"])]);
    assert_eq!(read(&bytes).expect("a PDF"), "Opening hours\nNine to five.\n\nRefunds");
}

#[test]
fn positions_separate_words_and_lines() {
    assert_eq!(shown("BT /F1 9 Tf [(Har) 20 (bour) -300 (lamp)] TJ ET"), "Harbour lamp");
    assert_eq!(shown("BT /F1 9 Tf (one) Tj 0 -12 Td (two) Tj 30 0 Td (three) Tj ET"), "one\ntwo three");
    assert_eq!(shown("BT /F1 9 Tf (one) Tj (two) ' 1 2 (three) \" ET"), "one\ntwo\nthree");
    // One text block per word, as many programs write.
    let word = |x, y, word| format!("BT /F1 9 Tf 1 0 0 1 {x} {y} Tm ({word}) Tj ET ");
    assert_eq!(shown(&[word(10, 700, "a"), word(40, 700, "b"), word(10, 680, "c")].concat()), "a b\nc");
}

#[test]
fn font_maps_non_ascii_characters() {
    assert_eq!(shown("BT /F1 9 Tf (caf\\351 \\226 \\200 5) Tj ET"), "café – € 5");
    let map = b"/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n\
        /CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n\
        1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n\
        2 beginbfchar\n<0001> <0428>\n<0002> <4f60>\nendbfchar\n\
        endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n";
    let font = b"<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /ToUnicode 4 0 R >>";
    let content = b"BT /F1 9 Tf <00010002> Tj ET".to_vec();
    assert_eq!(read(&pdf_in(&[content], &[font.to_vec(), packed("", map)])).expect("a PDF"), "Ш你");
}

#[test]
fn reports_pdf_without_text() {
    let picture = b"q 595 0 0 842 0 0 cm /Im1 Do Q".to_vec();
    assert_eq!(read(&pdf_with(&[picture])), Err(DocumentError::NoTextInPdf));
    let mute = b"<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H >>".to_vec();
    let content = b"BT /F1 9 Tf <00010002> Tj ET".to_vec();
    assert_eq!(read(&pdf_in(&[content], &[mute])), Err(DocumentError::NoTextInPdf));
}

#[test]
fn rejects_invalid_pdf_with_reason() {
    assert_eq!(read(b"hello"), Err(DocumentError::NotPdf));
    assert_eq!(read(b"%PDF-1.7\nand nothing more"), Err(DocumentError::PdfTable));
    let catalog = b"<< /Type /Catalog /Pages 2 0 R >>".to_vec();
    let no_pages = b"<< /Type /Pages /Kids [] /Count 0 >>".to_vec();
    assert_eq!(read(&pdf_of(&[catalog.clone(), no_pages], "")), Err(DocumentError::NoPages));
    let circle = b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 >>".to_vec();
    assert_eq!(read(&pdf_of(&[catalog, circle], "")), Err(DocumentError::NoPages));
}

#[test]
fn rejects_pdf_that_needs_password() {
    let encrypt = format!("<< /Filter /Standard /V 1 /R 2 /O <{0}> /U <{0}> /P -4 >>", "5a".repeat(32));
    let objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        b"<< /Type /Page /Parent 2 0 R >>".to_vec(),
        encrypt.into_bytes(),
    ];
    let id = "/ID [<00112233445566778899aabbccddeeff> <00112233445566778899aabbccddeeff>]";
    let bytes = pdf_of(&objects, &format!("/Encrypt 4 0 R {id}"));
    assert_eq!(read(&bytes), Err(DocumentError::EncryptedPdf));
}

#[test]
fn rebuilds_damaged_cross_reference_table() {
    let mut bytes = pdf(&[vec!["Still here".to_owned()]]);
    let table = bytes.windows(5).rposition(|at| at == b"xref\n").expect("startxref");
    bytes.truncate(table - 5);
    let mut at = bytes.windows(5).position(|at| at == b"xref\n").expect("a table");
    at += bytes[at..].windows(2).position(|at| at == b"n ").unwrap_or(0);
    bytes.truncate(at);
    bytes.extend(b"trailer << /Root 1 0 R /Size 6 >>");
    assert_eq!(read(&bytes).expect("mended"), "Still here");
}

#[test]
fn rejects_decompression_bombs() {
    let zeros = zlib(&vec![b' '; MAX_EXPANDED + 1]);
    let page = |content| {
        let objects = [
            b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
            b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>".to_vec(),
            content,
        ];
        read(&pdf_of(&objects, ""))
    };
    assert_eq!(page(stream("/Filter /FlateDecode", &zeros)), Err(DocumentError::Expands));
    let twice = stream("/Filter [/FlateDecode /FlateDecode]", &zlib(&zeros));
    assert_eq!(page(twice), Err(DocumentError::Expands));
    let font =
        b"<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /ToUnicode 4 0 R >>".to_vec();
    let bomb = stream("/Filter /FlateDecode", &zeros);
    assert_eq!(read(&pdf_in(&[b"BT ET".to_vec()], &[font, bomb])), Err(DocumentError::Expands));
}

#[test]
fn deep_nesting_never_overflows_the_stack() {
    let deep = format!("<< /Type /Catalog /Pages 2 0 R /X {} >>", "[".repeat(100_000));
    assert!(read(&pdf_of(&[deep.into_bytes()], "")).is_err());
    let content = [b"BT ".to_vec(), b"[".repeat(100_000), b" TJ ET".to_vec()].concat();
    assert_eq!(read(&pdf_with(&[content])), Err(DocumentError::NoTextInPdf));
}

#[test]
fn reads_a_thousand_pages_and_rejects_too_many() {
    let pages: Vec<_> = (0..1_000).map(page).collect();
    let bytes = pdf(&pages);
    let text = read(&bytes).expect("a PDF");
    for number in [0, 1, 500, 999] {
        assert!(page(number).iter().all(|line| text.contains(line)), "{number}");
    }
    let line = |_| vec!["x".to_owned()];
    let long: Vec<_> = (0..=MAX_PAGES).map(line).collect();
    assert_eq!(read(&pdf(&long)), Err(DocumentError::TooManyPages));
}
