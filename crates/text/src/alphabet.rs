//! GPT-2's alphabet: a printable character for each of the 256 bytes.
//!
//! Byte-level vocabularies are stored as text, so that every byte needs a letter; the space becomes
//! `Ġ`, the line feed `Ċ`. Printable Latin-1 stands for itself, the rest is counted up from U+0100.

/// The letter of a byte.
pub(crate) fn letter(byte: u8) -> char {
    let code = match byte {
        0..=32 => 256 + u32::from(byte),
        127..=160 => 289 + u32::from(byte - 127),
        173 => 323,
        printable => u32::from(printable),
    };
    char::from_u32(code).expect("codes below 0xD800 are characters")
}

/// The byte of a letter; nothing for a character outside the alphabet.
pub(crate) fn byte(letter: char) -> Option<u8> {
    match u32::from(letter) {
        code @ (33..=126 | 161..=172 | 174..=255) => u8::try_from(code).ok(),
        code @ 256..=288 => u8::try_from(code - 256).ok(),
        code @ 289..=322 => u8::try_from(code - 289 + 127).ok(),
        323 => Some(173),
        _ => None,
    }
}

/// The bytes of a piece that is spelled in the alphabet throughout.
pub(crate) fn bytes(piece: &str) -> Option<Vec<u8>> {
    piece.chars().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_a_letter_of_its_own() {
        for value in 0..=255 {
            assert_eq!(byte(letter(value)), Some(value));
        }
        assert_eq!((letter(b' '), letter(b'\n'), letter(0xAD)), ('Ġ', 'Ċ', 'Ń'));
        assert_eq!(byte('ń'), None);
        assert_eq!(byte(' '), None);
    }
}
