//! Passages from text, Markdown and HTML, and errors of every format.

mod kinds;
mod samples;

use bulkhead_documents::{
    DocumentError, Format, MAX_BYTES, MAX_PASSAGE_TOKENS, MAX_PASSAGES, MAX_TEXT, Options, extract,
    extract_page, passages,
};
use proptest::prelude::*;
use proptest::sample::Index;

#[test]
fn reads_visible_text_of_html() {
    let page = b"<!doctype html><html><head><title>T</title><style>p{color:red}</style><script>alert(1)</script></head>\
        <body><h1>Refunds</h1><p>Within <b>14 days</b>.</p><ul><li>Bring the receipt<li>Ask for Ada</ul></body></html>";
    let text = passages(page, Format::Html).expect("html").join("\n");
    for expected in ["Refunds", "Within 14 days.", "Bring the receipt", "Ask for Ada"] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    for hidden in ["alert", "color", "<", "doctype"] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
}

#[test]
fn splits_markdown_at_headings() {
    let section =
        |n: usize| format!("## Section {n}\n\n{}\n\n", format!("Sentence number {n} is here. ").repeat(30));
    let text: String = (0..6).map(section).collect();
    let passages = passages(text.as_bytes(), Format::Markdown).expect("markdown");
    assert_eq!(passages.len(), 6);
    for (n, passage) in passages.iter().enumerate() {
        assert!(passage.starts_with(&format!("Section {n}\n")), "{passage}");
    }
}

#[test]
fn rejects_invalid_documents_with_reason() {
    assert_eq!(passages(b"", Format::Text), Err(DocumentError::Empty));
    assert_eq!(passages(b" \n\t", Format::Markdown), Err(DocumentError::Empty));
    assert_eq!(passages(b"<p></p>", Format::Html), Err(DocumentError::Empty));
    assert_eq!(passages(b"\xff\xfe", Format::Text), Err(DocumentError::Empty));
    let program: Vec<u8> = (0..=255).cycle().take(4_096).collect();
    assert_eq!(passages(&program, Format::Text), Err(DocumentError::NotText));
    assert_eq!(passages(&vec![b'a'; MAX_BYTES + 1], Format::Text), Err(DocumentError::TooLarge));
    assert_eq!(Format::from_content_type("image/png"), Err(DocumentError::Unsupported));
    assert_eq!(Format::from_content_type("Text/HTML; charset=utf-8"), Ok(Format::Html));
}

#[test]
fn content_type_round_trips() {
    for format in Format::ALL {
        assert_eq!(Format::from_content_type(format.content_type()), Ok(format));
        let named = DocumentError::Unsupported.to_string();
        assert!(named.contains(format.content_type()), "{named}");
        let row = format!("| {} | `{}` |", format.name(), format.content_type());
        assert!(include_str!("../README.md").contains(&row), "{row}");
        assert_eq!(
            Format::content_types().split(", ").filter(|name| *name == format.content_type()).count(),
            1
        );
    }
}

#[test]
fn rejects_mismatched_content_type() {
    let pdf = samples::pdf(&[vec!["text".to_owned()]]);
    let docx = samples::docx(&["text".to_owned()]);
    let refused = |bytes: &[u8], format| passages(bytes, format).expect_err("a disguise").to_string();
    assert_eq!(refused(&pdf, Format::Text), "the content type is text/plain, but the document is a PDF");
    assert_eq!(
        refused(&docx, Format::Pdf),
        "the content type is application/pdf, but the document is a zip archive"
    );
    assert!(refused(&pdf, Format::Docx).ends_with("but the document is a PDF"));
    assert!(
        refused(b"GIF89a<script>alert(1)</script>", Format::Html).ends_with("but the document is a picture")
    );
    // Both formats in one file: the first byte decides.
    assert!(refused(&[docx.clone(), pdf.clone()].concat(), Format::Pdf).ends_with("a zip archive"));
    assert!(refused(&[pdf, docx].concat(), Format::Docx).ends_with("a PDF"));
}

#[test]
fn removes_control_characters() {
    let bytes = b"one\x1b[2Jtwo\r\nthree\rfour\x0cfive\x07";
    assert_eq!(passages(bytes, Format::Text), Ok(vec!["one[2Jtwo\nthree\nfour\nfive".to_owned()]));
}

#[test]
fn pages_fit_into_one_response_and_are_complete() {
    // Each quote takes two bytes in JSON.
    let quotes = "\"\\ ".repeat(2_000_000);
    let read = |first| {
        extract_page(quotes.clone().into_bytes(), "text/plain", Options::default(), first)
            .expect("a page")
            .passages
    };
    let whole = extract(quotes.as_bytes(), "text/plain", Options::default()).expect("text").passages;
    let (mut found, mut pages) = (vec![], 0);
    while found.len() < whole.len() {
        let page = read(u32::try_from(found.len()).expect("a number"));
        let escaped = |text: &str| text.len() + text.matches(['"', '\\']).count();
        let size: usize = page.iter().map(|passage| escaped(&passage.text) + 60).sum();
        assert!(!page.is_empty() && size < 6_000_000, "{size}");
        found.extend(page);
        pages += 1;
    }
    assert!(found == whole && pages == 3, "{pages}");
    assert!(read(u32::MAX).is_empty());
}

#[test]
fn rejects_deeply_nested_html() {
    let page = format!("{}x{}", "<div>".repeat(200_000), "</div>".repeat(200_000));
    assert_eq!(passages(page.as_bytes(), Format::Html), Err(DocumentError::TooDeep));
    let stray = "<div></x>".repeat(100_000);
    assert_eq!(passages(stray.as_bytes(), Format::Html), Err(DocumentError::TooDeep));
    let unclosed = "<b><i>".repeat(100_000);
    assert_eq!(passages(unclosed.as_bytes(), Format::Html), Err(DocumentError::TooDeep));
}

/// Estimates tokens as the crate does: a quarter per ASCII character, a half for other letters
/// of alphabets, one for each other character.
fn tokens(text: &str) -> usize {
    let quarters = |c: char| match c {
        '\0'..='\u{7f}' => 1,
        '\u{80}'..='\u{7ff}' | '\u{2000}'..='\u{206f}' => 2,
        _ => 4,
    };
    text.chars().map(quarters).sum::<usize>().div_ceil(4)
}

#[test]
fn long_texts_end_at_good_places() {
    let sentences: String = (0..200).map(|n| format!("Sentence number {n} tells of the pier. ")).collect();
    let found = passages(sentences.as_bytes(), Format::Text).expect("text");
    for pair in found.windows(2) {
        assert!(pair[0].ends_with('.') && pair[1].starts_with("Sentence number"), "{pair:?}");
        // Passages of one paragraph share a sentence.
        let last = pair[0].rsplit(". ").next().expect("a sentence");
        assert!(pair[1].contains(last), "{pair:?}");
    }
    let lines: String = (0..300).map(|n| format!("12:00:{n} request served\n")).collect();
    for passage in passages(lines.as_bytes(), Format::Text).expect("text") {
        assert!(passage.starts_with("12:00:") && passage.ends_with("served"), "{passage}");
    }
    let chinese = "港口渡轮时刻表每日更新。停泊费用冬季较低。".repeat(200);
    let found = passages(chinese.as_bytes(), Format::Text).expect("text");
    assert!(found.len() > 10 && found.iter().all(|passage| passage.ends_with('。')));
}

#[test]
fn unusual_texts_become_passages_in_one_pass() {
    // In a debug build; the slowest takes a fraction of a second in a release build.
    let size = 200_000;
    for (name, text, format) in [
        ("no blank", "abcdefgh.,;:/".repeat(size / 13), Format::Text),
        ("no punctuation", "港口渡轮时刻表".repeat(size / 21), Format::Text),
        ("line ends", format!("x{}y", "\n".repeat(size)), Format::Text),
        ("accents", format!("e{}", "\u{301}".repeat(size / 2)), Format::Text),
        ("one line of CSV", "value,".repeat(size / 6), Format::Csv),
        ("minified JSON", format!("[{}1]", "{\"a\":[1,{\"b\":2}]},".repeat(size / 20)), Format::Text),
        ("brackets", "[".repeat(size), Format::Markdown),
    ] {
        let found = extract(text.as_bytes(), format.content_type(), Options::default());
        let found = found.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(found.passages.iter().all(|passage| tokens(&passage.text) <= 460), "{name}");
    }
}

#[test]
fn data_is_not_text() {
    let data: String = (0..40_000_u32)
        .map(|n| {
            char::from(
                b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
                    [(n.wrapping_mul(2_654_435_761) >> 26) as usize],
            )
        })
        .collect();
    let wrapped: Vec<String> =
        data.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    let uri = format!("# Map\n\n![map](data:image/png;base64,{data})\n\nThe pier.");
    assert_eq!(passages(uri.as_bytes(), Format::Markdown).expect("text"), ["Map\nmap\n\nThe pier."]);
    for text in [
        format!("Before data:image/png;base64,{data} after"),
        format!("Before {data} after"),
        format!("Before \n{}\n after", wrapped.join("\n")),
        format!("Before \"{data}\", after"),
        format!("Before {} after", "0123456789abcdef".repeat(100)),
    ] {
        let found = passages(text.as_bytes(), Format::Text).expect("text");
        assert_eq!(found.len(), 1, "{}", found.len());
        assert!(
            found[0].starts_with("Before") && found[0].ends_with("after") && found[0].len() < 120,
            "{}",
            found[0]
        );
    }
    let kept = format!("/usr/share/{} SHA256 9f86d081884c7d659a2feaa0c55ad015 end", "harbour/".repeat(60));
    assert_eq!(passages(kept.as_bytes(), Format::Text).expect("text"), [kept]);
}

#[test]
fn headings_without_text_are_kept() {
    let found =
        extract(b"# A\n\n# B\n\n## C\n\nText.\n\n# D", "text/markdown", Options::default()).expect("text");
    assert_eq!(found.passages.len(), 1);
    assert_eq!(found.passages[0].text, "A\nB\nC\nText.\n\nD");
    let alone = extract(b"# Only a heading", "text/markdown", Options::default()).expect("text");
    assert_eq!(alone.passages[0].text, "Only a heading");
    assert_eq!(alone.passages[0].headings, ["Only a heading"]);
}

#[test]
fn a_passage_is_no_longer_than_its_limit() {
    let long = "Wide heading of this very long section ".repeat(3);
    let title = "Document title ".repeat(40);
    let text = "Moor at the north quay, and pay. ".repeat(200);
    let page = format!("<title>{title}</title><h1>{long}</h1><h2>{long}</h2><h3>{long}</h3><p>{text}</p>");
    let found = extract(page.as_bytes(), "text/html", Options::default()).expect("text");
    assert!(found.passages.len() > 3);
    for passage in found.passages {
        assert!(tokens(&passage.text) <= 460, "{} tokens", tokens(&passage.text));
        assert!(passage.text.starts_with("Document title Document title"), "{}", passage.text);
    }
    let sections: String =
        (0..60_000).map(|n| format!("# Section {n}\n\nA short text follows the heading.\n\n")).collect();
    let found = extract(sections.as_bytes(), "text/markdown", Options::default()).expect("text");
    assert!(found.passages.iter().all(|passage| tokens(&passage.text) <= MAX_PASSAGE_TOKENS));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn passages_keep_every_word(words in proptest::collection::vec("[a-z]{1,12}[.?!]?", 1..800)) {
        let text = words.join(" ");
        let passages = passages(text.as_bytes(), Format::Text).expect("text");
        // A passage may repeat the last sentences of the one before it.
        let mut rest = words.iter().map(String::as_str).peekable();
        for word in passages.iter().flat_map(|passage| passage.split_whitespace()) {
            rest.next_if_eq(&word);
        }
        prop_assert_eq!(rest.next(), None);
    }

    #[test]
    fn same_bytes_give_same_passages(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        for format in Format::ALL {
            let found = passages(&bytes, format);
            for passage in found.iter().flatten() {
                prop_assert!(tokens(passage) <= MAX_PASSAGE_TOKENS);
            }
            prop_assert_eq!(found, passages(&bytes, format));
            // Also bytes that pass the signature check.
            for beginning in [&b"%PDF-1.7\n"[..], b"PK\x03\x04"] {
                let bytes = [beginning, &bytes].concat();
                prop_assert_eq!(passages(&bytes, format), passages(&bytes, format));
            }
        }
    }

    #[test]
    fn damaged_files_never_panic(flips in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..12)) {
        let pdf = samples::pdf(&[samples::page(1), samples::page(2)]);
        let docx = samples::docx(&samples::page(1));
        for (mut bytes, format) in [(pdf, Format::Pdf), (docx, Format::Docx)] {
            for (at, byte) in &flips {
                *at.get_mut(&mut bytes) = *byte;
            }
            if let Ok(passages) = passages(&bytes, format) {
                prop_assert!(passages.len() <= MAX_PASSAGES);
                prop_assert!(passages.iter().map(String::len).sum::<usize>() <= MAX_TEXT);
            }
        }
    }

    #[test]
    fn arbitrary_xml_never_panics(xml in "(<[w:/!?a-t]{0,8}>?|&[a-z#0-9]{0,6};?|<w:r><w:t>|[ -~]|\\PC){0,80}") {
        let _ = passages(&samples::docx_of(&xml), Format::Docx);
        let relations = "<R><R Id='a' Type='/worksheet' Target='a.xml'/><R Id='a' Type='/slide' Target='a.xml'/></R>";
        for (format, main, first, source, links) in [
            (Format::Xlsx, "xl/a.xml", "xl/workbook.xml", "<w><sheet name='A' id='a'/></w>", "xl/_rels/workbook.xml.rels"),
            (Format::Pptx, "ppt/a.xml", "ppt/presentation.xml", "<p><sldId r:id='a'/></p>", "ppt/_rels/presentation.xml.rels"),
            (Format::Ods, "content.xml", "meta.xml", "<m/>", "x"),
            (Format::Odt, "content.xml", "meta.xml", "<m/>", "x"),
            (Format::Epub, "a", "META-INF/container.xml", "<c><rootfile full-path='a'/></c>", "x"),
        ] {
            let part = |name, content: &str| samples::Entry::of(name, content.as_bytes());
            let _ = passages(&samples::zip(&[part(main, &xml), part(first, source), part(links, relations)]), format);
        }
    }

    #[test]
    fn arbitrary_texts_never_panic(text in "([\\[\\]{}\",:;|#*>`\n<&-]|[0-9a-zA-Z.]{0,4}|=\\?|\\PC){0,120}") {
        for format in [Format::Markdown, Format::Csv, Format::Tsv, Format::Json, Format::JsonLines, Format::Mail] {
            let _ = passages(text.as_bytes(), format);
            let _ = passages(format!("From: {text}\r\nSubject: {text}\r\n\r\n{text}").as_bytes(), format);
        }
    }

    #[test]
    fn arbitrary_styles_never_panic(style in "([.#a-z:\\[\\]=>+~,{}();!@*/\"' -]|[0-9]{1,9}|display:none|@media |:not\\(|\\PC){0,120}") {
        let page = format!("<style>{style}</style><p id=a class=b style='{style}'>x<a>y");
        let _ = passages(page.as_bytes(), Format::Html);
    }

    #[test]
    fn arbitrary_pdf_operators_never_panic(content in "(BT |ET |/F1 9 Tf |T[jJdDmL*] |[0-9.-]{1,9} |[<(\\[][a-f0-9 ]{0,6}[>)\\]]? |[ -~]){0,80}") {
        let _ = passages(&samples::pdf_with(&[content.into_bytes()]), Format::Pdf);
    }

    #[test]
    fn arbitrary_html_never_panics(page in "(<[a-z/!]{0,6}>?|&[a-z#0-9]{0,6};?|[ -~]|\\PC){0,120}") {
        let _ = passages(page.as_bytes(), Format::Html);
    }
}
