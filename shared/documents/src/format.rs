use crate::DocumentError;

/// Maximum length of the name of an encoding, in characters.
const MAX_CHARSET: usize = 40;

/// A supported document format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Plain text.
    Text,
    /// Markdown.
    Markdown,
    /// HTML.
    Html,
    /// PDF.
    Pdf,
    /// Word.
    Docx,
    /// OpenDocument text.
    Odt,
    /// Excel.
    Xlsx,
    /// OpenDocument spreadsheet.
    Ods,
    /// Comma-separated values.
    Csv,
    /// Tab-separated values.
    Tsv,
    /// PowerPoint.
    Pptx,
    /// An electronic book.
    Epub,
    /// JSON.
    Json,
    /// One JSON value per line.
    JsonLines,
    /// An e-mail message.
    Mail,
}

/// What the crate knows about a format. The only list of content types.
struct Row {
    format: Format,
    name: &'static str,
    content_type: &'static str,
    /// Other names of the content type.
    aliases: &'static [&'static str],
    is_text: bool,
}

/// Every format.
const TABLE: [Row; 15] = [
    row(Format::Text, "plain text", "text/plain", &["text/x-log"], true),
    row(Format::Markdown, "Markdown", "text/markdown", &["text/x-markdown"], true),
    row(Format::Html, "HTML", "text/html", &["application/xhtml+xml"], true),
    row(Format::Pdf, "PDF", "application/pdf", &["application/x-pdf"], false),
    row(
        Format::Docx,
        "DOCX",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        &["application/vnd.ms-word.document.macroenabled.12"],
        false,
    ),
    row(Format::Odt, "ODT", "application/vnd.oasis.opendocument.text", &[], false),
    row(
        Format::Xlsx,
        "XLSX",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        &["application/vnd.ms-excel.sheet.macroenabled.12"],
        false,
    ),
    row(Format::Ods, "ODS", "application/vnd.oasis.opendocument.spreadsheet", &[], false),
    row(Format::Csv, "CSV", "text/csv", &["application/csv", "text/x-csv"], true),
    row(Format::Tsv, "TSV", "text/tab-separated-values", &["text/tsv"], true),
    row(
        Format::Pptx,
        "PPTX",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        &["application/vnd.ms-powerpoint.presentation.macroenabled.12"],
        false,
    ),
    row(Format::Epub, "EPUB", "application/epub+zip", &[], false),
    row(Format::Json, "JSON", "application/json", &["text/json"], true),
    row(
        Format::JsonLines,
        "JSON lines",
        "application/x-ndjson",
        &["application/jsonl", "application/x-jsonlines", "application/ndjson"],
        true,
    ),
    row(Format::Mail, "e-mail", "message/rfc822", &[], false),
];

const fn row(
    format: Format,
    name: &'static str,
    content_type: &'static str,
    aliases: &'static [&'static str],
    is_text: bool,
) -> Row {
    Row { format, name, content_type, aliases, is_text }
}

impl Format {
    /// Every format.
    pub const ALL: [Self; TABLE.len()] = {
        let mut all = [Self::Text; TABLE.len()];
        let mut rest: &[Row] = &TABLE;
        let mut slots: &mut [Self] = &mut all;
        while let (Some((row, rows)), Some((slot, others))) = (rest.split_first(), slots.split_first_mut()) {
            *slot = row.format;
            rest = rows;
            slots = others;
        }
        all
    };

    /// Returns the format of `content_type`. Ignores parameters such as `charset`.
    pub fn from_content_type(content_type: &str) -> Result<Self, DocumentError> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        TABLE
            .iter()
            .find(|row| {
                essence.eq_ignore_ascii_case(row.content_type)
                    || row.aliases.iter().any(|alias| essence.eq_ignore_ascii_case(alias))
            })
            .map(|row| row.format)
            .ok_or(DocumentError::Unsupported)
    }

    /// Returns the content type.
    pub fn content_type(self) -> &'static str {
        self.row().content_type
    }

    /// Returns `content_type` in its usual form: the format's content type, and the `charset` parameter if there is one.
    ///
    /// # Errors
    /// The content type is not supported.
    pub fn declared(content_type: &str) -> Result<String, DocumentError> {
        let format = Self::from_content_type(content_type)?;
        let is_label = |charset: &&str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:+".contains(&byte);
            (1..=MAX_CHARSET).contains(&charset.len()) && charset.bytes().all(plain)
        };
        Ok(match charset(content_type).filter(is_label) {
            Some(charset) if format.is_text() => format!("{}; charset={charset}", format.content_type()),
            _ => format.content_type().to_owned(),
        })
    }

    /// Returns the name that people use, for messages.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Returns the extension of a file name, without the full stop.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Markdown => "md",
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Odt => "odt",
            Self::Xlsx => "xlsx",
            Self::Ods => "ods",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Pptx => "pptx",
            Self::Epub => "epub",
            Self::Json => "json",
            Self::JsonLines => "jsonl",
            Self::Mail => "eml",
        }
    }

    /// Returns whether the document is text, which a client can send inline.
    pub fn is_text(self) -> bool {
        self.row().is_text
    }

    /// Returns all content types in one line, for messages and documents.
    pub fn content_types() -> String {
        TABLE.map(|row| row.content_type).join(", ")
    }

    fn row(self) -> &'static Row {
        const ROWS: &[Row; TABLE.len()] = &TABLE;
        let [first, ..] = ROWS;
        // The table has every format: `Format::ALL` is built from it, and a test compares both.
        ROWS.iter().find(|row| row.format == self).unwrap_or(first)
    }
}

/// Returns the `charset` parameter of a content type.
pub(crate) fn charset(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']))
    })
}
