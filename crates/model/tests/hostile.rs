//! Files that are cut, corrupt or made to hurt: each is refused in one sentence, none costs memory
//! that it does not back, and nothing panics.

#[path = "it/fixture.rs"]
mod fixture;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use fixture::Gguf;
use lookback_model::{Config, Network, Size, StoredModel};

/// The system's allocator, which remembers the largest request.
struct Largest;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Largest {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: `System` has the same contract, and the caller keeps it.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `System` has the same contract, and the caller keeps it.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Largest = Largest;

/// More than any of these files could need, and far less than any of their lies ask for.
const MEMORY_MOST: usize = 4 << 20;

const TINY: Size =
    Size { vocabulary: 5, width: 4, layers: 1, heads: 2, key_heads: 1, hidden: 8, context: 4 };

fn tiny() -> Network {
    Network::new(&Config::llama(TINY).expect("valid"))
}

/// A directory of a tiny Llama, and its weights' file.
fn tiny_directory() -> (tempfile::TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().expect("a place");
    fixture::write_directory(folder.path(), &tiny());
    let bytes = fs::read(folder.path().join("model.safetensors")).expect("it was just written");
    (folder, bytes)
}

/// Why the directory is refused with these bytes as its weights.
fn refuse_weights(folder: &Path, bytes: &[u8]) -> String {
    let path = folder.join("model.safetensors");
    fs::write(&path, bytes).expect("written");
    let sentence = fixture::refusal(folder);
    let rest = sentence.strip_prefix(&format!("{}: ", path.display()));
    rest.unwrap_or_else(|| panic!("the file stands first: {sentence}")).to_owned()
}

fn refuse_gguf(bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().expect("a place");
    fs::write(file.path(), bytes).expect("written");
    let sentence = fixture::refusal(file.path());
    let rest = sentence.strip_prefix(&format!("{}: ", file.path().display()));
    rest.unwrap_or_else(|| panic!("the file stands first: {sentence}")).to_owned()
}

/// A tiny Llama whose tensors are all of zeros.
fn tiny_gguf() -> Gguf {
    let network = tiny();
    let mut gguf = fixture::gguf_keys(&network);
    let (width, hidden) = (TINY.width, TINY.hidden);
    let mut add = |name: &str, shape: &[usize]| {
        let bytes = vec![0; 4 * shape.iter().product::<usize>()];
        gguf.tensor(name, 0, shape, &bytes);
    };
    add("token_embd.weight", &[TINY.vocabulary, width]);
    add("output_norm.weight", &[width]);
    add("blk.0.attn_norm.weight", &[width]);
    add("blk.0.ffn_norm.weight", &[width]);
    add("blk.0.attn_q.weight", &[width, width]);
    add("blk.0.attn_k.weight", &[width / 2, width]);
    add("blk.0.attn_v.weight", &[width / 2, width]);
    add("blk.0.attn_output.weight", &[width, width]);
    add("blk.0.ffn_gate.weight", &[hidden, width]);
    add("blk.0.ffn_up.weight", &[hidden, width]);
    add("blk.0.ffn_down.weight", &[width, hidden]);
    gguf
}

#[test]
fn safetensors_cut_at_any_byte_are_refused() {
    let (folder, whole) = tiny_directory();
    for length in 0..whole.len() {
        let sentence = refuse_weights(folder.path(), &whole[..length]);
        let is_told = sentence.contains("half downloaded");
        assert!(is_told, "cut at {length}: {sentence}");
    }
    let longer = [&whole[..], &[0]].concat();
    let sentence = refuse_weights(folder.path(), &longer);
    assert!(sentence.contains("but the file goes on to byte"), "{sentence}");
}

#[test]
fn a_gguf_cut_at_any_byte_is_refused() {
    let whole = tiny_gguf().finish();
    for length in 0..whole.len() {
        let sentence = refuse_gguf(&whole[..length]);
        let is_told = sentence.contains("half downloaded") || length < 4;
        assert!(is_told, "cut at {length}: {sentence}");
    }
}

#[test]
fn any_byte_may_be_wrong_and_nothing_panics_or_takes_memory() {
    let (folder, weights) = tiny_directory();
    let path = folder.path().join("model.safetensors");
    let gguf = tiny_gguf().finish();
    let other = folder.path().join("model.gguf");
    for (whole, written, opened) in [(&weights, &path, folder.path()), (&gguf, &other, &other)] {
        for at in 0..whole.len().min(4000) {
            for wrong in [0x00, 0x01, 0x22, 0x7f, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] = wrong;
                fs::write(written, &bytes).expect("written");
                if let Err(refusal) = StoredModel::open(opened) {
                    assert!(!refusal.to_string().contains('\n'), "{refusal}");
                }
            }
        }
    }
    let largest = LARGEST.load(Ordering::Relaxed);
    assert!(largest < MEMORY_MOST, "{largest} bytes were asked for at once");
}

#[test]
fn headers_that_lie_are_refused_by_what_is_wrong() {
    let (folder, _) = tiny_directory();
    let one = |entry: &str| format!("{{\"a\":{entry}}}");
    let f32_at = |shape: &str, from: u64, to: u64| {
        format!("{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":[{from},{to}]}}")
    };
    let huge = u64::MAX;
    for (header, reason) in [
        (String::new(), "the header is not the JSON that is needed"),
        ("[]".to_owned(), "the header is not the JSON that is needed"),
        ("{\"a\":1}".to_owned(), "the header is not the JSON that is needed"),
        ("[".repeat(100_000), "the header is not the JSON that is needed"),
        (one(&f32_at("[2]", 0, 4)), "tensor a is F32 of shape [2], which does not fit its 4 bytes"),
        (one(&f32_at("[1]", 8, 4)), "tensor a lies at bytes 8 to 4 of the data"),
        (
            one(&f32_at("[2]", 4, 12)),
            "tensor a lies at bytes 4 to 12 of the data, which is 8 bytes",
        ),
        (one(&f32_at("[1]", huge - 3, huge)), "tensor a lies at bytes"),
        (one(&f32_at("[4611686018427387905]", 0, 4)), "which does not fit its 4 bytes"),
        (one(&f32_at("[9223372036854775807,9223372036854775807]", 0, 4)), "which does not fit"),
        (one(&f32_at("[1]", 0, 4)), "its tensors end at byte"),
        (one(&f32_at("[1]", 4, 8)), "after byte"),
        (
            format!("{{\"a\":{},\"b\":{}}}", f32_at("[2]", 0, 8), f32_at("[1]", 4, 8)),
            "tensor b begins at byte",
        ),
        (
            format!("{{\"a\":{},\"a\":{}}}", f32_at("[1]", 0, 4), f32_at("[1]", 4, 8)),
            "tensor a is there twice",
        ),
        (
            format!("{{\"a\":{},\"model.a\":{}}}", f32_at("[1]", 0, 4), f32_at("[1]", 4, 8)),
            "tensor model.a is there twice",
        ),
        (
            one("{\"dtype\":\"F5\",\"shape\":[1],\"data_offsets\":[0,8]}"),
            "tensor a has the unknown type F5; F32, F64, F16, BF16, F8_E4M3 and F8_E5M2 are read",
        ),
    ] {
        let sentence = refuse_weights(folder.path(), &fixture::with_header(&header, &[0; 8]));
        assert!(sentence.contains(reason), "{header:.80}: {sentence}");
    }
    let mut long = fixture::with_header("{}", &[]);
    long[..8].copy_from_slice(&4096u64.to_le_bytes());
    assert_eq!(
        refuse_weights(folder.path(), &long),
        "the header says it is 4096 bytes long, but the file ends at byte 10; it is probably half \
         downloaded, so fetch it again"
    );
}

#[test]
fn tensors_that_do_not_fit_the_configuration_are_refused_by_name() {
    let (folder, _) = tiny_directory();
    let path = folder.path().join("model.safetensors");
    let whole = fixture::tensors_of(&path);
    let key = "model.layers.0.self_attn.k_proj.weight";
    let at = whole.iter().position(|tensor| tensor.0 == key).expect("it is there");

    let mut without = whole.clone();
    without.remove(at);
    let sentence = refuse_weights(folder.path(), &fixture::safetensors(&without));
    assert!(sentence.starts_with(&format!("tensor {key} is missing")), "{sentence}");

    let mut turned = whole.clone();
    turned[at].2.reverse();
    let sentence = refuse_weights(folder.path(), &fixture::safetensors(&turned));
    let reason =
        format!("tensor {key} has the shape [4, 2], but the configuration makes it [2, 4]");
    assert!(sentence.starts_with(&reason), "{sentence}");

    let mut integers = whole.clone();
    integers[at].1 = "I32";
    let sentence = refuse_weights(folder.path(), &fixture::safetensors(&integers));
    assert!(sentence.starts_with(&format!("tensor {key} is stored as I32")), "{sentence}");

    let mut more = whole.clone();
    more.push(("model.layers.0.self_attn.q_norm.weight".to_owned(), "F32", vec![1], vec![0; 4]));
    let sentence = refuse_weights(folder.path(), &fixture::safetensors(&more));
    let reason = "tensor model.layers.0.self_attn.q_norm.weight is not part of the model";
    assert!(sentence.starts_with(reason), "{sentence}");
}

#[test]
fn what_is_no_model_is_refused_by_what_is_missing() {
    let (folder, _) = tiny_directory();
    let at = |part: &str| folder.path().join(part);
    assert!(fixture::refusal(&at("nowhere")).ends_with("there is no such file; check the path"));
    assert!(fixture::refusal(&at("config.json")).contains("it does not begin with GGUF"));
    fs::write(at("empty.gguf"), "").expect("written");
    assert!(fixture::refusal(&at("empty.gguf")).contains("it does not begin with GGUF"));
    fs::remove_file(at("model.safetensors")).expect("it was there");
    assert!(fixture::refusal(folder.path()).contains("there is neither model.safetensors nor"));
    fs::write(at("generation_config.json"), "{\"eos_token_id\": \"a\"}").expect("written");
    let sentence = fixture::refusal(folder.path());
    assert!(sentence.contains("generation_config.json: eos_token_id is \"a\""), "{sentence}");
    fs::remove_file(at("config.json")).expect("it was there");
    assert!(fixture::refusal(folder.path()).contains("there is no config.json in it"));
}

#[test]
fn a_gguf_that_lies_is_refused_by_what_is_wrong() {
    type Change = fn(&mut Gguf);
    let cases: [(Change, &str); 21] = [
        (|g| g.key_count = u64::MAX, "metadata keys follow, but the file ends at byte"),
        (|g| g.info_count = 1 << 60, "tensors follow, but the file ends at byte"),
        (|g| g.key_count -= 1, "tensor"),
        (|g| _ = g.key("x", 99, &[]), "metadata x has the unknown type 99"),
        (|g| _ = g.key("x", 7, &[2]), "which is neither true nor false"),
        (|g| _ = g.key("x", 8, &u64::MAX.to_le_bytes()), "takes 18446744073709551615 bytes"),
        (|g| _ = g.key("x", 9, &list(4, 1 << 62)), "elements of metadata x follow, but"),
        (|g| _ = g.key("x", 9, &list(9, 1)), "metadata x is a list of type 9"),
        (|g| _ = g.number("x", 1).number("x", 1), "metadata x is there twice"),
        (|g| _ = g.number("general.alignment", 0), "general.alignment is 0"),
        (|g| _ = g.number("general.alignment", 48), "general.alignment is 48"),
        (
            |g| _ = g.info("x", 16, &[256], 0),
            "tensor x is stored as IQ2_XXS, type 16, which is not understood",
        ),
        (|g| _ = g.info("x", 14, &[32], 0), "tensor x has rows of 32 elements"),
        (|g| _ = g.info("x", 77, &[32], 0), "tensor x has the unknown type 77"),
        (|g| _ = g.info("x", 2, &[2, 33], 0), "tensor x has rows of 33 elements"),
        (|g| _ = g.info("x", 0, &[1, 1, 1, 1, 1], 0), "tensor x has 5 dimensions"),
        (|g| _ = g.info("x", 0, &[], 0), "tensor x has 0 dimensions"),
        (|g| _ = g.info("x", 0, &[1 << 40, 1 << 40], 0), "which is too large"),
        (|g| _ = g.info("x", 0, &[1], u64::MAX), "tensor x is F32 of shape [1] at byte 184467"),
        (|g| _ = g.info("x", 0, &[1], 4), "begins at byte"),
        (
            |g| _ = g.tensor("token_embd.weight", 0, &[1], &[0; 4]),
            "token_embd.weight is there twice",
        ),
    ];
    for (number, (change, reason)) in cases.into_iter().enumerate() {
        let mut gguf = tiny_gguf();
        change(&mut gguf);
        let sentence = refuse_gguf(&gguf.finish());
        assert!(sentence.contains(reason), "case {number}: {sentence}");
    }
    let mut bytes = tiny_gguf().finish();
    let at = bytes.windows(5).position(|five| five == b"llama").expect("it is there");
    bytes[at] = 0xff;
    let sentence = refuse_gguf(&bytes);
    assert!(sentence.ends_with(&format!("byte {at} is not valid UTF-8")), "{sentence}");
    assert!(StoredModel::open(&write(&tiny_gguf().finish())).is_ok(), "unchanged, it is a model");
}

fn list(kind: u32, count: u64) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &count.to_le_bytes()].concat()
}

/// A file that outlives the sentence it is used in.
fn write(bytes: &[u8]) -> tempfile::TempPath {
    let file = tempfile::NamedTempFile::new().expect("a place");
    fs::write(file.path(), bytes).expect("written");
    file.into_temp_path()
}
