//! Spreadsheets and other files of rows.

mod kinds;
mod samples;

use bulkhead_documents::{DocumentError, Format, Options, extract};
use kinds::{assert_text, read, text};
use samples::{Entry, zip};

const STYLES: &str = "<styleSheet><numFmts><numFmt numFmtId=\"164\" formatCode=\"#,##0.00 &quot;EUR&quot;\"/>\
    <numFmt numFmtId=\"165\" formatCode=\"dd.mm.yyyy\"/><numFmt numFmtId=\"166\" formatCode=\"[$€-407] #,##0;[Red]-[$€-407] #,##0\"/>\
    <numFmt numFmtId=\"167\" formatCode=\"d mmm yyyy h:mm AM/PM\"/><numFmt numFmtId=\"168\" formatCode=\"[h]:mm\"/>\
    <numFmt numFmtId=\"169\" formatCode=\"0.0,,&quot; M&quot;\"/></numFmts>\
    <cellStyleXfs><xf numFmtId=\"9\"/></cellStyleXfs><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"164\"/><xf numFmtId=\"165\"/>\
    <xf numFmtId=\"10\"/><xf numFmtId=\"14\"/><xf numFmtId=\"166\"/><xf numFmtId=\"167\"/><xf numFmtId=\"168\"/><xf numFmtId=\"169\"/>\
    </cellXfs></styleSheet>";

/// An XLSX with sheets: name, attributes of the entry, and rows.
fn xlsx(sheets: &[(&str, &str, &str)]) -> Vec<u8> {
    let (mut entries, mut list, mut relations) = (String::new(), vec![], String::new());
    const NAMES: [&str; 3] = ["xl/worksheets/a.xml", "xl/worksheets/b.xml", "xl/worksheets/c.xml"];
    let sources: Vec<String> =
        sheets.iter().map(|(.., rows)| format!("<worksheet>{rows}</worksheet>")).collect();
    for (n, ((name, attributes, _), part)) in sheets.iter().zip(NAMES).enumerate() {
        entries += &format!("<sheet name=\"{name}\" sheetId=\"{n}\" {attributes} r:id=\"r{n}\"/>");
        let target = part.trim_start_matches("xl/");
        relations += &format!("<Relationship Id=\"r{n}\" Type=\"x/worksheet\" Target=\"{target}\"/>");
    }
    relations += "<Relationship Id=\"s\" Type=\"x/sharedStrings\" Target=\"sharedStrings.xml\"/>\
        <Relationship Id=\"t\" Type=\"x/styles\" Target=\"/xl/styles.xml\"/>";
    let workbook = format!("<workbook><sheets>{entries}</sheets></workbook>");
    let relations = format!("<Relationships>{relations}</Relationships>");
    let strings = "<sst><si><t>Port</t></si><si><r><t>No</t></r><r><t xml:space=\"preserve\">rth </t></r><rPh><t>PHONETIC</t></rPh></si></sst>";
    list.push(Entry::of("xl/workbook.xml", workbook.as_bytes()));
    list.push(Entry::of("xl/_rels/workbook.xml.rels", relations.as_bytes()));
    list.push(Entry::of("xl/sharedStrings.xml", strings.as_bytes()));
    list.push(Entry::of("xl/styles.xml", STYLES.as_bytes()));
    list.extend(sources.iter().zip(NAMES).map(|(source, name)| Entry::of(name, source.as_bytes())));
    zip(&list)
}

fn cell(place: &str, style: usize, value: &str) -> String {
    format!("<c r=\"{place}\" s=\"{style}\"><v>{value}</v></c>")
}

fn words(place: &str, text: &str) -> String {
    format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
}

#[test]
fn control_characters_leave_headers_too() {
    // Enough zeros for the bytes to be text, not binary data.
    let rows: String = (0..60).map(|n| format!("Berth {n},{n}\n")).collect();
    let bytes = format!("Po\0rt,D\u{200b}ue\n{rows}").into_bytes();
    let found = extract(&bytes, "text/csv", Options::default()).expect("rows");
    for passage in &found.passages {
        assert!(!passage.text.contains(['\0', '\u{200b}']), "{:?}", passage.text);
        assert!(passage.text.contains("Port"), "{:?}", passage.text);
    }
}

#[test]
fn parts_may_be_named_with_backslashes() {
    let sheet =
        format!("<worksheet><sheetData><row>{}</row></sheetData></worksheet>", words("A1", "The pier"));
    let workbook = "<workbook><sheets><sheet name=\"Fees\" sheetId=\"1\" r:id=\"r0\"/></sheets></workbook>";
    let relations = "<Relationships><Relationship Id=\"r0\" Type=\"x/worksheet\" Target=\"worksheets\\a.xml\"/></Relationships>";
    let bytes = zip(&[
        Entry::of("xl\\workbook.xml", workbook.as_bytes()),
        Entry::of("xl\\_rels\\workbook.xml.rels", relations.as_bytes()),
        Entry::of("xl\\worksheets\\a.xml", sheet.as_bytes()),
    ]);
    assert_text(&text(&bytes, Format::Xlsx), &["Fees\nThe pier"], &[]);
}

#[test]
fn a_long_header_is_kept_once_as_a_whole() {
    let names: Vec<String> = (0..80).map(|n| format!("Column of the harbour {n}")).collect();
    let rows = "1,2,3\n".repeat(600);
    let found = read(format!("{}\n{rows}", names.join(",")).as_bytes(), "text/csv");
    let all: String = found.passages.iter().map(|passage| passage.text.as_str()).collect();
    assert!(found.passages.len() > 3);
    assert_eq!(all.matches("Column of the harbour 79").count(), 1);
    assert!(found.passages.iter().all(|passage| passage.text.contains("Column of the harbour 0")));
}

#[test]
fn cells_show_what_people_see() {
    let header = ["A1", "B1", "C1", "D1", "E1", "F1", "G1", "H1", "I1", "J1"]
        .map(|place| words(place, "Name"))
        .concat();
    let values = [
        "<c r=\"A2\" t=\"s\"><v>1</v></c>".to_owned(),
        cell("B2", 1, "1234.5"),
        cell("C2", 2, "45413"),
        cell("D2", 3, "0.125"),
        cell("E2", 4, "45413.75"),
        cell("F2", 5, "-1200"),
        cell("G2", 6, "45413.5625"),
        cell("H2", 7, "1.5"),
        cell("I2", 8, "2500000"),
        cell("J2", 0, "0.30000000000000004"),
    ];
    let more = "<row r=\"3\"><c r=\"A3\" t=\"b\"><v>1</v></c><c r=\"B3\" t=\"e\"><v>#N/A</v></c><c r=\"D3\" t=\"str\"><f>A1</f><v>made</v></c></row>";
    let rows = format!(
        "<sheetData><row r=\"1\">{header}</row><row r=\"2\">{}</row>{more}</sheetData>",
        values.concat()
    );
    let found = text(&xlsx(&[("Dues", "", &rows)]), Format::Xlsx);
    let expected = "North | 1,234.50 EUR | 01.05.2024 | 12.50% | 2024-05-01 | -€ 1,200 | 1 May 2024 1:30 PM | 36:00 | 2.5 M | 0.3\n\
        TRUE | #N/A |  | made";
    assert!(found.ends_with(expected), "{found}");
    assert_text(&found, &["Dues\nName | Name"], &["PHONETIC"]);
}

#[test]
fn sheets_are_sections_with_headers() {
    let long: String = (4..400)
        .map(|n| {
            format!(
                "<row r=\"{n}\">{}{}</row>",
                words(&format!("B{n}"), &format!("Harbour {n}")),
                cell(&format!("C{n}"), 0, &n.to_string())
            )
        })
        .collect();
    let rows = format!(
        "<sheetData><row r=\"1\">{}</row><row r=\"3\">{}{}{}</row>{long}</sheetData>",
        words("B1", "Price list of the harbour"),
        words("B3", "Port"),
        words("C3", "Dues in EUR"),
        words("D3", "Remark"),
    );
    let second =
        format!("<sheetData><row r=\"1\">{}{}</row></sheetData>", words("A1", "Only"), words("B1", "row"));
    let found = read(&xlsx(&[("Prices", "", &rows), ("Other", "", &second)]), Format::Xlsx.content_type());
    let wide = long.len();
    assert!(found.passages.len() > 3 && wide > 0);
    assert!(
        found.passages[0].text.starts_with("Prices\nPrice list of the harbour"),
        "{}",
        found.passages[0].text
    );
    for passage in found.passages.iter().filter(|passage| passage.headings == ["Prices"]) {
        assert_text(&passage.text, &["Port | Dues in EUR | Remark\nHarbour "], &[]);
    }
    assert_text(&found.passages.last().expect("a passage").text, &["Other", "Only | row"], &[]);
}

#[test]
fn hidden_cells_are_left_out_with_a_warning() {
    let rows = format!(
        "<cols><col min=\"2\" max=\"2\" hidden=\"1\"/></cols><sheetData><row r=\"1\">{}{}{}</row><row r=\"2\" hidden=\"1\">{}</row></sheetData>",
        words("A1", "Shown"),
        words("B1", "HIDDEN"),
        words("C1", "Also"),
        words("A2", "HIDDEN"),
    );
    let bytes =
        xlsx(&[("Dues", "", &rows), ("Secret", "state=\"veryHidden\"", &rows.replace("HIDDEN", "MORE"))]);
    let found = read(&bytes, Format::Xlsx.content_type());
    assert_eq!(found.passages[0].text, "Dues\nShown | Also");
    assert_eq!(
        found.warnings,
        ["not read: hidden rows or columns of the sheet `Dues`", "not read: 1 hidden sheet"]
    );
    let empty = xlsx(&[("A", "", "<sheetData/>"), ("B", "", "<sheetData/>"), ("C", "", &rows)]);
    let found = read(&empty, Format::Xlsx.content_type());
    assert!(found.warnings.contains(&"2 of 3 sheets have no text".to_owned()), "{:?}", found.warnings);
}

#[test]
fn rows_are_read_one_by_one_wherever_columns_are_named() {
    let row = |n: usize| {
        format!(
            "<row r=\"{n}\">\n {} {} </row>",
            words(&format!("A{n}"), &format!("a{n}")),
            words(&format!("B{n}"), &format!("b{n}"))
        )
    };
    let columns = "<cols><col min=\"1\" max=\"1\" hidden=\"1\"/></cols>";
    let rows = format!(
        "<sheetData>\n{}<!-- x --> <row r=\"2\"/>{}</sheetData>{columns}<row>{}</row>",
        row(1),
        [row(3), row(4)].concat(),
        words("C9", "NOT IN THE SHEET"),
    );
    let found = read(
        &xlsx(&[("Dues", "", &rows), ("More", "", &format!("<sheetData>{}</sheetData>", row(1)))]),
        Format::Xlsx.content_type(),
    );
    assert_eq!(found.passages[0].text, "Dues\nb1\nb3\nb4\n\nMore\na1 | b1");
}

#[test]
fn far_cells_take_no_memory() {
    let rows = format!(
        "<sheetData><row r=\"1\">{}</row><row r=\"1048576\">{}</row></sheetData>",
        words("A1", "First"),
        words("XFD1048576", "Last")
    );
    assert_text(&text(&xlsx(&[("Wide", "", &rows)]), Format::Xlsx), &["First", "Last"], &[]);
    let many: String =
        (1..300).map(|n| format!("<row r=\"{n}\">{}</row>", words(&format!("XFD{n}"), "x"))).collect();
    let many = format!("<sheetData>{many}</sheetData>");
    let refused = extract(&xlsx(&[("Wide", "", &many)]), Format::Xlsx.content_type(), Options::default());
    assert_eq!(refused, Err(DocumentError::TooManyElements));
    assert_eq!(
        extract(&zip(&[]), Format::Xlsx.content_type(), Options::default()),
        Err(DocumentError::NoMainPart(Format::Xlsx))
    );
}

#[test]
fn extreme_numbers_and_formats_are_shown() {
    let wide = "0".repeat(100_000);
    for (code, shown) in [
        (format!("0.{wide}"), "1.5"),
        (format!("{wide}E+{wide}"), "2E+00000"),
        ("[h]:[m]:[s]".to_owned(), "36:"),
        ("0.00E+00".to_owned(), "1.50E+00"),
    ] {
        let styles = STYLES.replacen("#,##0.00 &quot;EUR&quot;", &code, 1);
        let rows = format!(
            "<worksheet><sheetData><row r=\"{0}\">{1}</row><row>{1}</row></sheetData></worksheet>",
            u64::MAX,
            cell("A1", 1, "1.5")
        );
        let names = ["xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml", "xl/a.xml"];
        let workbook = "<workbook><sheet name=\"A\" r:id=\"a\"/></workbook>";
        let relations = "<R><Relationship Id=\"a\" Type=\"/worksheet\" Target=\"a.xml\"/>\
            <Relationship Id=\"s\" Type=\"/styles\" Target=\"styles.xml\"/></R>";
        let sources = [workbook, relations, styles.as_str(), rows.as_str()];
        let entries = names.iter().zip(sources).map(|(name, source)| Entry::of(name, source.as_bytes()));
        assert_text(&text(&zip(&entries.collect::<Vec<_>>()), Format::Xlsx), &[shown], &[]);
    }
    for number in ["1e308", "-1e308", "1e-320", "NaN", "inf", "99999999999", "-5"] {
        let places = ["A1", "B1", "C1", "D1", "E1", "F1", "G1", "H1", "I1"];
        let cells: String =
            places.iter().enumerate().map(|(style, place)| cell(place, style, number)).collect();
        let found = extract(
            &xlsx(&[("A", "", &format!("<sheetData><row r=\"1\">{cells}</row></sheetData>"))]),
            Format::Xlsx.content_type(),
            Options::default(),
        );
        assert!(found.is_ok(), "{number}: {found:?}");
    }
}

#[test]
fn opendocument_sheets_show_their_text() {
    let content = "<office:document-content xmlns:office=\"o\"><office:automatic-styles><style:style style:name=\"off\">\
        <style:table-properties table:display=\"false\"/></style:style></office:automatic-styles><office:body><office:spreadsheet>\
        <table:table table:name=\"Dues\"><table:table-row><table:table-cell><text:p>Port</text:p></table:table-cell>\
        <table:table-cell><text:p>EUR</text:p></table:table-cell></table:table-row>\
        <table:table-row><table:table-cell><text:p>North</text:p></table:table-cell><table:table-cell office:value=\"0.5\">\
        <text:p>50<text:s/>%</text:p><office:annotation><text:p>COMMENT</text:p></office:annotation></table:table-cell>\
        <table:table-cell table:number-columns-repeated=\"16382\"/></table:table-row>\
        <table:table-row table:visibility=\"filter\"><table:table-cell><text:p>HIDDEN</text:p></table:table-cell></table:table-row>\
        <table:table-row table:number-rows-repeated=\"1048570\"><table:table-cell table:number-columns-repeated=\"16384\"/></table:table-row>\
        </table:table><table:table table:name=\"Off\" table:style-name=\"off\"><table:table-row><table:table-cell><text:p>HIDDEN</text:p>\
        </table:table-cell></table:table-row></table:table></office:spreadsheet></office:body></office:document-content>";
    let bytes = zip(&[Entry::of("content.xml", content.as_bytes())]);
    let found = read(&bytes, Format::Ods.content_type());
    assert_eq!(found.passages[0].text, "Dues\nPort | EUR\nNorth | 50 %");
    assert_eq!(found.warnings.len(), 2, "{:?}", found.warnings);
}

#[test]
fn separated_values_are_rows() {
    let csv = |source: &str| text(source.as_bytes(), Format::Csv);
    assert_eq!(csv("Port,Dues\nNorth,\"12,50\"\nSouth,9\n"), "Port | Dues\nNorth | 12,50\nSouth | 9");
    assert_eq!(csv("Port;Dues\r\nNorth;12,50\r\nSouth;9\r\n"), "Port | Dues\nNorth | 12,50\nSouth | 9");
    assert_eq!(csv("sep=|\nPort|Dues\nNorth|1"), "Port | Dues\nNorth | 1");
    assert_eq!(csv("1,2\n3,4\n"), "1 | 2\n3 | 4");
    assert_eq!(csv("Port,Note\nNorth,\"two\nlines\"\n"), "Port | Note\nNorth | two lines");
    assert_eq!(text(b"Port\tDues, EUR\nNorth\t12", Format::Tsv), "Port | Dues, EUR\nNorth | 12");
    assert_eq!(text(b"Port;Ort\nF\xe4hre;K\xf6ln", Format::Csv), "Port | Ort\nFähre | Köln");
    let long: String = (0..500).map(|n| format!("Harbour {n},{n}\n")).collect();
    let found = read(format!("Port,Dues in EUR\n{long}").as_bytes(), "text/csv");
    assert!(found.passages.len() > 2);
    for passage in found.passages {
        assert!(passage.text.starts_with("Port | Dues in EUR\nHarbour "), "{}", passage.text);
    }
}

#[test]
fn json_records_are_rows_or_lines() {
    let json = |source: &str| text(source.as_bytes(), Format::Json);
    let flat = r#"[{"port":"North","dues":12,"open":true},{"port":"South","tags":["a","b"]}]"#;
    assert_eq!(json(flat), "port | dues | open | tags\nNorth | 12 | true\nSouth |  |  | a, b");
    let nested = r#"{"title":"Dues","geo":{"lat":1.5,"point":[[1,2],[3,4]]},"empty":null,"rows":[{"port":"North","at":{"x":1}}]}"#;
    assert_eq!(
        json(nested),
        "rows\ntitle: Dues\ngeo.lat: 1.5\ngeo.point: [1, 2], [3, 4]\nempty: null\n\nport: North\nat.x: 1"
            .replace("rows\n", "")
            .replace("\n\nport", "\n\nrows\nport")
    );
    assert_eq!(json("\"only text\""), "only text");
    let lines = "{\"q\":\"Open?\",\"a\":\"Nine to five.\"}\n\nnot json\n{\"q\":\"Fee?\",\"a\":\"12 EUR\"}\n";
    let found = read(lines.as_bytes(), Format::JsonLines.content_type());
    assert_eq!(found.passages[0].text, "q | a\nOpen? | Nine to five.\nFee? | 12 EUR");
    assert_eq!(found.warnings, ["not read: lines that are not JSON: 1"]);
    for broken in ["{", "[1,]", "nope", &"[".repeat(10_000)] {
        let refused = extract(broken.as_bytes(), "application/json", Options::default());
        assert_eq!(refused, Err(DocumentError::Broken(Format::Json)), "{broken}");
    }
}
