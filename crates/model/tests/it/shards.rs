//! Weights in several safetensors files: one model where they are whole, and refused by name where they are not.

use std::{fs, path::Path};

use crate::fixture;
use lookback_model::StoredModel;

const INDEX: &str = "model.safetensors.index.json";

#[test]
fn shards_are_one_model() {
    let network = fixture::gpt2();
    let folder = tempfile::tempdir().expect("a place");
    fixture::write_directory(folder.path(), &network);
    let [one, two] = FILES;
    split(folder.path());
    let stored = StoredModel::open(folder.path()).expect("understood");
    fixture::assert_same(&stored, &network);

    fs::remove_file(folder.path().join(two)).expect("it was there");
    let sentence = fixture::refusal(folder.path());
    assert!(
        sentence.contains(&format!("{two}: model.safetensors.index.json names it, but it is not")),
        "{sentence}"
    );
    fs::copy(folder.path().join(one), folder.path().join(two)).expect("copied");
    let sentence = fixture::refusal(folder.path());
    assert!(sentence.contains("is missing, though the index promises it"), "{sentence}");
}

#[test]
fn an_index_that_points_out_of_its_directory_is_refused() {
    let folder = tempfile::tempdir().expect("a place");
    fixture::write_directory(folder.path(), &fixture::gpt2());
    split(folder.path());
    for outside in ["../model.safetensors", "/etc/passwd", "a/b", ""] {
        let index = format!("{{\"weight_map\": {{\"transformer.wte.weight\": \"{outside}\"}}}}");
        fs::write(folder.path().join(INDEX), index).expect("written");
        let sentence = fixture::refusal(folder.path());
        assert!(sentence.contains("which is not a file beside the index"), "{sentence}");
    }
}

#[test]
fn shards_and_an_index_that_disagree_are_refused_by_tensor() {
    let [one, two] = FILES;
    type Change = fn(&Path);
    let cases: &[(Change, &str)] = &[
        // Listed twice: JSON's last entry counts, and the other shard holds what the index has elsewhere.
        (
            |folder| {
                let index = fs::read_to_string(folder.join(INDEX)).expect("written");
                let twice = index.replacen(
                    "\"weight_map\": {",
                    &format!("\"weight_map\": {{\"transformer.wte.weight\": \"{}\",", FILES[1]),
                    1,
                );
                fs::write(folder.join(INDEX), twice).expect("written");
            },
            "tensor transformer.wte.weight stands there twice",
        ),
        (
            |folder| {
                let index = fs::read_to_string(folder.join(INDEX)).expect("written");
                let place = |file| format!("\"transformer.wte.weight\": \"{file}\"");
                fs::write(folder.join(INDEX), index.replace(&place(FILES[0]), &place(FILES[1])))
                    .expect("written");
            },
            "tensor transformer.wte.weight ",
        ),
        // Both shards hold a tensor.
        (
            |folder| {
                let mut tensors = fixture::tensors_of(&folder.join(FILES[1]));
                tensors.push(fixture::tensors_of(&folder.join(FILES[0])).swap_remove(0));
                fs::write(folder.join(FILES[1]), fixture::safetensors(&tensors)).expect("written");
            },
            "does not stand in the index",
        ),
        (
            |folder| {
                let header = r#"{"transformer.wte.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
                    "transformer.wpe.weight":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#;
                fs::write(folder.join(FILES[0]), fixture::with_header(header, &[0; 12]))
                    .expect("written");
            },
            "transformer.wpe.weight",
        ),
        (|folder| fs::write(folder.join(FILES[1]), "").expect("written"), "it ends at byte 0"),
        (|folder| fs::write(folder.join(INDEX), "{}").expect("written"), "weight_map"),
    ];
    for (change, reason) in cases {
        let folder = tempfile::tempdir().expect("a place");
        fixture::write_directory(folder.path(), &fixture::gpt2());
        split(folder.path());
        change(folder.path());
        let sentence = fixture::refusal(folder.path());
        assert!(sentence.contains(reason), "{sentence}, not {reason}");
        assert!(sentence.contains(one) || sentence.contains(two) || sentence.contains(INDEX));
    }
}

/// The names of the two shards.
const FILES: [&str; 2] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];

/// Makes two shards and an index of a directory's one file.
fn split(folder: &Path) {
    let whole = folder.join("model.safetensors");
    let mut tensors = fixture::tensors_of(&whole);
    // The tables come first, whatever order they were read in.
    tensors.sort_by(|a, b| b.0.cmp(&a.0));
    let mut map = Vec::new();
    for (file, part) in FILES.iter().zip(tensors.chunks(tensors.len() / 2 + 1)) {
        fs::write(folder.join(file), fixture::safetensors(part)).expect("written");
        map.extend(part.iter().map(|tensor| format!("\"{}\": \"{file}\"", tensor.0)));
    }
    let index = format!("{{\"metadata\": {{}}, \"weight_map\": {{{}}}}}", map.join(","));
    fs::write(folder.join(INDEX), index).expect("written");
    fs::remove_file(whole).expect("it was there");
}
