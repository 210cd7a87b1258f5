//! Reads little-endian values from bytes; an end that comes too early is a refusal with its place.

use lookback_files::{Refusal, Result};

/// A place in the bytes of a file.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next byte to be read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next bytes; `what` names them in a refusal.
    pub(super) fn take(&mut self, length: u64, what: &str) -> Result<&'a [u8]> {
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        let Some(bytes) = end.and_then(|end| self.bytes.get(self.at..end)) else {
            return Err(Refusal::user(format!(
                "{what} at byte {} takes {length} bytes, but the file ends at byte {}; it is \
                 probably half downloaded, so fetch it again",
                self.at,
                self.bytes.len()
            )));
        };
        self.at += bytes.len();
        Ok(bytes)
    }

    /// Refuses a count of things that no model has: each takes ten times as much memory as in the file.
    pub(super) fn expect_few(&self, count: u64, max: u64, what: &str) -> Result<()> {
        if count <= max {
            return Ok(());
        }
        Err(Refusal::user(format!(
            "it says at byte {} that {count} {what} follow, and {max} are the most that are read",
            self.at
        )))
    }

    /// Refuses a count of things that the rest of the file has no room for.
    pub(super) fn expect_room(&self, count: u64, each: u64, what: &str) -> Result<()> {
        let left = (self.bytes.len() - self.at) as u64;
        if count.checked_mul(each).is_some_and(|needed| needed <= left) {
            return Ok(());
        }
        Err(Refusal::user(format!(
            "it says at byte {} that {count} {what} follow, but the file ends at byte {}; it is \
             probably half downloaded, so fetch it again",
            self.at,
            self.bytes.len()
        )))
    }

    pub(super) fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        let bytes = self.take(N as u64, what)?;
        Ok(bytes.try_into().expect("as many bytes as were asked for"))
    }

    pub(super) fn u32(&mut self, what: &str) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    pub(super) fn u64(&mut self, what: &str) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    /// A length and as many bytes of UTF-8.
    pub(super) fn text(&mut self, what: &str) -> Result<&'a str> {
        let length = self.u64(what)?;
        let at = self.at;
        let bytes = self.take(length, what)?;
        std::str::from_utf8(bytes).map_err(|error| {
            Refusal::user(format!("{what}: byte {} is not valid UTF-8", at + error.valid_up_to()))
        })
    }
}
