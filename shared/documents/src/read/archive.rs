//! Zip archives: reads named parts, and limits what they expand to together.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};
use zip::result::ZipError;

use crate::{DocumentError, Format, MAX_ARCHIVE};

/// An archive. Ignores the sizes that it declares.
pub(crate) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// Index of each part, by its normal name.
    names: HashMap<String, usize>,
    format: Format,
    /// Bytes that may still expand.
    budget: usize,
}

impl<'a> Archive<'a> {
    /// Opens an archive that begins at the first byte.
    pub(crate) fn open(bytes: &'a [u8], format: Format) -> Result<Self, DocumentError> {
        // An archive at another offset is hidden in a file of another format.
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let zip =
            ZipArchive::with_config(config, Cursor::new(bytes)).map_err(|error| classify(&error, format))?;
        let names =
            zip.file_names().enumerate().filter_map(|(index, name)| Some((normal(&name.ok()?), index)));
        let names = names.collect();
        Ok(Self { zip, names, format, budget: MAX_ARCHIVE })
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Returns a part, or `None` if the archive does not have it. Names ignore case, and `\` is `/`.
    pub(crate) fn part(&mut self, name: &str) -> Result<Option<Vec<u8>>, DocumentError> {
        let index = self.names.get(&normal(name)).copied();
        let Some(index) = index else { return Ok(None) };
        let part = self.zip.by_index(index).map_err(|error| classify(&error, self.format))?;
        let mut bytes = Vec::new();
        part.take(self.budget as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|_| DocumentError::Broken(self.format))?;
        match self.budget.checked_sub(bytes.len()) {
            Some(rest) => self.budget = rest,
            None => return Err(DocumentError::ArchiveExpands),
        }
        Ok(Some(bytes))
    }

    /// Returns whether the archive has a part.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.contains_key(&normal(name))
    }
}

/// Returns the name under which a part is found. Some writers separate folders by `\`.
fn normal(name: &str) -> String {
    name.replace('\\', "/").trim_start_matches('/').to_ascii_lowercase()
}

fn classify(error: &ZipError, format: Format) -> DocumentError {
    match error {
        ZipError::UnsupportedArchive(_) | ZipError::InvalidPassword => DocumentError::PackedPart(format),
        _ => DocumentError::Broken(format),
    }
}
