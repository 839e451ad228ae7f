use crate::{MAX_BYTES, MAX_DEPTH, MAX_EXPANDED, MAX_PAGES, MAX_PASSAGES, MAX_TEXT};

/// Why a document cannot be ingested, in words for its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The content type is none that can be read.
    #[error(
        "the content type is not one of text/plain, text/markdown, text/html, application/pdf, \
         application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    )]
    Unsupported,
    /// The document is too big.
    #[error("the document is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// The bytes are of another kind than the content type says.
    #[error("the content type is {named}, but the document is {found}")]
    Disguised {
        /// The content type that was named.
        named: &'static str,
        /// What its first bytes say, with an article.
        found: &'static str,
    },
    /// The bytes are not UTF-8.
    #[error("the document is not UTF-8 text")]
    NotText,
    /// The markup could not be read.
    #[error("the markup cannot be read")]
    Markup,
    /// Elements are nested deeper than anybody writes.
    #[error("the document nests elements more than {MAX_DEPTH} deep")]
    TooDeep,
    /// There is nothing to index.
    #[error("the document has no text")]
    Empty,
    /// There is too much to index.
    #[error("the document has more than {MAX_PASSAGES} passages; split it")]
    TooManyPassages,
    /// There is more text than can be answered at once.
    #[error("the document has more than {MAX_TEXT} bytes of text; split it")]
    TooMuchText,
    /// A compressed part of the document is a bomb, or as good as one.
    #[error("a part of the document expands to more than {MAX_EXPANDED} bytes")]
    Expands,
    /// The bytes do not begin as a PDF does.
    #[error("the document is not a PDF")]
    NotPdf,
    /// The PDF opens with a password only.
    #[error("the PDF is encrypted; save it without a password")]
    EncryptedPdf,
    /// No table says where the PDF's objects are, and none could be made from the objects.
    #[error("the PDF has no usable cross-reference table; it may be cut off")]
    PdfTable,
    /// The PDF's parts do not fit together.
    #[error("the PDF is broken and cannot be read")]
    BrokenPdf,
    /// The PDF has no pages that could be found.
    #[error("the PDF has no pages")]
    NoPages,
    /// The PDF has too many pages.
    #[error("the PDF has more than {MAX_PAGES} pages; split it")]
    TooManyPages,
    /// The PDF's pages show pictures, or text in fonts that do not say which letters they draw.
    #[error("the PDF has no text that can be read; pages that were scanned need text recognition first")]
    NoTextInPdf,
    /// The bytes are no zip archive.
    #[error("the document is not a DOCX file: it is not a zip archive")]
    NotZip,
    /// The archive is no Word document.
    #[error("the document is not a DOCX file: it has no word/document.xml")]
    NotDocx,
    /// The archive's text is encrypted or packed in a way that no word processor uses.
    #[error("the DOCX file is encrypted, or packed in a way that cannot be read")]
    PackedDocx,
    /// The archive is damaged.
    #[error("the DOCX file is broken and cannot be read")]
    BrokenDocx,
    /// The XML of a DOCX declares a document type, which can define entities that grow.
    #[error("the DOCX file has a document type declaration, which is not allowed")]
    DocumentType,
    /// The XML of a DOCX uses an entity other than the five that XML itself defines.
    #[error("the DOCX file refers to an entity, which is not allowed")]
    Entity,
}
