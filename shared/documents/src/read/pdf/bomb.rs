//! Refuses streams that expand too much. The library expands a stream without a limit.

use std::io::Read;

use flate2::read::{DeflateDecoder, ZlibDecoder};
use hayro_syntax::Filter;
use hayro_syntax::object::Stream;

use crate::{DocumentError, MAX_EXPANDED};

/// Bytes before the word `stream` that are searched for the type of the stream.
const DICTIONARY: usize = 1024;

/// Returns the expanded data of a stream, or nothing if it is damaged.
///
/// Fails if the data expand to more than [`MAX_EXPANDED`].
pub(crate) fn expand(stream: &Stream<'_>) -> Result<Option<Vec<u8>>, DocumentError> {
    check(stream)?;
    match stream.decoded_data() {
        Ok(data) if data.len() > MAX_EXPANDED => Err(DocumentError::Expands),
        Ok(data) => Ok(Some(data.into_owned())),
        Err(_) => Ok(None),
    }
}

/// Fails if the data of a stream expand to more than [`MAX_EXPANDED`].
///
/// Follows a chain of Flate filters, the only ones that expand a thousandfold.
pub(crate) fn check(stream: &Stream<'_>) -> Result<(), DocumentError> {
    let filters = stream.filters();
    let mut chain = filters.iter().take_while(|filter| **filter == Filter::FlateDecode).peekable();
    if chain.peek().is_none() {
        return Ok(());
    }
    let mut data = stream.raw_data().into_owned();
    for _ in chain {
        data = inflate(&data)?;
    }
    Ok(())
}

/// Fails if an object stream or a cross-reference stream expands to more than [`MAX_EXPANDED`].
///
/// The library expands them when it opens the file. Encrypted ones are not checked here; the
/// limit of the process's memory holds for them.
pub(crate) fn check_object_streams(bytes: &[u8]) -> Result<(), DocumentError> {
    let word = b"stream";
    let mut at = 0;
    while let Some(found) =
        bytes.get(at..).and_then(|rest| rest.windows(word.len()).position(|at| at == word))
    {
        let start = at + found;
        at = start + word.len();
        let dictionary = bytes.get(start.saturating_sub(DICTIONARY)..start).unwrap_or_default();
        if bytes.get(..start).is_some_and(|before| before.ends_with(b"end")) {
            continue;
        }
        let is_structure = contains(dictionary, b"/ObjStm") || contains(dictionary, b"/XRef");
        if is_structure && contains(dictionary, b"Flate") {
            let data = bytes.get(at..).unwrap_or_default();
            let skip = data.iter().take(2).take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let data = inflate(data.get(skip..).unwrap_or_default())?;
            // Two filters.
            if dictionary.windows(5).filter(|at| at == b"Flate").count() > 1 {
                inflate(&data)?;
            }
        }
    }
    Ok(())
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|at| at == word)
}

/// Returns what zlib or deflate data expand to, up to the first error.
fn inflate(data: &[u8]) -> Result<Vec<u8>, DocumentError> {
    let limit = MAX_EXPANDED as u64 + 1;
    let mut expanded = vec![];
    // An error ends damaged data; the bytes before it count.
    let _ = ZlibDecoder::new(data).take(limit).read_to_end(&mut expanded);
    if expanded.is_empty() {
        let _ = DeflateDecoder::new(data).take(limit).read_to_end(&mut expanded);
    }
    if expanded.len() > MAX_EXPANDED { Err(DocumentError::Expands) } else { Ok(expanded) }
}
