//! DOCX files: extracted text and errors.

mod kinds;
mod samples;

use bulkhead_documents::{DocumentError, Format, MAX_ARCHIVE, MAX_DEPTH, passages};
use kinds::assert_text;
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

/// A paragraph with properties and one run.
fn p(properties: &str, text: &str) -> String {
    format!("<w:p><w:pPr>{properties}</w:pPr><w:r><w:t xml:space=\"preserve\">{text}</w:t></w:r></w:p>")
}

/// A DOCX with other parts. Each has a relationship `r` and its number.
fn with_parts(content: &str, parts: &[(&'static str, &str, &'static str, &str)]) -> Vec<u8> {
    let relations: String = parts
        .iter()
        .enumerate()
        .map(|(n, (kind, target, ..))| {
            format!("<Relationship Id=\"r{n}\" Type=\"http://x/relationships/{kind}\" Target=\"{target}\"/>")
        })
        .collect();
    let relations = format!("<Relationships>{relations}</Relationships>");
    let main = document_xml(content);
    let mut entries = vec![
        Entry::of("word/document.xml", main.as_bytes()),
        Entry::of("word/_rels/document.xml.rels", relations.as_bytes()),
    ];
    entries.extend(parts.iter().map(|(_, _, name, source)| Entry::of(name, source.as_bytes())));
    zip(&entries)
}

/// A DOCX with numbering and styles.
fn numbered(content: &str, levels: &str, styles: &str) -> String {
    let numbering = format!(
        "<w:numbering><w:abstractNum w:abstractNumId=\"0\">{levels}</w:abstractNum>\
         <w:num w:numId=\"1\"><w:abstractNumId w:val=\"0\"/></w:num>\
         <w:num w:numId=\"2\"><w:abstractNumId w:val=\"0\"/><w:lvlOverride w:ilvl=\"0\"><w:startOverride w:val=\"1\"/>\
         </w:lvlOverride></w:num></w:numbering>"
    );
    let styles = format!("<w:styles>{styles}</w:styles>");
    let parts = [
        ("numbering", "numbering.xml", "word/numbering.xml", numbering.as_str()),
        ("styles", "styles.xml", "word/styles.xml", styles.as_str()),
    ];
    kinds::text(&with_parts(content, &parts), Format::Docx)
}

fn level(at: usize, format: &str, text: &str, more: &str) -> String {
    format!(
        "<w:lvl w:ilvl=\"{at}\"><w:start w:val=\"1\"/><w:numFmt w:val=\"{format}\"/>{more}<w:lvlText w:val=\"{text}\"/></w:lvl>"
    )
}

fn item(list: usize, at: usize, text: &str) -> String {
    p(&format!("<w:numPr><w:ilvl w:val=\"{at}\"/><w:numId w:val=\"{list}\"/></w:numPr>"), text)
}

#[test]
fn shared_cases_are_read() {
    let case = |bytes: &[u8]| read(bytes).expect("a DOCX");
    assert_text(&case(include_bytes!("cases/d01_table.docx")), &["Item | Price\nFerry ticket | 12 EUR"], &[]);
    assert_text(&case(include_bytes!("cases/d02_header_footer.docx")), &["Quaymark", "QX-4471"], &[]);
    assert_text(
        &case(include_bytes!("cases/d03_footnote.docx")),
        &["20 EUR.[1]\n[1] Except on public holidays"],
        &[],
    );
    let clauses = case(include_bytes!("cases/d12_numbered.docx"));
    assert_text(&clauses, &["1. Tenancy", "1.1 The rent is due", "1.2 Late rent"], &[]);
    assert_eq!(case(include_bytes!("cases/d13_document2.docx")), "Main part has another name.");
    assert_eq!(case(include_bytes!("cases/d16_hidden.docx")), "Visible. End.");
    assert_text(&case(include_bytes!("cases/d17_altchunk.docx")), &["All of the text lies"], &[]);
    let old = read(include_bytes!("cases/d19_old_doc.docx")).expect_err("an old file").to_string();
    assert_text(&old, &["old Office", "save it as DOCX"], &[]);
    let headings = kinds::read(include_bytes!("cases/d22_heading_orphan.docx"), Format::Docx.content_type());
    for (heading, text) in
        [("Refund rules", "cancels seven days"), ("Lost property", "Things found on board")]
    {
        let passage =
            headings.passages.iter().find(|passage| passage.text.contains(text)).expect("a passage");
        assert!(passage.text.starts_with(heading), "{}", passage.text);
    }
}

#[test]
fn old_files_say_what_they_are() {
    let compound = |name: &str| {
        let mut bytes = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
        bytes.resize(1_024, 0);
        bytes.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
        bytes.resize(2_048, 0);
        read(&bytes).expect_err("an old file").to_string()
    };
    assert_eq!(compound("WordDocument"), "the document is an old Word file (.doc); save it as DOCX");
    assert_eq!(compound("EncryptedPackage"), "the DOCX file needs a password; save it without one");
    assert_eq!(compound("Workbook"), "the document is an old Excel file (.xls); save it as DOCX");
}

#[test]
fn numbers_count_as_in_word() {
    let levels = [
        level(0, "decimal", "%1.", ""),
        level(1, "lowerLetter", "(%2)", ""),
        level(2, "upperRoman", "%1-%3", ""),
    ];
    let content = [
        item(1, 0, "a"),
        item(1, 1, "b"),
        item(1, 1, "c"),
        item(1, 0, "d"),
        item(1, 1, "e"),
        item(1, 2, "f"),
    ];
    let more = [item(2, 0, "restarted"), item(2, 0, "g"), p("", "between"), item(2, 0, "h")];
    let text = numbered(&[content.concat(), more.concat()].concat(), &levels.concat(), "");
    assert_eq!(text, "1. a\n(a) b\n(b) c\n2. d\n(a) e\n2-I f\n1. restarted\n2. g\n\nbetween\n3. h");
    let legal = [level(0, "upperRoman", "Article %1", ""), level(1, "decimal", "%1.%2", "<w:isLgl/>")];
    let text = numbered(&[item(1, 0, "A"), item(1, 1, "B")].concat(), &legal.concat(), "");
    assert_eq!(text, "Article I A\n1.1 B");
    let bullets = [level(0, "bullet", "\u{f0b7}", ""), level(1, "none", "", "")].concat();
    assert_eq!(
        numbered(&[item(1, 0, "A"), item(1, 1, "B"), item(0, 0, "C")].concat(), &bullets, ""),
        "- A\n\nB\n\nC"
    );
}

#[test]
fn styles_give_headings_numbers_and_hidden_text() {
    let levels = [
        level(0, "decimal", "%1", "<w:pStyle w:val=\"H1\"/>"),
        level(1, "decimal", "%1.%2", "<w:pStyle w:val=\"H2\"/>"),
    ];
    let styles = "<w:style w:type=\"paragraph\" w:styleId=\"H1\"><w:name w:val=\"heading 1\"/><w:pPr><w:numPr>\
        <w:numId w:val=\"1\"/></w:numPr><w:outlineLvl w:val=\"0\"/></w:pPr></w:style>\
        <w:style w:type=\"paragraph\" w:styleId=\"H2\"><w:name w:val=\"heading 2\"/><w:basedOn w:val=\"H1\"/>\
        <w:pPr><w:outlineLvl w:val=\"1\"/></w:pPr></w:style>\
        <w:style w:type=\"paragraph\" w:styleId=\"T\"><w:name w:val=\"Title\"/></w:style>\
        <w:style w:type=\"paragraph\" w:styleId=\"Ghost\"><w:rPr><w:vanish/></w:rPr></w:style>\
        <w:style w:type=\"paragraph\" w:styleId=\"Loop\"><w:basedOn w:val=\"Loop\"/></w:style>\
        <w:style w:type=\"character\" w:styleId=\"Dim\"><w:basedOn w:val=\"Dimmer\"/></w:style>\
        <w:style w:type=\"character\" w:styleId=\"Dimmer\"><w:rPr><w:vanish w:val=\"true\"/></w:rPr></w:style>";
    let style = |id: &str, text: &str| p(&format!("<w:pStyle w:val=\"{id}\"/>"), text);
    let run = "<w:p><w:r><w:rPr><w:rStyle w:val=\"Dim\"/></w:rPr><w:t>HIDDEN</w:t></w:r><w:r><w:t>Shown.</w:t></w:r>\
        <w:r><w:rPr><w:vanish w:val=\"0\"/></w:rPr><w:t> Also.</w:t></w:r></w:p>";
    let content = [
        style("T", "House rules"),
        style("H1", "Refunds"),
        style("H2", "Late returns"),
        style("Ghost", "HIDDEN"),
        run.to_owned(),
        style("H2", "Lost things"),
        style("Loop", "Kept for sixty days. ").repeat(30),
    ];
    let text = numbered(&content.concat(), &levels.concat(), styles);
    let expected = "House rules > 1 Refunds\n1.1 Late returns\nShown. Also.";
    assert!(
        text.starts_with(expected)
            || text.starts_with("House rules > 1 Refunds > 1.1 Late returns\nShown. Also."),
        "{text}"
    );
    assert_text(&text, &["1.2 Lost things\nKept for sixty days."], &["HIDDEN"]);
}

#[test]
fn broken_side_parts_do_not_refuse_a_document() {
    let parts = [
        ("styles", "styles.xml", "word/styles.xml", "<w:styles><w:style></w:styles>"),
        ("numbering", "numbering.xml", "word/numbering.xml", "<"),
        ("footnotes", "footnotes.xml", "word/footnotes.xml", "</x>"),
        ("header", "header1.xml", "word/header1.xml", "<w:hdr>"),
        ("core", "core.xml", "docProps/core.xml", "<title>"),
    ];
    let content = format!("{}<w:sectPr><w:headerReference r:id=\"r3\"/></w:sectPr>", p("", "Still legible"));
    let found = kinds::read(&with_parts(&content, &parts), Format::Docx.content_type());
    assert_eq!(found.passages[0].text, "Still legible");
    assert_eq!(found.warnings.len(), 4, "{:?}", found.warnings);
    let typed = [("styles", "styles.xml", "word/styles.xml", "<!DOCTYPE x><styles/>")];
    assert_eq!(read(&with_parts(&p("", "x"), &typed)), Err(DocumentError::DocumentType));
}

#[test]
fn a_title_alone_is_text() {
    assert_eq!(body(&p("<w:pStyle w:val=\"Title\"/>", "House rules")).expect("a DOCX"), "House rules");
}

#[test]
fn changes_are_read_as_accepted() {
    let content = "<w:p><w:r><w:t>Fee </w:t></w:r><w:del><w:r><w:delText>GONE</w:delText></w:r></w:del>\
        <w:ins><w:r><w:t>12 EUR</w:t></w:r></w:ins></w:p>\
        <w:p><w:moveFrom><w:r><w:t>GONE</w:t></w:r></w:moveFrom><w:r><w:t>Rest</w:t></w:r></w:p>\
        <w:p><w:moveTo><w:r><w:t>Moved here</w:t></w:r></w:moveTo></w:p>\
        <w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr><w:r><w:t>One </w:t></w:r></w:p><w:p><w:r><w:t>paragraph</w:t></w:r></w:p>\
        <w:tbl><w:tr><w:tc><w:p><w:r><w:t>A</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>B</w:t></w:r></w:p></w:tc></w:tr>\
        <w:tr><w:trPr><w:del/></w:trPr><w:tc><w:p><w:r><w:t>GONE</w:t></w:r></w:p></w:tc><w:tc><w:p/></w:tc></w:tr></w:tbl>";
    assert_eq!(body(content).expect("a DOCX"), "Fee 12 EUR\n\nRest\n\nMoved here\n\nOne paragraph\nA | B");
}

#[test]
fn fields_controls_and_symbols_show_their_result() {
    let field = "<w:p><w:r><w:fldChar w:fldCharType=\"begin\"/></w:r><w:r><w:instrText>REF CODE \\h</w:instrText></w:r>\
        <w:r><w:fldChar w:fldCharType=\"separate\"/></w:r><w:r><w:t>page 7</w:t></w:r><w:r><w:fldChar w:fldCharType=\"end\"/></w:r>\
        <w:fldSimple w:instr=\"DATE CODE\"><w:r><w:t>, 1 May</w:t></w:r></w:fldSimple>\
        <w:hyperlink><w:r><w:t>, link</w:t></w:r></w:hyperlink>\
        <w:sdt><w:sdtPr/><w:sdtContent><w:r><w:t>, filled</w:t></w:r></w:sdtContent></w:sdt>\
        <w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent><w:r><w:t>CODE</w:t></w:r></w:sdtContent></w:sdt>\
        <w:r><w:sym w:font=\"Wingdings\" w:char=\"F0FE\"/><w:sym w:font=\"Symbol\" w:char=\"F061\"/></w:r></w:p>\
        <w:sdt><w:sdtContent><w:p><w:r><w:t>Block control</w:t></w:r></w:p></w:sdtContent></w:sdt>\
        <w:p><m:oMath xmlns:m=\"m\"><m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath></w:p>\
        <w:p><w:commentRangeStart/><w:r><w:t>Commented</w:t></w:r><w:r><w:commentReference/></w:r></w:p>";
    let text = body(field).expect("a DOCX");
    assert_text(
        &text,
        &["page 7, 1 May, link, filled☒α", "Block control", "(a+b)/2", "Commented"],
        &["CODE"],
    );
}

#[test]
fn text_boxes_and_tables_are_read_once() {
    let inner = "<w:txbxContent><w:p><w:r><w:t>In the box</w:t></w:r></w:p></w:txbxContent>";
    let content = format!(
        "<w:p><w:r><w:t>Anchor</w:t></w:r><w:r><mc:AlternateContent xmlns:mc=\"x\"><mc:Choice><w:drawing><wps:wsp><wps:txbx>{inner}\
         </wps:txbx></wps:wsp></w:drawing></mc:Choice><mc:Fallback><w:pict><v:textbox>{inner}</v:textbox></w:pict></mc:Fallback>\
         </mc:AlternateContent></w:r></w:p><w:p><w:r><w:pict><v:shape><v:textbox>{}</v:textbox></v:shape></w:pict></w:r></w:p>",
        inner.replace("In the", "Old")
    );
    assert_eq!(body(&content).expect("a DOCX"), "Anchor\n\nIn the box\n\nOld box");
    let cell = |properties: &str, text: &str| {
        format!("<w:tc><w:tcPr>{properties}</w:tcPr><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>")
    };
    let merge = |value: &str| format!("<w:vMerge w:val=\"{value}\"/>");
    let rows = [
        format!(
            "<w:tr><w:trPr><w:tblHeader/></w:trPr>{}{}{}</w:tr>",
            cell("", "Port"),
            cell("", "2023"),
            cell("", "2024")
        ),
        format!("<w:tr>{}{}{}</w:tr>", cell(&merge("restart"), "North"), cell("", "1"), cell("", "2")),
        format!("<w:tr>{}{}</w:tr>", cell("<w:vMerge/>", ""), cell("<w:gridSpan w:val=\"2\"/>", "3")),
        format!(
            "<w:sdt><w:sdtContent><w:tr>{}<w:tc><w:tbl><w:tr>{}{}</w:tr></w:tbl><w:p/></w:tc>{}</w:tr></w:sdtContent></w:sdt>",
            cell("", "South"),
            cell("", "in"),
            cell("", "ner"),
            cell("", "4")
        ),
    ];
    let text = body(&format!("<w:tbl>{}</w:tbl>", rows.concat())).expect("a DOCX");
    assert_eq!(text, "Port | 2023 | 2024\nNorth | 1 | 2\nNorth | 3\nSouth | in | ner | 4");
    let row = |cells: &[String]| format!("<w:tr>{}</w:tr>", cells.concat());
    let inner =
        [row(&[cell("", "Size"), cell("", "Fee")]), row(&[cell("", "small"), cell("", "7")])].concat();
    let nested = format!("<w:tc><w:tbl>{inner}</w:tbl><w:p/></w:tc>");
    let outer = [row(&[cell("", "Port"), cell("", "Fees")]), row(&[cell("", "North"), nested])].concat();
    assert_eq!(
        body(&format!("<w:tbl>{outer}</w:tbl>")).expect("a DOCX"),
        "Port | Fees\nNorth | Size | Fee small | 7"
    );
}

#[test]
fn other_parts_are_read_where_they_belong() {
    let section = "<w:sectPr><w:headerReference w:type=\"default\" w:id=\"x\" r:id=\"r0\"/><w:headerReference w:type=\"first\" r:id=\"r1\"/>\
        <w:footerReference w:type=\"default\" r:id=\"r2\"/></w:sectPr>".replace("w:id=\"x\" ", "");
    let reference = |kind: &str, id: usize| format!("<w:r><w:{kind}Reference w:id=\"{id}\"/></w:r>");
    let content = format!(
        "<w:p><w:r><w:t>Fee</w:t></w:r>{}<w:r><w:t> and</w:t></w:r>{}</w:p><w:altChunk r:id=\"r5\"/><w:p><w:r><w:t>End</w:t></w:r></w:p>\
         <w:p><w:pPr>{section}</w:pPr></w:p>{section}",
        reference("footnote", 1),
        reference("endnote", 1)
    );
    let note = |kind: &str, text: &str| {
        format!("<w:{kind}s><w:{kind} w:id=\"1\">{}</w:{kind}></w:{kind}s>", p("", text))
    };
    let (foot, end) = (note("footnote", "Without holidays."), note("endnote", "Since May."));
    let margin = |text: &str| format!("<w:hdr>{}</w:hdr>", p("", text));
    let (head, first, bottom) = (margin("Quaymark"), margin("UNUSED"), margin("Page 3"));
    let parts = [
        ("header", "header1.xml", "word/header1.xml", head.as_str()),
        ("header", "header2.xml", "word/header2.xml", first.as_str()),
        ("footer", "/word/footer1.xml", "word/footer1.xml", bottom.as_str()),
        ("footnotes", "footnotes.xml", "word/footnotes.xml", foot.as_str()),
        ("endnotes", "endnotes.xml", "word/endnotes.xml", end.as_str()),
        ("aFChunk", "chunk.txt", "word/chunk.txt", "Plain chunk"),
    ];
    let text = read(&with_parts(&content, &parts)).expect("a DOCX");
    assert_eq!(
        text,
        "Quaymark\n\nFee[1] and[2]\n[1] Without holidays.\n[2] Since May.\n\nPlain chunk\n\nEnd"
    );
}

#[test]
fn parts_in_utf16_are_read() {
    let wide: Vec<u8> = format!("\u{feff}{}", document_xml(&p("", "Fähre")).replace("UTF-8", "UTF-16"))
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(read(&zip(&[Entry::of("word/document.xml", &wide)])).expect("a DOCX"), "Fähre");
}

#[test]
fn side_parts_count_towards_the_limit() {
    let half = " ".repeat(MAX_ARCHIVE / 2 + 1);
    let parts = [
        ("styles", "styles.xml", "word/styles.xml", half.as_str()),
        ("numbering", "numbering.xml", "word/numbering.xml", half.as_str()),
    ];
    assert_eq!(read(&with_parts(&p("", "x"), &parts)), Err(DocumentError::ArchiveExpands));
    // Pictures are not unpacked.
    let picture = [("image", "media/a.png", "word/media/a.png", half.as_str()); 3];
    assert_eq!(read(&with_parts(&p("", "x"), &picture[..1])).expect("a DOCX"), "x");
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
    bomb.resize(MAX_ARCHIVE + 1, b' ');
    let entry = Entry::of("word/document.xml", &bomb);
    assert_eq!(read(&zip(&[entry])), Err(DocumentError::ArchiveExpands));
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
