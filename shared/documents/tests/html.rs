//! HTML as a browser shows it.

mod kinds;

use bulkhead_documents::{DocumentError, Format, MAX_DEPTH, Options, extract};
use kinds::{assert_text, read, text};

fn page(body: &str) -> String {
    text(body.as_bytes(), Format::Html)
}

#[test]
fn reads_encodings() {
    let html = |bytes: &[u8]| text(bytes, Format::Html);
    assert_text(&html(include_bytes!("cases/h01_cp1252.html")), &["café est fermé à Noël, où qu’il"], &[]);
    assert_text(&html(include_bytes!("cases/h01c_sjis.html")), &["港の時刻表は毎日変わります。"], &[]);
    let declared = |content_type| read(include_bytes!("cases/h01h_ct_param.html"), content_type).passages;
    for content_type in ["text/html; charset=ISO-8859-1", "text/html;CHARSET=\"windows-1252\"", "text/html"] {
        assert_eq!(declared(content_type).first().map(|p| p.text.as_str()), Some("Prüfung für Gäste"));
    }
    // The content type wins over the page.
    let page = b"<meta charset=utf-8><p>\xcf\xe0\xf0\xee\xec</p>";
    assert_text(&read(page, "text/html; charset=windows-1251").passages[0].text, &["Паром"], &[]);
    let equiv =
        b"<meta http-equiv='Content-Type' content='text/html; charset=koi8-r'><p>\xf0\xc1\xd2\xcf\xcd</p>";
    assert_text(&html(equiv), &["Паром"], &[]);
    let commented = b"<!-- <meta charset=koi8-r> --><meta charset='iso-8859-2'><p>\xb3\xf3d\xbc</p>";
    assert_text(&html(commented), &["łódź"], &[]);
    let xhtml = b"<?xml version='1.0' encoding='iso-8859-1'?><html><body><p>Gr\xfc\xdfe</p></body></html>";
    assert_text(&html(xhtml), &["Grüße"], &[]);
    let resaved = "<meta charset=iso-8859-1><p>Fähre</p>";
    assert_eq!(html(resaved.as_bytes()), "Fähre");
    let wide: Vec<u8> = "\u{feff}<p>Fähre</p>".encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(html(&wide), "Fähre");
}

#[test]
fn tables_are_rows_with_a_header() {
    let table = text(include_bytes!("cases/h04_table.html"), Format::Html);
    assert_eq!(table, "Harbour office\nBerth | Fee\nNorth | 12 EUR\nSouth | 9 EUR");
    let foot = text(include_bytes!("cases/h18c_tfoot.html"), Format::Html);
    assert_eq!(foot, "Harbour office\nItem | EUR\nBerth | 12\nTotal | 99");
    let early = "<table><caption>Dues 2024</caption><thead><tr><th>Item<th>EUR</thead>\
        <tfoot><tr><td>Total<td>99</tfoot><tbody><tr><td>Berth<td>12</tbody></table>";
    assert_eq!(page(early), "Dues 2024\nItem | EUR\nBerth | 12\nTotal | 99");
    let spans =
        "<table><tr><th>Port<th colspan=2>Dues<tr><td rowspan=2>North<td>day<td>12<tr><td>night<td>9</table>";
    assert_eq!(page(spans), "Port | Dues | Dues\nNorth | day | 12\nNorth | night | 9");
    let lists = "<table><tr><th>Port<th>Facts<tr><td>North<td><ul><li>Fuel<li>Water</ul><tr><td>South<td>None</table>";
    assert_eq!(page(lists), "Port | Facts\nNorth | Fuel Water\nSouth | None");
    let sideways = "<table><tr><th>Fee<td>12 EUR<tr><th>Deposit<td>50 EUR</table>";
    assert_eq!(page(sideways), "Fee | 12 EUR\nDeposit | 50 EUR");
}

#[test]
fn later_passages_of_a_table_repeat_the_header() {
    let rows: String = (0..300).map(|n| format!("<tr><td>Harbour {n}<td>{n} EUR")).collect();
    let bytes = format!("<h2>Dues</h2><table><tr><th>Port<th>Dues in EUR</tr>{rows}</table>");
    let passages = read(bytes.as_bytes(), "text/html").passages;
    assert!(passages.len() > 2);
    for passage in &passages {
        assert!(passage.text.starts_with("Dues\nPort | Dues in EUR\nHarbour "), "{}", passage.text);
        assert_eq!(passage.headings, ["Dues"]);
    }
}

#[test]
fn lists_keep_numbers_and_levels() {
    let nested = text(include_bytes!("cases/h18_ol_in_ol.html"), Format::Html);
    assert_eq!(nested, "Harbour office\n1. Call the pilot.\n  1. By radio on channel 12.\n2. Moor.");
    let lists = "<ol start=3><li>Three<li value=7>Seven<li>Eight<ul><li>Inner</ul></ol>\
        <ol type=a><li>First<li>Second</ol><ol type=I><li>One<ol type=i><li>Two</ol></ol><ol reversed><li>x<li>y</ol>";
    let expected =
        "3. Three\n7. Seven\n8. Eight\n  - Inner\na. First\nb. Second\nI. One\n  i. Two\n2. x\n1. y";
    assert_eq!(page(lists), expected);
    let paragraphs = "<ul><li><p>First line.</p><p>Second line.</p></li><li>Next</li></ul>";
    assert_eq!(page(paragraphs), "- First line.\n  Second line.\n- Next");
}

#[test]
fn definitions_follow_their_terms() {
    let groups = text(include_bytes!("cases/h18e_dl_div.html"), Format::Html);
    assert_eq!(groups, "Harbour office\nFee: 12 EUR\nDeposit: 50 EUR");
    let list = "<dl><dt>Berth<dt>Mooring<dd>A place for a boat.<dd>Also a duty.<dt>Alone<dt>Pier<dd>A <b>long</b> wall.</dl>";
    assert_eq!(page(list), "Berth, Mooring: A place for a boat.\n  Also a duty.\nAlone, Pier: A long wall.");
    let inner = "<dl><dt>Fees<dd><ul><li>12 EUR<li>9 EUR</ul><dt>Dues<dd><table><tr><th>a<th>b<tr><td>1<td>2</table></dl>";
    assert_eq!(page(inner), "Fees:\n- 12 EUR\n- 9 EUR\nDues:\na | b\n1 | 2");
    assert_eq!(page("<dl><dt>Only a term</dl>after"), "Only a term\n\nafter");
}

#[test]
fn leaves_out_what_a_browser_hides() {
    let case = text(include_bytes!("cases/h06_hidden.html"), Format::Html);
    assert_eq!(case, "Harbour office\nShown.");
    for hidden in [
        "<p hidden>HACKED</p>",
        "<p hidden=until-found>HACKED</p>",
        "<div style='DISPLAY : None'>HACKED</div>",
        "<div style='display:none!important'><p>HACKED</p></div>",
        "<p style='visibility:hidden'>HACKED</p>",
        "<p style='opacity:0'>HACKED</p>",
        "<p style='opacity: 0.0;color:red'>HACKED</p>",
        "<p style='font-size:0'>HACKED</p>",
        "<p style='font-size:0px'><b>HACKED</b></p>",
        "<p style='font-size:1px'>HACKED</p>",
        "<p style='position:absolute;left:-9999px'>HACKED</p>",
        "<p style='position:fixed;top:-200em'>HACKED</p>",
        "<p style='text-indent:-9999px'>HACKED</p>",
        "<p style='position:absolute;clip:rect(0,0,0,0)'>HACKED</p>",
        "<p style='clip-path: inset(100%)'>HACKED</p>",
        "<p style='height:0;overflow:hidden'>HACKED</p>",
        "<p style='width:1px;height:1px;overflow:hidden'>HACKED</p>",
        "<p style='transform:scale(0)'>HACKED</p>",
        "<p style='color:transparent'>HACKED</p>",
        "<p style='color:#fff;background:white'>HACKED</p>",
        "<template><p>HACKED</p></template>",
        "<noscript>HACKED</noscript>",
        "<!-- HACKED -->",
        "<script>HACKED</script>",
        "<dialog>HACKED</dialog>",
        "<svg><title>HACKED</title><desc>HACKED</desc><metadata>HACKED</metadata></svg>",
        "<iframe>HACKED</iframe><object>HACKED</object><video>HACKED</video>",
        "<select><option>HACKED</option></select><datalist><option>HACKED</datalist>",
        "<style>.x{display:none}</style><p class='a x'>HACKED</p>",
        "<style>#x{visibility:hidden}</style><p id=x>HACKED</p>",
        "<style>aside.note > p{opacity:0}</style><aside class=note><p>HACKED</p></aside>",
        "<style>[data-x='1']{font-size:0}</style><p data-x=1>HACKED</p>",
        "<style>a,b , .y u{display:none}</style><div class=y><i><u>HACKED</u></i></div>",
        "<style>/* } */ @media screen { .x { display:none } }</style><p class=x>HACKED</p>",
        "<style>@media (min-width:1px){.x{display:none}}</style><p class=x>HACKED</p>",
        "<style>@supports (display:grid){.x{display:none}}</style><p class=x>HACKED</p>",
        "<style>@import 'x.css'; .x{display:none}</style><p class=x>HACKED</p>",
        "<style>.x{display:none}</style><style>p{display:block}</style><p class=x>HACKED</p>",
        "<style>p{display:none!important}</style><p style='display:block'>HACKED</p>",
        "<style>p:not(.y){display:none}</style><p>HACKED</p>",
        "<style>h1 + p{display:none}</style><h1>Title</h1><p>HACKED</p>",
    ] {
        let body = format!("<div>Shown.</div>{hidden}<div>End.</div>");
        assert_text(&page(&body), &["Shown.", "End."], &["HACKED"]);
    }
}

#[test]
fn keeps_what_a_browser_shows() {
    for shown in [
        "<p aria-hidden=true>WORD</p>",
        "<details><summary>More</summary><p>WORD</p></details>",
        "<dialog open>WORD</dialog>",
        "<p style='visibility:hidden'><b style='visibility:visible'>WORD</b></p>",
        "<ul style='font-size:0'><li style='font-size:14px'>WORD</ul>",
        "<p style='opacity:0.9;left:-4px;position:relative'>WORD</p>",
        "<style>.x{display:none}.x{display:block}</style><p class=x>WORD</p>",
        "<style>p{display:none}.x{display:block}</style><p class=x>WORD</p>",
        "<style>.x{display:none}</style><p class=x style='display:block'>WORD</p>",
        "<style>@media print{p{display:none}}</style><p>WORD</p>",
        "<style media=print>p{display:none}</style><p>WORD</p>",
        "<style>@media (max-width:600px){p{display:none}}</style><p>WORD</p>",
        "<style>p:hover{display:none} p::before{display:none}</style><p>WORD</p>",
        "<style>.y .x{display:none}</style><p class=x>WORD</p>",
        "<style>body{visibility:hidden}</style><p>WORD</p>",
        "<style>{{{}}} p{</style><p>WORD</p>",
        "<div style='overflow:hidden;height:200px'>WORD</div>",
        "<svg><g><text>WORD</text></g></svg>",
        "<button>no</button><h2><button>WORD</button></h2><p>x",
        "<img src=a.png alt='A WORD of the pier'>",
        "<td>WORD",
        "<p style=''>WORD",
    ] {
        assert_text(
            &page(&format!("<div>Before.</div>{shown}<div>After.</div>")),
            &["Before.", "WORD", "After."],
            &[],
        );
    }
}

#[test]
fn leaves_out_menus_and_banners_unless_asked() {
    let case = include_bytes!("cases/h03b_nav.html");
    assert_text(&text(case, Format::Html), &["Mooring costs 12 EUR"], &["About us", "Imprint", "Home"]);
    let kept = extract(case, "text/html", Options { keep_boilerplate: true }).expect("a page");
    assert_text(&kept.passages[0].text, &["About us", "Imprint Privacy"], &[]);
    let long = "The harbour office looks after moorings, pilots and the fuel berth of both quays. ".repeat(4);
    let links: String = (0..12).map(|n| format!("<li><a href=/{n}>Topic {n}</a></li>")).collect();
    for boilerplate in [
        "<div id=cookie-banner><p>MENU We use cookies.</p><button>OK</button></div>".to_owned(),
        "<section class='x onetrust-consent'>MENU</section>".to_owned(),
        "<div id=CybotCookiebotDialog><h2>MENU</h2></div><div class='cc-window cc-banner'>MENU</div>"
            .to_owned(),
        "<div role=navigation>MENU</div>".to_owned(),
        "<aside>MENU</aside><footer>MENU</footer>".to_owned(),
        format!("<div class=left>MENU<ul>{links}</ul></div>"),
        "<ol class=breadcrumb><li>MENU</ol>".to_owned(),
    ] {
        assert_text(&page(&format!("{boilerplate}<p>{long}</p>")), &["fuel berth"], &["MENU", "Topic 3"]);
    }
    assert_text(
        &page("<article class=cookie-policy><p>Our cookies</p></article><p class=cookie-recipe>Bake</p>"),
        &["Our cookies"],
        &[],
    );
    // A block around the text and many short links is no menu.
    let around = format!(
        "<div class=page><ul>{}</ul><h2>Berths</h2><p>{long}</p></div><p>{long}</p>",
        links.repeat(20)
    );
    assert_text(&page(&around), &["Berths"], &["Topic 3"]);
    let marked = format!(
        "<div><nav>{links}</nav><main><article><p>The pier.</p></article></main></div><footer>{long}</footer>"
    );
    assert_text(&page(&marked), &["The pier."], &["Topic 3"]);
    // A page of links is no menu, and neither are links within the main text.
    assert_text(&page(&format!("<p>Ports:</p><ul>{links}</ul>")), &["Topic 3"], &[]);
    assert_text(&page(&format!("<main><p>{long}</p><ul>{links}</ul></main>")), &["Topic 3"], &[]);
    assert_text(
        &page("<article><p>A text.</p><footer>By Ada</footer><aside>A note</aside></article>"),
        &["By Ada", "A note"],
        &[],
    );
}

#[test]
fn words_are_not_counted_as_attributes() {
    let words = "word ".repeat(600);
    for source in [
        format!("<p class=\"a\"\">The pier. {words}</p>"),
        format!("<a title=\"x>The <b class=\"y\">pier.</b> {words}</a>"),
        format!("<p>The pier.</p><script>var a = '</div>'; if (b<c {words}) {{}}</script>"),
        format!("<p>The pier.</p><style>/* </p> <x {words} */</style>"),
    ] {
        assert_text(&page(&source), &["pier."], &[]);
    }
    for (many, refused) in [(500, false), (501, true)] {
        for attribute in ["a", "a=b", "a = 'b c'", "a=\"b > c\"", "a/"] {
            let tag = format!("<p {}>The pier.", format!("{attribute} ").repeat(many));
            let found = extract(tag.as_bytes(), "text/html", Options::default());
            assert_eq!(
                found == Err(DocumentError::TooManyElements),
                refused,
                "{many} {attribute}: {found:?}"
            );
        }
    }
}

#[test]
fn layout_tables_give_few_passages() {
    let case = read(include_bytes!("cases/h04e_nav_table.html"), "text/html");
    assert!(case.passages.len() <= 6, "{}", case.passages.len());
    let letters: usize =
        case.passages.iter().map(|p| p.text.chars().filter(|c| c.is_alphabetic()).count()).sum();
    let all: usize = case.passages.iter().map(|p| p.text.chars().count()).sum();
    assert!(letters * 10 > all * 7);
    let layout = "<table><tr><td><h1>Fees</h1><p>Mooring costs 12 EUR.</p></td><td>Right</td></tr><tr><td>a<td>b</table>";
    assert_text(&page(layout), &["Fees\nMooring costs 12 EUR."], &["|"]);
}

#[test]
fn drawings_do_not_count_as_depth() {
    let case = text(include_bytes!("cases/h07b_svg.html"), Format::Html);
    assert_text(&case, &["Chart of arrivals.", "Below the chart."], &["M0 0"]);
    let unclosed = format!("<p>Above</p><svg>{}</svg><p>Below</p>", "<path d='M0 0'>".repeat(400));
    assert_text(&page(&unclosed), &["Above", "Below"], &[]);
    let scripts =
        format!("<p>Above</p><script>{}</script><!-- {} -->", "<div>".repeat(500), "<div>".repeat(500));
    assert_text(&page(&scripts), &["Above"], &[]);
    let deep = format!("{}x", "<div>".repeat(MAX_DEPTH + 1));
    assert_eq!(extract(deep.as_bytes(), "text/html", Options::default()), Err(DocumentError::TooDeep));
}

#[test]
fn headings_stay_with_their_text() {
    let case = read(include_bytes!("cases/h11_heading.html"), "text/html");
    let found = case.passages.iter().find(|p| p.text.contains("cancels seven days")).expect("a passage");
    assert!(found.text.starts_with("Harbour office > Refund rules\n"), "{}", found.text);
    assert_eq!(found.headings, ["Refund rules"]);
    assert_eq!(case.title.as_deref(), Some("Harbour office"));
}

#[test]
fn headings_within_lists_are_headings() {
    let faq = "<ul><li><h3>Open?</h3><p>Nine to five.</p><li><h3>Fee?</h3><p>12 EUR.</ul><ol><li><h3>First</h3>x</ol>";
    assert_eq!(page(faq), "Open?\n  Nine to five.\n\nFee?\n  12 EUR.\n\n1. First\n  x");
}

#[test]
fn much_hidden_text_gives_a_warning() {
    let page = format!("<p>Shown.</p><div hidden>{}</div>", "Hidden words. ".repeat(50));
    assert_eq!(read(page.as_bytes(), "text/html").warnings, ["not read: text that the page hides"]);
}

#[test]
fn inline_text_is_readable() {
    let body = "<p>One&nbsp;<b>two</b><i>three</i>\n four<br>five<wbr>six m<sup>2</sup> 10<sup>-3</sup> H<sub>2</sub>O <q>yes</q></p>\
        <pre>a  b\n  c</pre><p><a href=x>link</a>, <ruby>漢<rt>kan</rt></ruby></p>";
    assert_eq!(
        page(body),
        "One two three four\nfivesix m² 10⁻³ H2O “yes”\n\na  b\n  c\n\nlink, 漢"
            .replace("two three", "twothree")
    );
    assert_text(
        &page("<p>x</p><img alt=logo><img alt='scan_01.png'><img alt='Map of the quay'>"),
        &["Map of the quay"],
        &["logo", "scan"],
    );
}

#[test]
fn hostile_pages_end_soon() {
    let refused =
        |page: String| extract(page.as_bytes(), "text/html", Options::default()).expect_err("a limit");
    let attributes: String = (0..5_000).map(|n| format!("a{n}=1 ")).collect();
    assert_eq!(refused(format!("<p {attributes}>x")), DocumentError::TooManyElements);
    assert_eq!(
        refused(format!("{}{}", "<div>".repeat(190), "</p>".repeat(200_000))),
        DocumentError::TooManyElements
    );
    let rules: String = (0..3_000).map(|n| format!(".a{n} .b{n} .c{{display:none}}")).collect();
    let page = format!("<style>{rules}</style>{}", "<div class=c>x</div>".repeat(3_000));
    assert_eq!(refused(page), DocumentError::TooManyElements);
}
