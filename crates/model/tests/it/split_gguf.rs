//! GGUF files that were split into parts, as `llama-gguf-split` splits them: opened whole, or refused by part.

use std::{fs, path::Path};

use crate::{
    fixture::{self, Gguf},
    gguf_files::{fill, llama_file, with_ends},
};
use lookback_model::{Network, StoredModel};

fn name(number: usize) -> String {
    format!("tiny-{number:05}-of-00003.gguf")
}

/// Says which part of three a file is.
fn says(gguf: &mut Gguf, number: usize, tensors: u64) {
    gguf.key("split.no", 2, &(number as u16).to_le_bytes())
        .key("split.count", 2, &3u16.to_le_bytes())
        .key("split.tensors.count", 5, &(tensors as i32).to_le_bytes());
}

/// The three parts of a llama: the first without tensors, as with `--no-tensor-first-split`.
fn parts(network: &Network) -> [Gguf; 3] {
    let tensors = llama_file(network).info_count;
    let mut parts = [fixture::gguf_keys(network), Gguf::new(), Gguf::new()];
    for (number, part) in parts.iter_mut().enumerate() {
        says(part, number, tensors);
    }
    let mut written = 0;
    let [_, two, three] = &mut parts;
    fill(&mut Gguf::new(), network, |_, name, shape, values, _| {
        let part = if written < tensors / 3 { &mut *two } else { &mut *three };
        part.tensor(name, 0, shape, &fixture::bytes(values));
        written += 1;
    });
    parts
}

fn write(folder: &Path, parts: &[Gguf; 3]) {
    for (number, part) in parts.iter().enumerate() {
        fs::write(folder.join(name(number + 1)), part.finish()).expect("written");
    }
}

#[test]
fn a_split_file_is_one_model_whichever_part_is_named() {
    let network = with_ends(&fixture::llama());
    let folder = tempfile::tempdir().expect("a place");
    write(folder.path(), &parts(&network));
    for number in 1..=3 {
        let stored = StoredModel::open(&folder.path().join(name(number))).expect("understood");
        fixture::assert_same(&stored, &network);
        let bytes = |number| fs::metadata(folder.path().join(name(number))).expect("there").len();
        assert_eq!(stored.file_bytes() as u64, (1..=3).map(bytes).sum::<u64>());
    }
}

#[test]
fn a_split_file_whose_parts_are_not_of_one_model_is_refused_by_part() {
    type Change = fn(&Path);
    let cases: &[(Change, usize, &str)] = &[
        (
            |folder| fs::remove_file(folder.join(name(2))).expect("there"),
            1,
            "tiny-00002-of-00003.gguf: it is part 2 of 3 of the model, but it is not there; fetch it as well",
        ),
        (
            |folder| fs::remove_file(folder.join(name(1))).expect("there"),
            3,
            "tiny-00001-of-00003.gguf: it is part 1 of 3 of the model, but it is not there; fetch it as well",
        ),
        (
            |folder| _ = fs::copy(folder.join(name(3)), folder.join(name(2))).expect("copied"),
            1,
            "tiny-00002-of-00003.gguf: its metadata does not say that it is part 2 of 3",
        ),
        (
            |folder| {
                let bytes = fs::read(folder.join(name(3))).expect("there");
                fs::write(folder.join(name(3)), &bytes[..bytes.len() / 2]).expect("written");
            },
            1,
            "tiny-00003-of-00003.gguf: tensor ",
        ),
        (
            |folder| {
                let mut empty = Gguf::new();
                says(&mut empty, 1, 0);
                fs::write(folder.join(name(2)), empty.finish()).expect("written");
            },
            1,
            "split.tensors.count is 21, but its 3 parts hold 14; they are not of one model",
        ),
        (
            |folder| fs::rename(folder.join(name(1)), folder.join(name(9))).expect("renamed"),
            9,
            "part 1 of 3 of a split file, but its name tiny-00009-of-00003.gguf does not end as such a part's",
        ),
    ];
    let network = with_ends(&fixture::llama());
    for (change, named, reason) in cases {
        let folder = tempfile::tempdir().expect("a place");
        write(folder.path(), &parts(&network));
        change(folder.path());
        let sentence = fixture::refusal(&folder.path().join(name(*named)));
        assert!(sentence.contains(reason), "{sentence}, not {reason}");
    }
}

#[test]
fn numbers_of_parts_that_cannot_be_are_no_crash() {
    let network = fixture::llama();
    for (number, count) in [(3, 3), (0, u64::MAX), (u64::MAX, u64::MAX), (u64::MAX, 2)] {
        let mut gguf = llama_file(&network);
        gguf.key("split.no", 10, &number.to_le_bytes()).key(
            "split.count",
            10,
            &count.to_le_bytes(),
        );
        let folder = tempfile::tempdir().expect("a place");
        let file =
            folder.path().join(format!("a-{:05}-of-{count:05}.gguf", number.wrapping_add(1)));
        fs::write(&file, gguf.finish()).expect("written");
        fixture::refusal(&file);
    }
}
