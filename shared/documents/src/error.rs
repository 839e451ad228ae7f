use crate::{Format, MAX_ARCHIVE, MAX_BYTES, MAX_DEPTH, MAX_EXPANDED, MAX_PAGES, MAX_PASSAGES, MAX_TEXT};

/// Why a document cannot be ingested. The message is for the document's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The content type is not supported.
    #[error("the content type is not one of {}", Format::content_types())]
    Unsupported,
    /// The document is too big.
    #[error("the document is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// The bytes are not of the declared content type.
    #[error("the content type is {named}, but the document is {found}")]
    Disguised {
        /// The declared content type.
        named: &'static str,
        /// The format of the first bytes, with an article.
        found: &'static str,
    },
    /// The bytes are not text in any encoding.
    #[error("the document is not text: it holds binary data")]
    NotText,
    /// Elements are nested too deep.
    #[error("the document nests elements more than {MAX_DEPTH} deep")]
    TooDeep,
    /// The document has no text to index.
    #[error("the document has no text")]
    Empty,
    /// The document has too many passages.
    #[error("the document has more than {MAX_PASSAGES} passages; split it")]
    TooManyPassages,
    /// The text does not fit into one Lambda response.
    #[error("the document has more than {MAX_TEXT} bytes of text; split it")]
    TooMuchText,
    /// A compressed part of the document expands too much, like a zip bomb.
    #[error("a part of the document expands to more than {MAX_EXPANDED} bytes")]
    Expands,
    /// The parts of an archive expand too much together.
    #[error("the text of the archive expands to more than {MAX_ARCHIVE} bytes; split the document")]
    ArchiveExpands,
    /// The bytes do not start with a PDF header.
    #[error("the document is not a PDF")]
    NotPdf,
    /// The PDF needs a password.
    #[error("the PDF is encrypted; save it without a password")]
    EncryptedPdf,
    /// The cross-reference table is missing and could not be rebuilt from the objects.
    #[error("the PDF has no usable cross-reference table; it may be cut off")]
    PdfTable,
    /// No pages were found.
    #[error("the PDF has no pages")]
    NoPages,
    /// The PDF has too many pages.
    #[error("the PDF has more than {MAX_PAGES} pages; split it")]
    TooManyPages,
    /// The pages contain only pictures.
    #[error("the PDF has no text that can be read; pages that were scanned need text recognition first")]
    NoTextInPdf,
    /// Most of the text is in fonts that do not tell which characters they show.
    #[error("the fonts of the PDF have no map to Unicode; export the PDF again, or use text recognition")]
    UnmappedPdf,
    /// The bytes are not a zip archive.
    #[error("the document is not in the format {}: it is not a zip archive", .0.name())]
    NotZip(Format),
    /// The archive lacks the main part of the format.
    #[error("the document is not in the format {}: its main part is missing", .0.name())]
    NoMainPart(Format),
    /// A file of Word, Excel or PowerPoint from before 2007.
    #[error("the document is {found}; save it as {}", .format.name())]
    OldOffice {
        /// The declared format.
        format: Format,
        /// What the document is, with an article.
        found: &'static str,
    },
    /// The file needs a password.
    #[error("the {} file needs a password; save it without one", .0.name())]
    EncryptedOffice(Format),
    /// The text is encrypted or uses an unsupported compression.
    #[error("the {} file is encrypted or uses an unsupported compression", .0.name())]
    PackedPart(Format),
    /// The file is damaged.
    #[error("the {} file is broken and cannot be read", .0.name())]
    Broken(Format),
    /// The XML has a document type declaration, which can define expanding entities.
    #[error("the document has a document type declaration, which is not allowed")]
    DocumentType,
    /// The XML uses an entity other than the five that XML predefines.
    #[error("the document uses a custom entity, which is not allowed")]
    Entity,
    /// The XML or HTML has too many elements or attributes.
    #[error("the document has too many elements; split it")]
    TooManyElements,
}
