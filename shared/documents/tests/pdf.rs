//! PDFs: extracted text and errors.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod samples;

use bulkhead_documents::{DocumentError, Format, MAX_EXPANDED, MAX_PAGES, Options, extract, passages};
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
fn passages_know_their_page_and_scanned_pages_are_reported() {
    let lines = |text: &str| vec![text.to_owned()];
    let bytes = pdf(&[vec![], lines("Opening hours. Nine to five."), vec![]]);
    let extracted = extract(&bytes, "application/pdf", Options::default()).expect("a PDF");
    assert_eq!(extracted.passages.iter().map(|passage| passage.page).collect::<Vec<_>>(), [Some(2)]);
    assert_eq!(extracted.warnings, ["2 of 3 pages have no text"]);
    let whole = pdf(&[lines("Opening hours."), lines("Refunds.")]);
    assert!(extract(&whole, "application/pdf", Options::default()).expect("a PDF").warnings.is_empty());
}

#[test]
fn positions_separate_words_and_lines() {
    assert_eq!(shown("BT /F1 9 Tf [(Har) 20 (bour) -300 (lamp)] TJ ET"), "Harbour lamp");
    assert_eq!(shown("BT /F1 9 Tf (One) Tj 0 -12 Td (Two) Tj 24 0 Td (three) Tj ET"), "One\nTwo three");
    assert_eq!(shown("BT /F1 9 Tf (One) Tj (Two) ' 1 2 (Six) \" ET"), "One\nTwo\nSix");
    // One text block per word, as many programs write.
    let word = |x, y, word| format!("BT /F1 9 Tf 1 0 0 1 {x} {y} Tm ({word}) Tj ET ");
    assert_eq!(shown(&[word(10, 700, "A"), word(18, 700, "b"), word(10, 688, "C")].concat()), "A b\nC");
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
    assert_eq!(read(&pdf_in(&[content], &[mute])), Err(DocumentError::UnmappedPdf));
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
    assert_eq!(read(&pdf_in(&[b"BT /F1 9 Tf ET".to_vec()], &[font, bomb])), Err(DocumentError::Expands));
}

#[test]
fn deep_nesting_never_overflows_the_stack() {
    let deep = format!("<< /Type /Catalog /Pages 2 0 R /X {} >>", "[".repeat(100_000));
    assert!(read(&pdf_of(&[deep.into_bytes()], "")).is_err());
    let content = [b"BT ".to_vec(), b"[".repeat(100_000), b" TJ ET".to_vec()].concat();
    assert_eq!(read(&pdf_with(&[content])), Err(DocumentError::NoTextInPdf));
}

#[test]
fn reads_many_pages_and_rejects_too_many() {
    let pages: Vec<_> = (0..200).map(page).collect();
    let bytes = pdf(&pages);
    let text = read(&bytes).expect("a PDF");
    for number in [0, 1, 100, 199] {
        assert!(page(number).iter().all(|line| text.contains(line)), "{number}");
    }
    let line = |_| vec!["x".to_owned()];
    let long: Vec<_> = (0..=MAX_PAGES).map(line).collect();
    assert_eq!(read(&pdf(&long)), Err(DocumentError::TooManyPages));
}

/// A PDF with one page. Object 4 is its content, and `objects` are numbered from 5. `page` is
/// added to the page's dictionary, `catalog` to the catalog.
fn sheet(catalog: &str, page: &str, content: &str, objects: &[Vec<u8>]) -> Vec<u8> {
    let mut all = vec![
        format!("<< /Type /Catalog /Pages 2 0 R {catalog} >>").into_bytes(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        format!("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R {page} >>")
            .into_bytes(),
        stream("", content.as_bytes()),
    ];
    all.extend(objects.iter().cloned());
    pdf_of(&all, "")
}

const HELVETICA: &[u8] = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>";
/// Resources of a page whose font is object 5.
const RESOURCES: &str = "/Resources << /Font << /F1 5 0 R >> >>";

fn text(bytes: &[u8]) -> String {
    read(bytes).expect("a PDF")
}

/// Content of lines, each at its own position.
fn lines_at(lines: &[(i32, i32, &str)]) -> String {
    let line = |(x, y, text): &(i32, i32, &str)| format!("BT /F1 10 Tf {x} {y} Td ({text}) Tj ET\n");
    lines.iter().map(line).collect()
}

/// A composite font with these entries, whose map to Unicode is `map`: lines of `bfchar`.
fn composite(entries: &str, map: &str) -> [Vec<u8>; 3] {
    let count = map.lines().count();
    let map = format!(
        "begincmap\n1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n{count} beginbfchar\n{map}\nendbfchar\nendcmap"
    );
    [
        format!(
            "<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H {entries} /ToUnicode 7 0 R \
             /DescendantFonts [6 0 R] >>"
        )
        .into_bytes(),
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /X /DW 500 \
          /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>"
            .to_vec(),
        packed("", map.as_bytes()),
    ]
}

#[test]
fn reads_small_files_of_other_programs() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases");
    for (name, expected) in [
        ("form_xobject", "The whole page is a form object."),
        ("ligature_presentation", "The office is find."),
        ("notdef", "Efficient floors, identifies"),
        ("private_names_tounicode", "Ferry leaves at noon"),
        ("tounicode_name", "Codes are Unicode already"),
        ("unijis_utf16", "港の時刻表"),
        ("split_word", "Telephone 0142"),
        ("skia_google_docs", "Ferry leaves at noon"),
        ("tight_gaps", "Comparison rate per year"),
        (
            "two_columns",
            "The committee met in March and read the yearly report aloud.\n\n\
             The harbour fee was raised by two euros from the first of May.",
        ),
        ("hebrew_visual", "דוח רבעוני על הנמל"),
        ("empty_aes_256", "Printing is forbidden, reading is not."),
        ("empty_aes_128", "Comparison rate per year"),
        ("empty_rc4_128", "Comparison rate per year"),
        ("empty_rc4_40", "Comparison rate per year"),
        ("objstm", "In an object stream."),
        ("newline_first", "Recovered all the same."),
        ("form_field", "Customer: Tarn Valley Dairy"),
        ("font_without_type", "This font has no Type."),
        ("q_restores_font", "Ferry\n\nPlain again"),
        ("cmap_name", "Ferry leaves at noon"),
    ] {
        let bytes = std::fs::read(format!("{folder}/{name}.pdf")).expect("a case");
        assert_eq!(text(&bytes), expected, "{name}");
    }
    let hyphenated = text(&std::fs::read(format!("{folder}/hyphenation.pdf")).expect("a case"));
    assert!(hyphenated.ends_with(" wants a reimbursement writes to the harbour office."), "{hyphenated}");
    let locked = std::fs::read(format!("{folder}/user_password.pdf")).expect("a case");
    assert_eq!(read(&locked), Err(DocumentError::EncryptedPdf));
}

#[test]
fn replaces_marked_text() {
    let content = "BT /F1 10 Tf 50 700 Td (The o) Tj /Span << /ActualText (ffi) >> BDC (#) Tj EMC (ce) Tj ET";
    assert_eq!(shown(content), "The office");
    let content = "BT /F1 10 Tf 50 700 Td (Har) Tj /Span << /ActualText <feff00ad> >> BDC (-) Tj EMC \
                   0 -12 Td (bour) Tj ET";
    assert_eq!(shown(content), "Harbour");
}

#[test]
fn leaves_out_hidden_layers() {
    let catalog = "/OCProperties << /OCGs [6 0 R 7 0 R] /D << /OFF [6 0 R] >> >>";
    let page = "/Resources << /Font << /F1 5 0 R >> /Properties << /Off 6 0 R /On 7 0 R >> >>";
    let content = "/OC /Off BDC BT /F1 10 Tf 50 700 Td (Draft) Tj ET EMC \
                   /OC /On BDC BT /F1 10 Tf 50 680 Td (Final) Tj ET EMC";
    let layer = |name: &str| format!("<< /Type /OCG /Name ({name}) >>").into_bytes();
    let bytes = sheet(catalog, page, content, &[HELVETICA.to_vec(), layer("off"), layer("on")]);
    assert_eq!(text(&bytes), "Final");
}

#[test]
fn reads_nested_forms_and_refuses_endless_ones() {
    let page = "/Resources << /Font << /F1 5 0 R >> /XObject << /A 6 0 R >> >>";
    let form = |resources: &str, content: &str| {
        stream(
            &format!("/Type /XObject /Subtype /Form /BBox [0 0 200 200] {resources} /Matrix [1 0 0 1 0 20]"),
            content.as_bytes(),
        )
    };
    let outer = form("/Resources << /XObject << /B 7 0 R >> >>", "/B Do");
    let inner = form("/Resources << /Font << /F1 5 0 R >> >>", "BT /F1 10 Tf 10 10 Td (Inner text) Tj ET");
    let bytes = sheet("", page, "/A Do", &[HELVETICA.to_vec(), outer, inner]);
    assert_eq!(text(&bytes), "Inner text");
    // A form that draws itself ten times.
    let content = format!("BT /F1 10 Tf (x) Tj ET {}", "/A Do ".repeat(10));
    let endless = form("/Resources << /Font << /F1 5 0 R >> /XObject << /A 6 0 R >> >>", &content);
    assert!(read(&sheet("", page, "/A Do", &[HELVETICA.to_vec(), endless])).is_ok());
}

#[test]
fn encodings_name_characters() {
    let font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman /Encoding << /Type /Encoding \
        /Differences [65 /eacute /f_f_i /uni0416 /fi /a.alt] >> >>";
    let content = "BT /F1 10 Tf 50 700 Td [(A) -300 (B) -300 (C) -300 (DE)] TJ ET";
    assert_eq!(text(&sheet("", RESOURCES, content, &[font.to_vec()])), "é ffi Ж fia");
    // A Type 3 font of TeX, whose names are codes.
    let font = b"<< /Type /Font /Subtype /Type3 /FontBBox [0 0 10 10] /FontMatrix [0.1 0 0 0.1 0 0] \
        /FirstChar 12 /LastChar 12 /Widths [5] /Encoding << /Differences [12 /a12 78 /a78] >> /CharProcs << >> >>";
    let content = "BT /F1 10 Tf 50 700 Td <4e0c> Tj ET";
    assert_eq!(text(&sheet("", RESOURCES, content, &[font.to_vec()])), "Nfi");
    // A Type 3 font, whose characters are drawings.
    let font = b"<< /Type /Font /Subtype /Type3 /FontBBox [0 0 10 10] /FontMatrix [0.1 0 0 0.1 0 0] \
        /FirstChar 1 /LastChar 3 /Widths [5 5 3] /Encoding << /Differences [1 /H /i /space] >> \
        /CharProcs << /H 6 0 R /i 6 0 R >> >>";
    let drawing = stream("", b"5 0 0 0 5 10 d1 0 0 5 10 re f");
    let content = "BT /F1 10 Tf 50 700 Td <0102030102> Tj ET";
    assert_eq!(text(&sheet("", RESOURCES, content, &[font.to_vec(), drawing])), "Hi Hi");
}

#[test]
fn character_collections_name_characters() {
    let font =
        b"<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /DescendantFonts [6 0 R] >>";
    let descendant = b"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /X \
        /CIDSystemInfo << /Registry (Adobe) /Ordering (Japan1) /Supplement 6 >> >>";
    let content = "BT /F1 10 Tf 50 700 Td <034b034d> Tj ET";
    let bytes = sheet("", RESOURCES, content, &[font.to_vec(), descendant.to_vec()]);
    assert_eq!(text(&bytes), "あい");
    // A vertical line, in the order of its characters.
    let font = String::from_utf8_lossy(font).replace("Identity-H", "Identity-V").into_bytes();
    let bytes = sheet("", RESOURCES, content, &[font, descendant.to_vec()]);
    assert_eq!(text(&bytes), "あい");
}

#[test]
fn fonts_without_usable_map_are_refused() {
    for map in ["<0001> <e001>", "<0001> <fffd>", "<0001> <0003>"] {
        let font = composite("", map);
        let content = "BT /F1 10 Tf 50 700 Td <00010001> Tj ET";
        assert_eq!(read(&sheet("", RESOURCES, content, &font)), Err(DocumentError::UnmappedPdf), "{map}");
    }
}

#[test]
fn right_to_left_lines_are_in_reading_order() {
    // Visual order: from left to right as on the page. Arabic in presentation forms.
    let hebrew = composite(
        "",
        "<0001> <05e9>\n<0002> <05dc>\n<0003> <05d5>\n<0004> <05dd>\n<0005> <0031>\n<0006> <0032>\n<0007> <0020>",
    );
    let content = "BT /F1 10 Tf 50 700 Td <0005000600070004000300020001> Tj ET";
    assert_eq!(text(&sheet("", RESOURCES, content, &hebrew)), "שלום 12");
    let arabic = composite("", "<0001> <fe91>\n<0002> <fe8e>\n<0003> <fe8f>");
    let content = "BT /F1 10 Tf 50 700 Td <000300020001> Tj ET";
    assert_eq!(text(&sheet("", RESOURCES, content, &arabic)), "باب");
}

#[test]
fn layout_finds_words() {
    // Bold by drawing twice.
    let content = "BT /F1 10 Tf 50 700 Td (Total due) Tj ET BT /F1 10 Tf 50.3 700 Td (Total due) Tj ET";
    assert_eq!(shown(content), "Total due");
    // Spaced letters: by an operator, and by spaces.
    assert_eq!(shown("BT /F1 10 Tf 4 Tc 50 700 Td (INVOICE) Tj ET"), "INVOICE");
    assert_eq!(shown("BT /F1 10 Tf 50 700 Td (I N V O I C E) Tj ET"), "INVOICE");
    // Stretched, with word spacing.
    assert_eq!(shown("BT /F1 10 Tf 60 Tz 3 Tw 50 700 Td (Narrow and wide) Tj ET"), "Narrow and wide");
    // A value on a ruled line.
    let content =
        "BT /F1 10 Tf 50 700 Td (____________________) Tj ET BT /F1 10 Tf 60 701 Td (Ada Lovelace) Tj ET";
    assert!(shown(content).contains("Ada Lovelace"));
    // A space of another text on a letter.
    let content =
        "BT /F1 10 Tf 50 700 Td (2015                    ) Tj ET BT /F1 10 Tf 100 700 Td (Received) Tj ET";
    assert!(shown(content).contains("Received"));
    // A raised number belongs to its line.
    assert_eq!(
        shown("BT /F1 10 Tf 50 700 Td (area in m) Tj /F1 6 Tf 4 Ts (2) Tj /F1 10 Tf 0 Ts ( each) Tj ET"),
        "area in m2 each"
    );
    // Upside down, and sideways.
    assert_eq!(shown("BT /F1 10 Tf -1 0 0 -1 500 700 Tm (Upside down) Tj ET"), "Upside down");
    assert_eq!(
        shown("BT /F1 10 Tf 0 1 -1 0 500 100 Tm (Read me) Tj 0 -12 Td (Sideways) Tj ET"),
        "Read me\nSideways"
    );
    // An accent on a letter.
    assert_eq!(shown("BT /F1 10 Tf 50 700 Td (\\264) Tj -3.4 0 Td (e) Tj ET"), "é");
    // Text that is not painted, as text recognition writes it over a picture.
    assert_eq!(shown("BT 3 Tr /F1 10 Tf 50 700 Td (Recognized) Tj ET"), "Recognized");
    // A picture within the content.
    assert_eq!(
        shown(
            "BT /F1 10 Tf 50 700 Td (Before) Tj ET BI /W 1 /H 1 /BPC 8 /CS /G ID \x01 EI BT /F1 10 Tf 50 680 Td (After) Tj ET"
        ),
        "Before\n\nAfter"
    );
}

#[test]
fn layout_joins_lines_and_hyphens() {
    let two = |first: &str, second: &str| shown(&lines_at(&[(50, 700, first), (50, 688, second)]));
    assert_eq!(
        two("The ferry to the har-", "bour leaves at noon"),
        "The ferry to the harbour leaves at noon"
    );
    assert_eq!(two("They met in Baden-", "Baden in May"), "They met in Baden-Baden in May");
    assert_eq!(two("The rules of COVID-", "19 ended"), "The rules of COVID-19 ended");
    let lines = [
        (50, 700, "A first paragraph runs over"),
        (50, 688, "two lines of text."),
        (50, 664, "A second one follows it."),
    ];
    assert_eq!(
        shown(&lines_at(&lines)),
        "A first paragraph runs over two lines of text.\n\nA second one follows it."
    );
}

#[test]
fn layout_reads_columns_and_rows() {
    // Two columns below a title, drawn row by row, and a line below both.
    let left = ["The committee met in March", "and read the yearly report", "aloud to all its members."];
    let right = ["The fee for the harbour was", "raised by two euros, from", "the first of May onwards."];
    let mut lines = vec![(50, 760, "Minutes of the meeting of the harbour committee in the town hall")];
    for (row, (left, right)) in (0..).zip(left.iter().zip(right)) {
        lines.extend([(50, 730 - 12 * row, *left), (320, 730 - 12 * row, right)]);
    }
    let read = shown(&lines_at(&lines));
    let expected = [
        "Minutes of the meeting of the harbour committee in the town hall",
        "The committee met in March and read the yearly report aloud to all its members.",
        "The fee for the harbour was raised by two euros, from the first of May onwards.",
    ];
    assert_eq!(read, expected.join("\n\n"));
    // Two narrow columns of many lines, whose gutter is as wide as a letter.
    let column = |x: i32| {
        (0..8)
            .map(move |row| (x, 700 - 12 * row, "and so the ferry sails from the quay to"))
            .collect::<Vec<_>>()
    };
    let read = shown(&lines_at(&[column(50), column(233)].concat()));
    let sentence = ["and so the ferry sails from the quay to"; 8].join(" ");
    assert_eq!(read, format!("{sentence}\n\n{sentence}"));
    // A list, whose bullets are at their own positions.
    let list = [
        (50, 700, "-"),
        (62, 700, "Bring the form with the"),
        (62, 688, "signature of the master"),
        (50, 676, "-"),
        (62, 676, "Pay at the desk"),
    ];
    let expected = "- Bring the form with the signature of the master\n- Pay at the desk";
    assert_eq!(shown(&lines_at(&list)), expected);
    // The rows of a table.
    let table = [
        (50, 700, "Mooring"),
        (200, 700, "Dues"),
        (300, 700, "Term"),
        (50, 686, "Quay A"),
        (200, 686, "120"),
        (300, 686, "Month"),
        (50, 672, "Quay B"),
        (200, 672, "95"),
        (300, 672, "Week"),
    ];
    assert_eq!(shown(&lines_at(&table)), "Mooring Dues Term\nQuay A 120 Month\nQuay B 95 Week");
}

#[test]
fn reads_form_fields_and_notes() {
    let page = format!("{RESOURCES} /Annots [99 0 R null 6 0 R 7 0 R 8 0 R 9 0 R]");
    let content = "BT /F1 10 Tf 50 700 Td (Name:) Tj ET";
    let field = b"<< /Type /Annot /Subtype /Widget /Rect [80 695 300 712] /Parent 10 0 R >>".to_vec();
    let note = b"<< /Type /Annot /Subtype /Text /Rect [50 600 70 620] /Contents (Check the date) >>".to_vec();
    let hidden = b"<< /Type /Annot /Subtype /Text /F 2 /Rect [50 500 70 520] /Contents (Hidden) >>".to_vec();
    let link = b"<< /Type /Annot /Subtype /Link /Rect [50 500 70 520] /Contents (Link) >>".to_vec();
    let parent = b"<< /FT /Tx /T (name) /V <feff00c5006400610020> >>".to_vec();
    let objects = [HELVETICA.to_vec(), field, note, hidden, link, parent];
    let read = text(&sheet("/AcroForm << /Fields [10 0 R] >>", &page, content, &objects));
    assert_eq!(read, "Name: Åda\n\nCheck the date");
}

#[test]
fn repairs_damaged_files() {
    let content = "BT /F1 10 Tf 50 700 Td (Still here) Tj ET";
    let good = sheet("", RESOURCES, content, &[HELVETICA.to_vec()]);
    let replaced = |from: &[u8], to: &[u8]| {
        let mut bytes = vec![];
        let mut rest = good.as_slice();
        while let Some(at) = rest.windows(from.len()).position(|at| at == from) {
            bytes.extend(&rest[..at]);
            bytes.extend(to);
            rest = &rest[at + from.len()..];
        }
        bytes.extend(rest);
        bytes
    };
    for (kind, bytes) in [
        ("good", good.clone()),
        ("junk before the header", [b"\xef\xbb\xbf\r\nHTTP/1.1 200\r\n", good.as_slice()].concat()),
        ("junk after the end", [good.as_slice(), &[0; 3_000]].concat()),
        ("wrong offsets", replaced(b"0000000", b"0000012")),
        ("no ends of objects", replaced(b"endobj\n", b"")),
        ("wrong start of the table", replaced(b"startxref\n", b"startxref\n9")),
        ("wrong length", replaced(b"/Length ", b"/Length 9")),
        ("no type of the pages", replaced(b"/Type /Page /Parent", b"/Parent")),
    ] {
        assert_eq!(read(&bytes).as_deref(), Ok("Still here"), "{kind}");
    }
    // Without a header in the first kilobyte it is no PDF.
    assert_eq!(read(&[&[b' '; 1_100], good.as_slice()].concat()), Err(DocumentError::NotPdf));
    // Contents in two streams, and a newer version of the page at the end.
    let page = "/Resources << /Font << /F1 5 0 R >> >> /Contents [99 0 R 4 0 R 6 0 R]";
    let two = sheet(
        "",
        page,
        "BT /F1 10 Tf 50 700 Td [(In two)",
        &[HELVETICA.to_vec(), stream("", b"( parts)] TJ ET")],
    );
    let two = String::from_utf8_lossy(&two).replace("/Contents 4 0 R", "").into_bytes();
    assert_eq!(read(&two).as_deref(), Ok("In two parts"));
    let mut updated = good.clone();
    let at = updated.len();
    updated.extend(b"4 0 obj\n");
    updated.extend(stream("", content.replace("Still", "Newly").as_bytes()));
    updated.extend(b"\nendobj\n");
    let table = updated.len();
    let previous = good.windows(5).position(|at| at == b"xref\n").expect("a table");
    updated.extend(
        format!("xref\n4 1\n{at:010} 00000 n \ntrailer\n<< /Size 6 /Root 1 0 R /Prev {previous} >>\nstartxref\n{table}\n%%EOF\n")
            .bytes(),
    );
    assert_eq!(read(&updated).as_deref(), Ok("Newly here"));
}
