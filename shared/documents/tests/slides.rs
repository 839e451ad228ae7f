//! Presentations, books and OpenDocument texts.

mod kinds;
mod samples;

use bulkhead_documents::{DocumentError, Format, Options, extract};
use kinds::{assert_text, read, text};
use samples::{Entry, zip};

fn shape(kind: &str, paragraphs: &str) -> String {
    format!(
        "<p:sp><p:nvSpPr><p:cNvPr id=\"1\"/><p:nvPr><p:ph {kind}/></p:nvPr></p:nvSpPr><p:txBody>{paragraphs}</p:txBody></p:sp>"
    )
}

fn line(level: usize, text: &str) -> String {
    format!("<a:p><a:pPr lvl=\"{level}\"/><a:r><a:t>{text}</a:t></a:r></a:p>")
}

fn slide(attributes: &str, shapes: &str) -> String {
    format!("<p:sld {attributes}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>")
}

#[test]
fn slides_are_sections_in_their_order() {
    let cell = |text: &str| format!("<a:tc><a:txBody>{}</a:txBody></a:tc>", line(0, text));
    let table = format!(
        "<p:graphicFrame><a:graphic><a:graphicData><a:tbl><a:tblPr firstRow=\"1\"/><a:tr>{}{}</a:tr><a:tr>{}{}</a:tr></a:tbl></a:graphicData></a:graphic></p:graphicFrame>",
        cell("Port"),
        cell("EUR"),
        cell("North"),
        cell("12")
    );
    let body = "<a:p><a:r><a:t>The pier </a:t></a:r><a:r><a:t>is closed.</a:t></a:r></a:p>".to_owned()
        + &line(1, "In winter");
    let first = slide(
        "",
        &[
            shape("type=\"body\"", &body),
            shape("type=\"title\"", &line(0, "Winter rules")),
            shape("type=\"sldNum\"", &line(0, "7")),
        ]
        .concat(),
    );
    let hidden_shape = shape("", &line(0, "GHOST")).replace("id=\"1\"", "id=\"1\" hidden=\"1\"");
    let second = slide(
        "",
        &format!("<p:grpSp>{table}</p:grpSp>{hidden_shape}{}", shape("type=\"ctrTitle\"", &line(0, "Dues"))),
    );
    let third = slide("show=\"0\"", &shape("", &line(0, "GHOST")));
    let notes = format!(
        "<p:notes><p:cSld><p:spTree>{}{}</p:spTree></p:cSld></p:notes>",
        shape("type=\"sldImg\"", &line(0, "x")),
        shape("type=\"body\" idx=\"1\"", &line(0, "Say this slowly."))
    );
    let relations = "<Relationships><Relationship Id=\"a\" Type=\"x/slide\" Target=\"slides/slide2.xml\"/>\
        <Relationship Id=\"b\" Type=\"x/slide\" Target=\"slides/slide1.xml\"/><Relationship Id=\"c\" Type=\"x/slide\" Target=\"slides/slide3.xml\"/></Relationships>";
    let order = "<p:presentation><p:sldIdLst><p:sldId id=\"256\" r:id=\"b\"/><p:sldId id=\"257\" r:id=\"a\"/><p:sldId id=\"258\" r:id=\"c\"/></p:sldIdLst></p:presentation>";
    let to_notes = "<Relationships><Relationship Id=\"n\" Type=\"x/notesSlide\" Target=\"../notesSlides/n.xml\"/></Relationships>";
    let core = "<cp:coreProperties><dc:title>Harbour talk</dc:title></cp:coreProperties>";
    let bytes = zip(&[
        Entry::of("ppt/presentation.xml", order.as_bytes()),
        Entry::of("ppt/_rels/presentation.xml.rels", relations.as_bytes()),
        Entry::of("ppt/slides/slide1.xml", first.as_bytes()),
        Entry::of("ppt/slides/slide2.xml", second.as_bytes()),
        Entry::of("ppt/slides/slide3.xml", third.as_bytes()),
        Entry::of("ppt/slides/_rels/slide1.xml.rels", to_notes.as_bytes()),
        Entry::of("ppt/notesSlides/n.xml", notes.as_bytes()),
        Entry::of("docProps/core.xml", core.as_bytes()),
    ]);
    let found = read(&bytes, Format::Pptx.content_type());
    let text = found.passages.iter().map(|p| p.text.as_str()).collect::<Vec<_>>().join("\n");
    assert_eq!(
        text,
        "Harbour talk\nWinter rules\n- The pier is closed.\n  - In winter\n\nNotes: Say this slowly.\n\nDues\nPort | EUR\nNorth | 12"
    );
    assert_eq!((found.title.as_deref(), found.passages[0].page), (Some("Harbour talk"), Some(1)));
    assert_eq!(found.warnings, ["not read: 1 hidden slide"]);
}

fn book(files: &[(&'static str, &str)]) -> Vec<u8> {
    let container = "<container><rootfiles><rootfile full-path=\"OEBPS/book.opf\"/></rootfiles></container>";
    let mut entries = vec![
        Entry::of("mimetype", b"application/epub+zip"),
        Entry::of("META-INF/container.xml", container.as_bytes()),
    ];
    entries.extend(files.iter().map(|(name, source)| Entry::of(name, source.as_bytes())));
    zip(&entries)
}

#[test]
fn books_are_read_along_the_spine() {
    let package = "<package><metadata><dc:title>The Pier</dc:title></metadata><manifest>\
        <item id=\"two\" href=\"text/b%20b.xhtml\"/><item id=\"one\" href=\"text/a.xhtml#top\"/><item id=\"nav\" href=\"nav.xhtml\" properties=\"nav\"/>\
        <item id=\"gone\" href=\"gone.xhtml\"/></manifest>\
        <spine><itemref idref=\"nav\"/><itemref idref=\"one\"/><itemref idref=\"two\"/><itemref idref=\"gone\"/></spine></package>";
    let chapter = |title: &str, body: &str| {
        format!(
            "<?xml version=\"1.0\"?><!DOCTYPE html><html><head><title>{title}</title></head><body>{body}</body></html>"
        )
    };
    let (one, two) = (
        chapter("The Pier", "<h1>Spring</h1><p>Boats return.</p>"),
        chapter("Autumn", "<p>Boats leave.</p>"),
    );
    let nav = chapter("Contents", "<nav>CONTENTS</nav>CONTENTS");
    let bytes = book(&[
        ("OEBPS/book.opf", package),
        ("OEBPS/text/a.xhtml", &one),
        ("OEBPS/text/b b.xhtml", &two),
        ("OEBPS/nav.xhtml", &nav),
    ]);
    let found = read(&bytes, Format::Epub.content_type());
    assert_eq!(found.title.as_deref(), Some("The Pier"));
    assert_eq!(found.passages[0].text, "The Pier\nSpring\nBoats return.\n\nAutumn\nBoats leave.");
    let refused = extract(&zip(&[]), Format::Epub.content_type(), Options::default());
    assert_eq!(refused, Err(DocumentError::NoMainPart(Format::Epub)));
}

#[test]
fn opendocument_texts_are_read() {
    let content = "<office:document-content><office:automatic-styles><style:style style:name=\"T9\"><style:text-properties text:display=\"none\"/></style:style>\
        <text:list-style style:name=\"L1\"><text:list-level-style-number text:level=\"1\" style:num-format=\"a\" style:num-suffix=\")\"/></text:list-style>\
        </office:automatic-styles><office:body><office:text><text:tracked-changes><text:p>GONE</text:p></text:tracked-changes>\
        <text:h text:outline-level=\"1\">Refunds</text:h><text:p>Fee<text:s text:c=\"1\"/>12<text:note><text:note-citation>1</text:note-citation>\
        <text:note-body><text:p>Not on Sundays.</text:p></text:note-body></text:note><text:span text:style-name=\"T9\">GONE</text:span></text:p>\
        <text:list text:style-name=\"L1\"><text:list-item><text:p>First</text:p></text:list-item><text:list-item><text:p>Second</text:p>\
        <text:list><text:list-item><text:p>Inner</text:p></text:list-item></text:list></text:list-item></text:list>\
        <text:section text:display=\"none\"><text:p>GONE</text:p></text:section>\
        <table:table><table:table-header-rows><table:table-row><table:table-cell><text:p>Port</text:p></table:table-cell><table:table-cell><text:p>EUR</text:p></table:table-cell></table:table-row></table:table-header-rows>\
        <table:table-row><table:table-cell><text:p>North</text:p></table:table-cell><table:table-cell><text:p>12</text:p></table:table-cell></table:table-row></table:table>\
        </office:text></office:body></office:document-content>";
    let meta = "<office:document-meta><office:meta><dc:title>House rules</dc:title></office:meta></office:document-meta>";
    let bytes = zip(&[Entry::of("content.xml", content.as_bytes()), Entry::of("meta.xml", meta.as_bytes())]);
    let found = text(&bytes, Format::Odt);
    assert_text(
        &found,
        &[
            "House rules > Refunds\nFee 12[1]\n[1] Not on Sundays.",
            "a) First\nb) Second\n  - Inner\nPort | EUR\nNorth | 12",
        ],
        &["GONE"],
    );
}

#[test]
fn tables_within_cells_keep_their_first_row() {
    let cell = |content: &str| format!("<table:table-cell>{content}</table:table-cell>");
    let text_of = |text: &str| cell(&format!("<text:p>{text}</text:p>"));
    let row = |cells: [String; 2]| format!("<table:table-row>{}</table:table-row>", cells.concat());
    let table = |rows: [String; 2]| format!("<table:table>{}</table:table>", rows.concat());
    let inner = table([row([text_of("Size"), text_of("Fee")]), row([text_of("small"), text_of("7")])]);
    let outer = table([row([text_of("Port"), text_of("Fees")]), row([text_of("North"), cell(&inner)])]);
    let content = format!(
        "<office:document-content><office:body><office:text>{outer}</office:text></office:body></office:document-content>"
    );
    let bytes = zip(&[Entry::of("content.xml", content.as_bytes())]);
    assert_text(&text(&bytes, Format::Odt), &["Port | Fees\nNorth | Size | Fee small | 7"], &[]);
}

#[test]
fn books_are_read_from_the_first_package_that_exists() {
    let container = "<container><rootfiles><rootfile full-path=\"gone.opf\"/><rootfile full-path=\"a%20b/book.opf\"/></rootfiles></container>";
    let package = "<package><manifest><item id=\"one\" href=\"one.xhtml\"/></manifest><spine><itemref idref=\"one\"/></spine></package>";
    let bytes = zip(&[
        Entry::of("META-INF/container.xml", container.as_bytes()),
        Entry::of("a b/book.opf", package.as_bytes()),
        Entry::of("a b/one.xhtml", b"<html><body><p>Boats return.</p></body></html>"),
    ]);
    assert_eq!(text(&bytes, Format::Epub), "Boats return.");
}
