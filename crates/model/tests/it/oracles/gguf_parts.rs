//! Any bytes as the second of two parts of a `.gguf`, behind a first one without tensors: what is read is what a
//! reader of plain loops finds in these bytes.

use std::{fs, path::PathBuf};

use super::{fixture, gguf};
use lookback_model::StoredModel;

/// The two parts; the first is there.
struct Parts {
    _folder: tempfile::TempDir,
    first: PathBuf,
    second: PathBuf,
}

thread_local! {
    static PARTS: Parts = parts();
}

/// Says which part of two a file is.
fn says(gguf: &mut fixture::Gguf, number: u16) {
    gguf.key("split.no", 2, &number.to_le_bytes()).key("split.count", 2, &2u16.to_le_bytes());
}

fn parts() -> Parts {
    let folder = tempfile::tempdir().expect("a place");
    let [first, second] =
        [1, 2].map(|number| folder.path().join(format!("a-{number:05}-of-00002.gguf")));
    let mut keys = fixture::one_block_keys();
    says(&mut keys, 0);
    fs::write(&first, keys.finish()).expect("written");
    Parts { _folder: folder, first, second }
}

/// Holds one second part against the plain reader.
pub fn check(bytes: &[u8]) {
    PARTS.with(|parts| {
        fs::write(&parts.second, bytes).expect("written");
        match StoredModel::open(&parts.first) {
            Err(refusal) => super::sentence::check(&refusal),
            Ok(stored) => assert_eq!(gguf::weights(&stored), gguf::numbers(bytes)),
        }
        // The part that is named need not be the first, but it says which it is.
        if let Err(refusal) = StoredModel::open(&parts.second) {
            super::sentence::check(&refusal);
        }
    });
}

/// Where a search begins.
pub fn seeds() -> Vec<Vec<u8>> {
    let part = |kind| {
        let mut gguf = fixture::Gguf::new();
        says(&mut gguf, 1);
        fixture::one_block_tensors(&mut gguf, kind);
        gguf.finish()
    };
    [0, 1, 8].map(part).to_vec()
}
