//! Plain text and Markdown: encodings, front matter, lists, tables and code.

mod kinds;

use bulkhead_documents::{DocumentError, Format, Options, extract};
use kinds::{assert_text, read, text};

fn plain(bytes: &[u8]) -> String {
    text(bytes, Format::Text)
}

fn markdown(source: &str) -> String {
    text(source.as_bytes(), Format::Markdown)
}

#[test]
fn reads_encodings() {
    assert_eq!(plain(include_bytes!("cases/t01_utf16le.txt")), "Ferry leaves at noon.\nTickets on board.");
    assert_eq!(plain(include_bytes!("cases/t02_cp1252.txt")), "Café Müller – “closed” at Noël, 5 €");
    let sentence = "Fähre um zwölf, 5 €";
    let utf16 = |order: fn(u16) -> [u8; 2]| sentence.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let utf32 =
        |order: fn(u32) -> [u8; 4]| sentence.chars().flat_map(|c| order(c.into())).collect::<Vec<u8>>();
    for bytes in [
        [b"\xef\xbb\xbf", sentence.as_bytes()].concat(),
        [b"\xff\xfe".to_vec(), utf16(u16::to_le_bytes)].concat(),
        [b"\xfe\xff".to_vec(), utf16(u16::to_be_bytes)].concat(),
        [b"\xff\xfe\0\0".to_vec(), utf32(u32::to_le_bytes)].concat(),
        [b"\0\0\xfe\xff".to_vec(), utf32(u32::to_be_bytes)].concat(),
        // Without a mark.
        utf16(u16::to_le_bytes),
        utf16(u16::to_be_bytes),
        sentence.as_bytes().to_vec(),
    ] {
        assert_eq!(plain(&bytes), sentence, "{bytes:?}");
    }
    for (charset, bytes, expected) in [
        ("iso-8859-2", &b"\xb3\xf3d\xbc"[..], "łódź"),
        ("shift_jis", b"\x8d\x60", "港"),
        ("\"windows-1251\"", b"\xcf\xe0\xf0\xee\xec", "Паром"),
        ("gbk", b"\xb8\xdb\xbf\xda", "港口"),
        ("utf-16le", b"F\0e\0e\0", "Fee"),
        ("utf-8", "Fähre".as_bytes(), "Fähre"),
        // Clients that declare UTF-8 for every text.
        ("utf-8", b"Caf\xe9 M\xfcller", "Café Müller"),
        ("us-ascii", "Fähre".as_bytes(), "Fähre"),
        ("no-such-charset", "Fähre".as_bytes(), "Fähre"),
    ] {
        let found = read(bytes, &format!("text/plain; format=flowed; charset={charset}"));
        assert_eq!(found.passages[0].text, expected, "{charset}");
    }
    assert_eq!(plain(b"\x1b$B9A\x1b(B"), "港");
    let russian =
        "Паром отходит в полдень. Билеты продаются на борту. Стоянка стоит двенадцать евро за ночь.";
    let letter = |c: char| if c >= 'А' { u32::from(c) - 0x410 + 0xc0 } else { c.into() };
    let windows_1251: Vec<u8> = russian.chars().map(|c| u8::try_from(letter(c)).expect("a letter")).collect();
    assert_eq!(plain(&windows_1251), russian);
    let markdown = text(b"# Caf\xe9\n\nM\xfcller", Format::Markdown);
    assert_eq!(markdown, "Café\nMüller");
}

#[test]
fn damage_does_not_refuse_a_document() {
    assert_eq!(plain(include_bytes!("cases/t05_nul.txt")), "Line one of the log\nlinetwo\nline three");
    assert_text(&plain(include_bytes!("cases/t12_one_bad_byte.txt")), &["user café signed in"], &[]);
    let log = ["Größe ok\n".repeat(200).as_bytes(), b"user caf\xe9 signed in\n"].concat();
    let found = read(&log, "text/plain");
    assert_text(&found.passages.last().expect("a passage").text, &["user caf\u{fffd} signed in"], &[]);
    assert_eq!(found.warnings, ["1 byte is not valid in the document's encoding"]);
    let coloured = b"\x1b[32mok\x1b[0m served\n".repeat(100);
    assert_text(&plain(&coloured), &["ok[0m served"], &[]);
    let binary: Vec<u8> = (0..4_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for format in [Format::Text, Format::Markdown, Format::Html, Format::Csv] {
        let refused = extract(&binary, format.content_type(), Options::default());
        assert_eq!(refused, Err(DocumentError::NotText), "{format:?}");
    }
}

#[test]
fn front_matter_is_only_the_title() {
    let case = read(include_bytes!("cases/m04_front.md"), "text/markdown");
    assert_eq!(case.title.as_deref(), Some("Winter rules"));
    assert_eq!(case.passages[0].text, "Winter rules\nThe pier is closed.");
    let toml = read(b"+++\ntitle = 'Dues'\n+++\n\n# Berths\n\n12 EUR", "text/markdown");
    assert_eq!(
        (toml.title.as_deref(), toml.passages[0].text.as_str()),
        (Some("Dues"), "Dues > Berths\n12 EUR")
    );
    assert_eq!(markdown("---\n\nA rule above."), "A rule above.");
}

#[test]
fn sections_know_their_headings() {
    let case = read(include_bytes!("cases/m01b_section.md"), "text/markdown");
    assert!(case.passages.len() > 1);
    for passage in &case.passages {
        assert!(passage.text.starts_with("Fees > Mooring in winter\n"), "{}", passage.text);
        assert_eq!(passage.headings, ["Fees", "Mooring in winter"]);
    }
    let setext = read(b"Fees\n====\n\nMooring\n---\n\nText.\n\n## Berths ##\n\nMore.", "text/markdown");
    assert_eq!(setext.passages[0].text, "Fees\nMooring\nText.\n\nBerths\nMore.");
}

#[test]
fn tables_repeat_their_header() {
    let case = read(include_bytes!("cases/m03_table.md"), "text/markdown");
    assert!(case.passages.len() > 1);
    for passage in &case.passages {
        assert!(passage.text.starts_with("Dues\nPort | Dues in EUR | Pilot\nHarbour "), "{}", passage.text);
    }
}

#[test]
fn markdown_keeps_structure_and_text() {
    let source = "1. One\n2. Two\n   - Inner *item*\n3. [x] Done\n\n\
        ```rust\nfn main() {\n    go();\n}\n```\n\n\
        Use `Vec<String>` or Vec<String> and <your-name> with a<b.\n\n<div>Raw <b>HTML</b></div>\n\n\
        <script>HIDDEN</script>\n<!-- HIDDEN -->\n\n![Map of the quay](map.png) [the page](http://x.example)\n\n\
        > A quote\n\nTerm\n: Definition\n\nNote[^1].\n\n[^1]: The note.";
    let text = markdown(source);
    assert_text(
        &text,
        &[
            "1. One\n2. Two\n  - Inner item\n3. [x] Done",
            "fn main() {\n    go();\n}",
            "Use Vec<String> or Vec<String> and <your-name> with a<b.",
            "Raw HTML",
            "Map of the quay the page",
            "A quote",
            "Term: Definition",
            "The note.",
        ],
        &["HIDDEN", "```", "http://"],
    );
}

#[test]
fn nested_structure_becomes_plain_text() {
    assert_text(&markdown(&format!("{} deep", ">".repeat(10_000))), &["deep"], &[]);
    assert_text(&markdown(&format!("{}x", "[".repeat(20_000))), &["[[[["], &[]);
}
