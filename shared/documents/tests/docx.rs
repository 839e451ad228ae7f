//! DOCX files: extracted text and errors.

mod samples;

use bulkhead_documents::{DocumentError, Format, MAX_DEPTH, MAX_EXPANDED, passages};
use samples::{Entry, document_xml, docx, docx_of, page, zip};

fn read(bytes: &[u8]) -> Result<String, DocumentError> {
    passages(bytes, Format::Docx).map(|passages| passages.join("\n\n"))
}

fn body(body: &str) -> Result<String, DocumentError> {
    read(&docx_of(&document_xml(body)))
}

#[test]
fn reads_paragraphs_in_order() {
    let bytes = docx(&["Opening hours".to_owned(), "Nine to five &amp; later &#x2014; ask.".to_owned()]);
    assert_eq!(read(&bytes).expect("a DOCX"), "Opening hours\n\nNine to five & later — ask.");
}

#[test]
fn joins_runs_and_converts_marks() {
    let run = "<w:p><w:r><w:t>Har</w:t></w:r><w:r><w:t>bour</w:t><w:tab/><w:t>lamp</w:t><w:br></w:br>\
        <w:t>two</w:t><w:noBreakHyphen/><w:t>fold</w:t></w:r></w:p>";
    assert_eq!(body(run).expect("a DOCX"), "Harbour\tlamp\ntwo-fold");
}

#[test]
fn table_rows_become_lines() {
    let cell = |text| format!("<w:tc><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>");
    let table = format!(
        "<w:tbl><w:tr>{}{}</w:tr><w:tr>{}{}</w:tr></w:tbl>",
        cell("Monday"),
        cell("9-5"),
        cell("Sunday"),
        cell("closed")
    );
    let text = body(&table).expect("a DOCX");
    assert_eq!(text.lines().map(str::trim_end).collect::<Vec<_>>(), ["Monday | 9-5", "Sunday | closed"]);
}

#[test]
fn skips_hidden_content() {
    let hidden = "<w:p><w:r><w:instrText>HYPERLINK secret</w:instrText><w:delText>gone</w:delText>\
        <mc:AlternateContent xmlns:mc=\"x\"><mc:Choice><w:t>once</w:t></mc:Choice>\
        <mc:Fallback><w:t>once</w:t></mc:Fallback></mc:AlternateContent></w:r></w:p>";
    assert_eq!(body(hidden).expect("a DOCX"), "once");
}

#[test]
fn rejects_invalid_docx_with_reason() {
    assert_eq!(read(b"hello"), Err(DocumentError::NotZip(Format::Docx)));
    assert_eq!(read(b"PK\x03\x04 and nothing more"), Err(DocumentError::Broken(Format::Docx)));
    assert_eq!(read(&zip(&[])), Err(DocumentError::NoMainPart(Format::Docx)));
    assert_eq!(
        read(&zip(&[Entry::of("word/other.xml", b"<x/>")])),
        Err(DocumentError::NoMainPart(Format::Docx))
    );
    assert_eq!(body("<w:p></w:q>"), Err(DocumentError::Broken(Format::Docx)));
    assert_eq!(body(""), Err(DocumentError::Empty));
    assert_eq!(read(&docx_of("<w:document><w:body>")), Err(DocumentError::Broken(Format::Docx)));
    let good = docx(&["text".to_owned()]);
    let hidden = [b"PK\x03\x04 something else".to_vec(), good].concat();
    assert!(read(&hidden).is_err());
}

#[test]
fn rejects_document_types_and_entities() {
    let typed =
        "<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><w:document><w:t>&b;</w:t></w:document>";
    assert_eq!(read(&docx_of(typed)), Err(DocumentError::DocumentType));
    let outside = "<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><x/>";
    assert_eq!(read(&docx_of(outside)), Err(DocumentError::DocumentType));
    assert_eq!(body("<w:p><w:r><w:t>&passwd;</w:t></w:r></w:p>"), Err(DocumentError::Entity));
    assert_eq!(body("<w:p><w:r><w:t>&#xFFFFFFFF;</w:t></w:r></w:p>"), Err(DocumentError::Entity));
}

#[test]
fn rejects_decompression_bombs() {
    let mut bomb = document_xml("").into_bytes();
    bomb.resize(MAX_EXPANDED + 1, b' ');
    let entry = Entry::of("word/document.xml", &bomb);
    assert_eq!(read(&zip(&[entry])), Err(DocumentError::Expands));
    // Unpacking stops at the smaller of the declared size and the limit.
    let mut entry = Entry::of("word/document.xml", &bomb);
    entry.declared = 10;
    assert_eq!(read(&zip(&[entry])), Err(DocumentError::Broken(Format::Docx)));
    let small = document_xml("<w:p><w:r><w:t>small</w:t></w:r></w:p>");
    let mut entry = Entry::of("word/document.xml", small.as_bytes());
    entry.declared = u32::MAX - 1;
    assert_eq!(read(&zip(&[entry])).expect("a DOCX"), "small");
}

#[test]
fn rejects_deep_nesting() {
    let nested = |depth| format!("{}{}", "<w:p>".repeat(depth), "</w:p>".repeat(depth));
    assert_eq!(body(&nested(MAX_DEPTH - 2)), Err(DocumentError::Empty));
    assert_eq!(body(&nested(MAX_DEPTH - 1)), Err(DocumentError::TooDeep));
    assert_eq!(body(&nested(100_000)), Err(DocumentError::TooDeep));
}

#[test]
fn reads_a_thousand_pages() {
    let paragraphs: Vec<_> = (0..1_000).map(|number| page(number).join(" ")).collect();
    let text = read(&docx(&paragraphs)).expect("a DOCX").replace('\n', " ");
    for number in [0, 1, 500, 999] {
        assert!(text.contains(&format!("Page number {number} begins here.")), "{number}");
    }
}
