//! Hand-made documents, valid and invalid.

#![allow(dead_code, reason = "no test needs all of them")]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::io::Write;

use flate2::write::{DeflateEncoder, ZlibEncoder};
use flate2::{Compression, Crc};

/// A PDF of `objects`, numbered from 1; the first is the catalog. `trailer` is added to the
/// trailer's dictionary.
pub fn pdf_of(objects: &[Vec<u8>], trailer: &str) -> Vec<u8> {
    let mut file = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut offsets = vec![];
    for (number, object) in (1..).zip(objects) {
        offsets.push(file.len());
        file.extend(format!("{number} 0 obj\n").bytes());
        file.extend(object);
        file.extend(b"\nendobj\n");
    }
    let table = file.len();
    file.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    offsets.iter().for_each(|offset| file.extend(format!("{offset:010} 00000 n \n").bytes()));
    let size = objects.len() + 1;
    file.extend(
        format!("trailer\n<< /Size {size} /Root 1 0 R {trailer} >>\nstartxref\n{table}\n%%EOF\n").bytes(),
    );
    file
}

/// A stream object; `dictionary` is added to its dictionary.
pub fn stream(dictionary: &str, data: &[u8]) -> Vec<u8> {
    let mut object = format!("<< {dictionary} /Length {} >>\nstream\n", data.len()).into_bytes();
    object.extend(data);
    object.extend(b"\nendstream");
    object
}

/// A stream object, compressed.
pub fn packed(dictionary: &str, data: &[u8]) -> Vec<u8> {
    stream(&format!("{dictionary} /Filter /FlateDecode"), &zlib(data))
}

pub fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(vec![], Compression::best());
    encoder.write_all(data).expect("memory");
    encoder.finish().expect("memory")
}

/// A PDF whose pages have the given content, with Helvetica as `/F1`.
pub fn pdf_with(contents: &[Vec<u8>]) -> Vec<u8> {
    let font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>";
    pdf_in(contents, &[font.to_vec()])
}

/// A PDF with a custom font. The first object is the font (object 3); the others are the
/// objects that it refers to, from object 4 on.
pub fn pdf_in(contents: &[Vec<u8>], font: &[Vec<u8>]) -> Vec<u8> {
    let first = 3 + font.len();
    let page = |n: usize| first + 2 * n;
    let kids: String = (0..contents.len()).map(|n| format!("{} 0 R ", page(n))).collect();
    let mut objects = vec![
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        format!("<< /Type /Pages /Kids [{kids}] /Count {} >>", contents.len()).into_bytes(),
    ];
    objects.extend(font.iter().cloned());
    for (n, content) in contents.iter().enumerate() {
        let resources = "/MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >>";
        let contents = page(n) + 1;
        objects.push(
            format!("<< /Type /Page /Parent 2 0 R {resources} /Contents {contents} 0 R >>").into_bytes(),
        );
        objects.push(packed("", content));
    }
    pdf_of(&objects, "")
}

/// A PDF whose pages show the given lines.
pub fn pdf(pages: &[Vec<String>]) -> Vec<u8> {
    let contents: Vec<_> = pages
        .iter()
        .map(|lines| {
            let lines: String = lines.iter().map(|line| format!("({line}) Tj T*\n")).collect();
            format!("BT /F1 11 Tf 14 TL 72 770 Td\n{lines}ET").into_bytes()
        })
        .collect();
    pdf_with(&contents)
}

/// One file of a zip archive.
pub struct Entry {
    pub name: &'static str,
    pub packed: Vec<u8>,
    pub sum: u32,
    /// The unpacked size that the archive declares.
    pub declared: u32,
}

impl Entry {
    pub fn of(name: &'static str, data: &[u8]) -> Self {
        let mut encoder = DeflateEncoder::new(vec![], Compression::best());
        encoder.write_all(data).expect("memory");
        let mut sum = Crc::new();
        sum.update(data);
        let packed = encoder.finish().expect("memory");
        Self { name, packed, sum: sum.sum(), declared: u32::try_from(data.len()).expect("small") }
    }
}

pub fn zip(entries: &[Entry]) -> Vec<u8> {
    let mut file = vec![];
    let mut directory = vec![];
    for entry in entries {
        let offset = u32::try_from(file.len()).expect("small");
        let length = u32::try_from(entry.packed.len()).expect("small");
        let mut about = vec![20, 0, 0, 0, 8, 0, 0, 0, 0, 0];
        for number in [entry.sum, length, entry.declared] {
            about.extend(number.to_le_bytes());
        }
        about.extend(u16::try_from(entry.name.len()).expect("short").to_le_bytes());
        about.extend([0, 0]);
        file.extend(b"PK\x03\x04");
        file.extend(&about);
        file.extend(entry.name.bytes());
        file.extend(&entry.packed);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&about);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(entry.name.bytes());
    }
    let count = u16::try_from(entries.len()).expect("few").to_le_bytes();
    let (size, offset) = (directory.len(), file.len());
    file.extend(directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend(count);
    file.extend(count);
    for number in [size, offset] {
        file.extend(u32::try_from(number).expect("small").to_le_bytes());
    }
    file.extend([0, 0]);
    file
}

/// A DOCX with `xml` as its `word/document.xml`.
pub fn docx_of(xml: &str) -> Vec<u8> {
    zip(&[Entry::of("[Content_Types].xml", b"<Types/>"), Entry::of("word/document.xml", xml.as_bytes())])
}

/// The body of a `word/document.xml`.
pub fn document_xml(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<w:document \
         xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>{body}</w:body></w:document>"
    )
}

/// A DOCX of paragraphs.
pub fn docx(paragraphs: &[String]) -> Vec<u8> {
    let body: String = paragraphs
        .iter()
        .map(|text| {
            format!(
                "<w:p w:rsidR=\"00A77B3E\"><w:pPr><w:tabs><w:tab w:val=\"left\"/></w:tabs></w:pPr>\
                 <w:r><w:rPr><w:b/></w:rPr><w:t xml:space=\"preserve\">{text}</w:t></w:r></w:p>"
            )
        })
        .collect();
    docx_of(&document_xml(&body))
}

/// A page's worth of text, different on each page: lines of about 75 letters.
pub fn page(number: usize) -> Vec<String> {
    let words = ["tide", "gull", "harbour", "lamp", "winter", "rope", "mast", "salt", "bell", "quay"];
    let line = |line: usize| -> String {
        (0..12)
            .map(|word| *words.iter().cycle().nth(number % 10 + line * 3 + word * word).expect("a circle"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let mut lines = vec![format!("Page number {number} begins here.")];
    lines.extend((0..38).map(line));
    lines
}
