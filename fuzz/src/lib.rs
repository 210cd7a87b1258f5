//! What is held true of any bytes: the oracles stand beside the tests of the crate that they are about,
//! where every case that was ever found is checked by an ordinary test.

#[path = "../../crates/model/tests/it/oracles/config.rs"]
pub mod config;
#[path = "../../crates/model/tests/it/fixture.rs"]
mod fixture;
#[path = "../../crates/model/tests/it/oracles/gguf.rs"]
pub mod gguf;
#[path = "../../crates/model/tests/it/oracles/gguf_parts.rs"]
pub mod gguf_parts;
#[path = "../../crates/text/tests/it/oracles/merges.rs"]
pub mod merges;
#[path = "../../crates/kernels/tests/it/oracles/quantised.rs"]
pub mod quantised;
#[path = "../../crates/model/tests/it/oracles/safetensors.rs"]
pub mod safetensors;
mod sentence;
#[path = "../../crates/train/tests/it/oracles/settings.rs"]
pub mod settings;
#[path = "../../crates/text/tests/it/oracles/texts.rs"]
pub mod texts;
#[path = "../../crates/text/tests/it/oracles/tokenizer.rs"]
pub mod tokenizer;
#[path = "../../crates/text/tests/it/oracles/tokenizer_model.rs"]
pub mod tokenizer_model;
#[path = "../../crates/text/tests/it/oracles/vocabulary_files.rs"]
pub mod vocabulary_files;

/// A target's name, and where its search begins.
pub type Seeds = (&'static str, fn() -> Vec<Vec<u8>>);

/// Every target.
pub const TARGETS: [Seeds; 11] = [
    ("config", config::seeds),
    ("gguf", gguf::seeds),
    ("gguf_parts", gguf_parts::seeds),
    ("merges", merges::seeds),
    ("quantised", quantised::seeds),
    ("safetensors", safetensors::seeds),
    ("settings", settings::seeds),
    ("texts", texts::seeds),
    ("tokenizer", tokenizer::seeds),
    ("tokenizer_model", tokenizer_model::seeds),
    ("vocabulary_files", vocabulary_files::seeds),
];

/// Asking for more at once than any case could need ends the search, as a case that was found: a file
/// must not cost memory that it does not back.
#[global_allocator]
static ALLOCATOR: Bounded = Bounded;

struct Bounded;

/// Far more than seeds need, and far less than a lie in a header asks for.
const MOST: usize = 64 << 20;

// SAFETY: every call is handed to the system's allocator unchanged, or the process ends.
unsafe impl std::alloc::GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: std::alloc::Layout) -> *mut u8 {
        if layout.size() > MOST {
            eprintln!("{} bytes were asked for at once", layout.size());
            std::process::abort();
        }
        // SAFETY: the caller's promises are the system allocator's.
        unsafe { std::alloc::System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: std::alloc::Layout) {
        // SAFETY: the caller's promises are the system allocator's.
        unsafe { std::alloc::System.dealloc(pointer, layout) }
    }
}
