//! The files that an intervention may name: on the command line any, over HTTP none.

use std::path::Path;

use lookback_files::{Kind, MAX_RECORDS_BYTES, Refusal, Result, Setting, read_bytes_up_to};

/// Who reads the files that interventions name.
pub trait InterventionFiles {
    /// All of a file.
    ///
    /// # Errors
    /// When it cannot be read, or may not be.
    fn bytes(&self, file: &str) -> Result<Vec<u8>>;
}

/// Reads files of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalFiles;

impl InterventionFiles for LocalFiles {
    fn bytes(&self, file: &str) -> Result<Vec<u8>> {
        read_bytes_up_to(Path::new(file), MAX_RECORDS_BYTES)
    }
}

/// Refuses every file: for interventions that come from elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFiles;

impl InterventionFiles for NoFiles {
    fn bytes(&self, file: &str) -> Result<Vec<u8>> {
        let what =
            format!("{}: {file:?} is not read, since no files are read here", Setting("edit"));
        Err(Refusal::of(Kind::Forbidden, what).then("give its numbers"))
    }
}
