//! Text strings of a PDF's objects: ISO 32000-1, 7.9.2.2.

/// Returns a text string as UTF-8, with line ends as spaces.
pub(crate) fn decode(bytes: &[u8]) -> String {
    let text = match bytes {
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => bytes.iter().map(|byte| pdf_doc(*byte)).collect(),
    };
    let spaced = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    spaced.filter(|letter| *letter != char::REPLACEMENT_CHARACTER).collect()
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (units, _) = bytes.as_chunks::<2>();
    char::decode_utf16(units.iter().map(|bytes| unit(*bytes)))
        .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// Returns the character of a byte in `PDFDocEncoding`: ISO 32000-1, annex D.3.
fn pdf_doc(byte: u8) -> char {
    match byte {
        0x80 => '•',
        0x81 => '†',
        0x82 => '‡',
        0x83 => '…',
        0x84 => '—',
        0x85 => '–',
        0x86 => 'ƒ',
        0x87 => '⁄',
        0x88 => '‹',
        0x89 => '›',
        0x8a => '−',
        0x8b => '‰',
        0x8c => '„',
        0x8d => '“',
        0x8e => '”',
        0x8f => '‘',
        0x90 => '’',
        0x91 => '‚',
        0x92 => '™',
        0x93 => 'ﬁ',
        0x94 => 'ﬂ',
        0x95 => 'Ł',
        0x96 => 'Œ',
        0x97 => 'Š',
        0x98 => 'Ÿ',
        0x99 => 'Ž',
        0x9a => 'ı',
        0x9b => 'ł',
        0x9c => 'œ',
        0x9d => 'š',
        0x9e => 'ž',
        0xa0 => '€',
        byte => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn decodes_every_encoding() {
        assert_eq!(decode(b"\xfe\xff\x04\x28\x00a"), "Шa");
        assert_eq!(decode(b"\xff\xfe\x28\x04a\x00"), "Шa");
        assert_eq!(decode("\u{feff}Шa".as_bytes()), "Шa");
        assert_eq!(decode(b"caf\xe9 \xa0\r5"), "café € 5");
    }
}
