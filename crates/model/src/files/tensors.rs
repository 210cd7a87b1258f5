//! What the files of a model hold: tensors by name, with their place in bytes, not yet understood.

use std::{
    collections::HashMap,
    ops::Range,
    path::{Path, PathBuf},
};

use lookback_files::{Mapping, Refusal, Result, excerpt};
use lookback_kernels::naive::stored::StorageType;

/// A file of tensors, mapped into memory.
pub(super) struct Source {
    pub path: PathBuf,
    pub bytes: Mapping,
}

/// A tensor as a file holds it.
#[derive(Clone, Debug)]
pub(super) struct Tensor {
    pub name: String,
    /// As the file calls it: `BF16`, `I64`, `Q6_K`.
    pub dtype: String,
    /// What it is read as, if it is.
    pub storage: Option<StorageType>,
    /// Outermost first.
    pub shape: Vec<usize>,
    /// Whether outermost sizes of 1 are left out, as in GGUF files.
    pub is_without_outer_ones: bool,
    /// Which of the files.
    pub source: usize,
    /// Where in the file; inside its bounds.
    pub bytes: Range<usize>,
}

/// All tensors of a model.
pub(super) struct Tensors {
    /// What the user named, for sentences about what is missing.
    pub path: PathBuf,
    pub sources: Vec<Source>,
    pub list: Vec<Tensor>,
    by_name: HashMap<String, usize>,
}

impl Tensors {
    /// Lists tensors under the names that `rename` gives them; two of one name are refused.
    pub(super) fn new(
        path: &Path,
        sources: Vec<Source>,
        list: Vec<Tensor>,
        rename: impl Fn(&str) -> &str,
    ) -> Result<Self> {
        let mut by_name = HashMap::with_capacity(list.len());
        for (index, tensor) in list.iter().enumerate() {
            if by_name.insert(rename(&tensor.name).to_owned(), index).is_some() {
                return Err(refuse_tensor(
                    &sources[tensor.source].path,
                    &tensor.name,
                    "is there twice",
                ));
            }
        }
        Ok(Self { path: path.to_owned(), sources, list, by_name })
    }

    /// The tensor of a name.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// Lets a tensor be found by another name as well.
    pub(super) fn also_call(&mut self, tensor: usize, name: String) {
        self.by_name.insert(name, tensor);
    }

    /// Whether two tensors are one, stored twice.
    pub(super) fn are_same(&self, one: usize, other: usize) -> bool {
        self.list[one].dtype == self.list[other].dtype
            && self.list[one].shape == self.list[other].shape
            && self.bytes(one) == self.bytes(other)
    }

    /// A tensor's bytes.
    pub(super) fn bytes(&self, tensor: usize) -> &[u8] {
        let tensor = &self.list[tensor];
        &self.sources[tensor.source].bytes[tensor.bytes.clone()]
    }

    /// Gives back the memory that a tensor's bytes take, until they are read again.
    pub(super) fn release(&self, tensor: usize) {
        let tensor = &self.list[tensor];
        self.sources[tensor.source].bytes.release(tensor.bytes.clone());
    }

    /// The same of a part of its bytes.
    pub(super) fn release_part(&self, tensor: usize, part: Range<usize>) {
        let tensor = &self.list[tensor];
        let first = tensor.bytes.start;
        let end = tensor.bytes.end.min(first + part.end);
        self.sources[tensor.source].bytes.release((first + part.start).min(end)..end);
    }

    /// A refusal about one tensor.
    pub(super) fn refuse(&self, tensor: usize, what: &str) -> Refusal {
        let tensor = &self.list[tensor];
        refuse_tensor(&self.sources[tensor.source].path, &tensor.name, what)
    }
}

/// What is refused of a tensor of a type that is not read.
pub(super) fn not_understood(dtype: &str) -> String {
    let [others @ .., last] = StorageType::ALL.map(|storage| storage.name().to_uppercase());
    let others = others.join(", ");
    format!("is stored as {dtype}, which is not understood; {others} and {last} are")
}

/// A refusal about one tensor of a file.
pub(super) fn refuse_tensor(path: &Path, name: &str, what: &str) -> Refusal {
    Refusal::corrupt(format!("{}: tensor {} {what}", path.display(), excerpt(name)))
}
