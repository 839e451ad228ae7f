//! Where passages stand in the text of their document.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod kinds;
mod samples;

use bulkhead_documents::{Extracted, Format, Options, Passage, extract, extract_text};
use kinds::ranges::assert_ranges;
use kinds::read;
use proptest::prelude::*;

/// Returns the text of a document.
fn whole(bytes: &[u8], content_type: &str) -> String {
    extract_text(bytes, content_type, Options::default()).expect("a readable document")
}

/// Returns the characters of `text` that a passage holds.
fn part(text: &str, passage: &Passage) -> String {
    let range = passage.range.clone().expect("a range");
    text.chars().skip(range.start as usize).take(range.len()).collect()
}

/// Returns the parts of the document's text that its passages hold.
fn parts(document: &str, content_type: &str) -> Vec<String> {
    let text = whole(document.as_bytes(), content_type);
    let Extracted { passages, .. } = read(document.as_bytes(), content_type);
    passages.iter().map(|passage| part(&text, passage)).collect()
}

#[test]
fn text_of_a_plain_text_is_the_file() {
    let text: String = (0..60)
        .map(|n| format!("  Hafen {n}: Öffnungszeiten 9–17 Uhr, 港口 🚢.\n\n\n{}", "Komm bald. ".repeat(9)))
        .collect();
    assert_eq!(whole(text.as_bytes(), "text/plain"), text);
    let found = read(text.as_bytes(), "text/plain").passages;
    assert!(found.len() > 5, "{}", found.len());
    for passage in &found {
        assert_eq!(part(&text, passage), passage.text);
    }
    // A line end is one character; control characters and the byte order mark are none.
    let marked = b"\xef\xbb\xbf\r\n One\x07 two.\r\n";
    let found = read(marked, "text/plain").passages;
    assert_eq!(
        (whole(marked, "text/plain").as_str(), found[0].range.clone()),
        ("\n One two.\n", Some(2..10))
    );
}

#[test]
fn blocks_are_separated_as_documented() {
    let page = "<h1>Port</h1><p>One.<p>Two.<ul><li>a<li>b</ul><table><caption>Fees</caption>\
        <tr><th>Quay<th>Fee<tr><td>North<td>1<tr><td>South<td>2</table><pre>x\n  y</pre>";
    let text = whole(page.as_bytes(), "text/html");
    assert_eq!(text, "Port\n\nOne.\n\nTwo.\n\n- a\n- b\nFees\nQuay | Fee\nNorth | 1\nSouth | 2\n\nx\n  y");
    assert_eq!(parts(page, "text/html"), [text]);
}

#[test]
fn headings_belong_to_the_passage_that_they_open() {
    let text = "Ropes lie ready. ".repeat(30);
    let long = text.repeat(4);
    let document = format!("# A\n\n## B\n\n{text}\n\n## C\n\n{long}\n\n# D\n\n# E");
    let found = parts(&document, "text/markdown");
    assert!(found[0].starts_with("A\n\nB\n\nRopes") && found[1].starts_with("C\n\nRopes"), "{found:?}");
    assert!(found[2].starts_with("Ropes"), "the heading is only repeated: {}", found[2]);
    assert!(found.last().is_some_and(|last| last.ends_with("D\n\nE")), "{found:?}");
    assert_eq!(parts("# Only a heading", "text/markdown"), ["Only a heading"]);
}

#[test]
fn header_of_a_table_belongs_to_its_first_rows() {
    let rows: String = (0..200).map(|n| format!("Berth {n},{n}\n")).collect();
    let found = parts(&format!("Place,Due\n{rows}"), "text/csv");
    assert!(found[0].starts_with("Place | Due\nBerth 0 | 0\n"), "{}", found[0]);
    assert!(found.len() > 2 && found[1..].iter().all(|part| part.starts_with("Berth")), "{found:?}");
    assert_eq!(found.join("\n"), whole(format!("Place,Due\n{rows}").as_bytes(), "text/csv"));
    // Passages repeat only the beginning of a long header.
    let names: Vec<String> = (0..80).map(|n| format!("Column of sort {n}")).collect();
    let wide = format!("{}\n{}", names.join(","), format!("{}\n", vec!["7"; 80].join(",")).repeat(9));
    let found = parts(&wide, "text/csv");
    assert!(found[0].starts_with("Column of sort 0 | ") && found.len() > 1, "{found:?}");
}

#[test]
fn data_within_a_passage_is_part_of_its_range() {
    let data = "iVBORw0KGgoAAAANSUhEUgAAAAUA9Q".repeat(20);
    let text = format!("Before {data} between {data} after. {}", "The pier. ".repeat(300));
    let found = read(text.as_bytes(), "text/plain").passages;
    assert!(part(&text, &found[0]).starts_with(&format!("Before {data} between {data} after. The pier.")));
    for passage in &found[1..] {
        assert_eq!(part(&text, passage), passage.text);
    }
    let around = format!("{data} The pier. {data}");
    assert_eq!(parts(&around, "text/plain"), ["The pier."]);
}

#[test]
fn ranges_continue_over_the_pages_of_a_pdf() {
    let pages: Vec<Vec<String>> = (1..=6).map(samples::page).collect();
    let bytes = samples::pdf(&pages);
    let text = whole(&bytes, Format::Pdf.content_type());
    let found = read(&bytes, Format::Pdf.content_type()).passages;
    assert!(found.len() > 2, "{}", found.len());
    for passage in &found {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&part(&text, passage)), words(&passage.text));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn ranges_hold_the_passages_of_any_document(
        blocks in proptest::collection::vec((0..9_usize, "([a-zäß港🚢]{1,9}[.!?。]? ?){1,12}", 1..40_usize), 1..40)
    ) {
        let (mut markdown, mut page) = (String::new(), String::new());
        for (kind, words, times) in blocks {
            let (mark, tag, times) = match kind {
                0 | 1 => ("#", "h1", 1),
                2 => ("##", "h2", 1),
                3 => ("####", "h4", 1),
                4 => ("-", "li", 1),
                _ => ("", "p", times),
            };
            let words = format!("{words} ").repeat(times);
            markdown += &format!("{mark} {words}\n\n");
            page += &format!("<{tag}>{words}</{tag}>");
            if kind == 8 {
                page += &format!("<table><tr><th>A<th>{}</tr>{}</table>", &words.trim(), "<tr><td>b<td>c".repeat(times * 3));
            }
        }
        for (document, content_type) in [(&markdown, "text/markdown"), (&page, "text/html"), (&page, "text/plain")] {
            read(document.as_bytes(), content_type);
        }
    }

    #[test]
    fn ranges_of_rows_and_records(cells in proptest::collection::vec(("[a-z ]{0,9}", "[a-zö0-9]{0,40}", "[ -!#-\\[\\]-~]{0,9}"), 2..200)) {
        let rows: String = cells.iter().map(|(a, b, c)| format!("x{a}\t{b}\t{c}\n")).collect();
        read(rows.as_bytes(), "text/tab-separated-values");
        let records: Vec<_> =
            cells.iter().map(|(a, b, c)| format!("{{\"name\":\"{a}\",\"x\":[\"{b}\",{{\"y\":\"{c}\"}}]}}")).collect();
        read(format!("[{}]", records.join(",")).as_bytes(), "application/json");
    }

    #[test]
    fn ranges_of_arbitrary_texts(text in "([\\[\\]{}\",:;|#*>`\n<&-]|[0-9a-zA-Z.]{0,4}|=\\?| |<h[1-3]>|<td>|\\PC){0,120}") {
        for format in [Format::Text, Format::Markdown, Format::Html, Format::Csv, Format::Tsv, Format::Json, Format::JsonLines, Format::Mail] {
            for bytes in [text.as_bytes(), format!("From: {text}\r\n\r\n{text}").as_bytes()] {
                if let Ok(found) = extract(bytes, format.content_type(), Options::default()) {
                    assert_ranges(&whole(bytes, format.content_type()), &found.passages);
                }
            }
        }
    }
}
