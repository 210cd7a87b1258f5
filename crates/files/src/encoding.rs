//! Text as bytes: UTF-8 with or without a byte order mark is read, UTF-16 and UTF-32 are refused by name.

use crate::{Refusal, Result};

/// What editors and shells on Windows put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Bytes of the byte order mark that a file begins with: 3, or 0 where there is none. `beginning` is the
/// whole file, or enough of it.
///
/// # Errors
/// When it is UTF-16 or UTF-32. Without a mark of their own these are known by zeros beside letters.
pub fn byte_order_mark(beginning: &[u8]) -> Result<usize> {
    if beginning.starts_with(BYTE_ORDER_MARK) {
        return Ok(BYTE_ORDER_MARK.len());
    }
    let is_wide = beginning.starts_with(b"\xff\xfe\0\0") || beginning.starts_with(b"\0\0\xfe\xff");
    let is_marked = beginning.starts_with(b"\xff\xfe") || beginning.starts_with(b"\xfe\xff");
    let encoding = match () {
        () if is_wide => "UTF-32",
        () if is_marked || is_unmarked_utf16(beginning) => "UTF-16",
        () => return Ok(0),
    };
    Err(Refusal::user(format!(
        "it is {encoding}; convert it to UTF-8 first, as iconv -f {encoding} -t UTF-8 does"
    )))
}

/// Whether letters of ASCII stand in pairs of bytes whose other byte is zero.
fn is_unmarked_utf16(beginning: &[u8]) -> bool {
    const LOOKED_AT: usize = 32;
    let pairs = &beginning.as_chunks::<2>().0;
    let pairs = &pairs[..pairs.len().min(LOOKED_AT)];
    let are_letters =
        |letter: usize| pairs.iter().all(|two| two[letter] != 0 && two[1 - letter] == 0);
    pairs.len() >= 4 && (are_letters(0) || are_letters(1))
}

/// A text's bytes as text, without the mark. A first byte that is not valid UTF-8 is refused with its
/// place.
pub fn text(mut bytes: Vec<u8>) -> Result<String> {
    let mark = byte_order_mark(&bytes)?;
    let text = String::from_utf8(bytes.split_off(mark));
    text.map_err(|error| {
        let at = mark + error.utf8_error().valid_up_to();
        let what = format!("byte {at} is not valid UTF-8; convert it to UTF-8 first");
        Refusal::corrupt(what)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(order).collect()
    }

    #[test]
    fn a_mark_of_utf_8_is_no_part_of_the_text() {
        for (bytes, expected) in [
            (&b"\xef\xbb\xbfone"[..], "one"),
            (b"one", "one"),
            (b"\xef\xbb\xbf", ""),
            (b"", ""),
            // A second one is a character of the text, and so is one that stands elsewhere.
            (b"\xef\xbb\xbf\xef\xbb\xbfone", "\u{feff}one"),
            (b"one\xef\xbb\xbf", "one\u{feff}"),
        ] {
            assert_eq!(text(bytes.to_vec()).unwrap(), expected);
        }
        let said = text(b"\xef\xbb\xbfone\xff".to_vec()).unwrap_err().to_string();
        assert_eq!(said, "byte 6 is not valid UTF-8; convert it to UTF-8 first");
    }

    #[test]
    fn wider_encodings_are_named_with_and_without_a_mark() {
        let words = "one two, and three";
        for order in [u16::to_le_bytes, u16::to_be_bytes] {
            for bytes in [utf16(words, order), utf16(&format!("\u{feff}{words}"), order)] {
                let said = text(bytes).unwrap_err().to_string();
                assert_eq!(
                    said,
                    "it is UTF-16; convert it to UTF-8 first, as iconv -f UTF-16 -t UTF-8 does"
                );
            }
        }
        for order in [u32::to_le_bytes, u32::to_be_bytes] {
            let wide = format!("\u{feff}{words}").chars().flat_map(|c| order(c as u32)).collect();
            assert!(text(wide).unwrap_err().to_string().starts_with("it is UTF-32"));
        }
        // Zeros alone, and few letters with a zero, are text.
        assert!(text(vec![0; 64]).is_ok() && text(b"a\0b\0".to_vec()).is_ok());
    }
}
