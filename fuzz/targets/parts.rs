//! Any text as the main part of an archive, which random bytes rarely form.

#![no_main]

#[path = "../../shared/documents/tests/kinds/ranges.rs"]
mod ranges;

use std::io::{Cursor, Write};

use bulkhead_documents::{Format, MAX_PASSAGES, Options, extract, extract_text};
use libfuzzer_sys::fuzz_target;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A format, its main part, and a small part that leads to it.
const PARTS: [(Format, &str, &str, &str); 6] = [
    (Format::Docx, "word/document.xml", "word/styles.xml", "<styles/>"),
    (Format::Xlsx, "xl/worksheets/a.xml", "xl/workbook.xml", "<workbook><sheet name='A' id='a'/></workbook>"),
    (Format::Pptx, "ppt/a.xml", "ppt/presentation.xml", "<p><sldId r:id='a'/></p>"),
    (Format::Ods, "content.xml", "meta.xml", "<meta><title>T</title></meta>"),
    (Format::Odt, "content.xml", "meta.xml", "<meta><title>T</title></meta>"),
    (
        Format::Epub,
        "a.opf",
        "META-INF/container.xml",
        "<container><rootfile full-path='a.opf'/></container>",
    ),
];

fuzz_target!(|input: &[u8]| {
    let Some((kind, source)) = input.split_first() else { return };
    let (format, main, other, text) = PARTS[usize::from(*kind) % PARTS.len()];
    let relations = "<R><Relationship Id='a' Type='/worksheet' Target='worksheets/a.xml'/></R>";
    let slides = "<R><Relationship Id='a' Type='/slide' Target='a.xml'/></R>";
    let mut archive = ZipWriter::new(Cursor::new(vec![]));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in [
        (main, source),
        (other, text.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relations.as_bytes()),
        ("ppt/_rels/presentation.xml.rels", slides.as_bytes()),
        // The same text as numbering, styles and notes.
        ("word/_rels/document.xml.rels", b"<R><Relationship Id='a' Type='/numbering' Target='document.xml'/></R>"),
    ] {
        archive.start_file(name, options).expect("memory");
        archive.write_all(content).expect("memory");
    }
    let bytes = archive.finish().expect("memory").into_inner();
    if let Ok(found) = extract(&bytes, format.content_type(), Options::default()) {
        assert!(found.passages.len() <= MAX_PASSAGES);
        let text = extract_text(&bytes, format.content_type(), Options::default()).expect("a readable document");
        ranges::assert_ranges(&text, &found.passages);
    }
});
