//! A stored model: its configuration, and its weights one by one in canonical layout.
//!
//! Files are mapped and checked whole on opening: every tensor that the configuration needs is
//! there, of its shape, inside the file; nothing is left over. Nothing is kept that the file does
//! not back. Tokenizers are handed on as they are stored: `model` never sees a text.

mod directory;
mod file_weights;
mod gguf;
mod names;
mod places;
mod safetensors;
mod save;
mod template;
mod tensors;

use std::{ops::Range, path::Path};

use lookback_files::{Refusal, Result, map};
use lookback_kernels::naive::stored::StorageType;

use file_weights::FileWeights;
pub(crate) use gguf::GgufMetadata;
pub use gguf::{GgufTokenizer, GgufType, SamplingDefault, TensorWritten};
pub(crate) use names::{
    ExpertLayout, ExpertNames, FusedQkv, GGUF_NAMES, Layout, Names, VALUE_HEADS,
};
pub use save::{save, save_as};
pub use template::{ChatTemplates, StoredTokenizer};

use crate::{Config, Network, WeightId};

/// A model in files, opened and checked, its weights still on disk.
pub struct StoredModel {
    network: Network,
    weights: FileWeights,
    tokenizer: StoredTokenizer,
    sampling: Vec<(String, SamplingDefault)>,
    remarks: Vec<String>,
}

impl StoredModel {
    /// Opens a Hugging Face directory or a `.gguf` file.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_for(path, None)
    }

    /// The same for so many positions, where a model has other rotary frequencies for more of them than it
    /// is usually opened for (see [`Config::for_context`]).
    pub fn open_for(path: &Path, context: Option<usize>) -> Result<Self> {
        if path.is_dir() {
            Self::open_directory(path, context)
        } else {
            Self::open_file(path, context)
        }
    }

    fn open_directory(folder: &Path, context: Option<usize>) -> Result<Self> {
        let mut config = directory::read_config(folder)?.opened_for(context)?;
        let names = &config.family.names;
        let mut tensors = directory::open_tensors(folder, names)?;
        let names = &names.with_experts_of(&tensors, config.layers);
        let mut remarks = Vec::new();
        if config.tied && names.unties(&mut tensors) {
            config = config.with(|config| config.tied = false)?;
            remarks.push(format!(
                "{}.weight differs from the embedding table, so it is used as it is, as transformers does, \
                 though tie_word_embeddings is true",
                names.head
            ));
        }
        let network = Network::new(&config);
        let weights = FileWeights::new(tensors, &network, names)?;
        let tokenizer = StoredTokenizer::Directory(folder.to_owned());
        Ok(Self { network, weights, tokenizer, sampling: Vec::new(), remarks })
    }

    fn open_file(path: &Path, context: Option<usize>) -> Result<Self> {
        let bytes = map(path)?;
        if !bytes.starts_with(gguf::MAGIC) {
            return Err(Refusal::corrupt(format!(
                "{}: it does not begin with GGUF; a model is a directory with a config.json, or a \
                 GGUF file",
                path.display()
            )));
        }
        let gguf::Opened { config, names, tokenizer, sampling, tensors } = gguf::open(path, bytes)?;
        let network = Network::new(&config.opened_for(context)?);
        let weights = FileWeights::new(tensors, &network, &names)?;
        let remarks = tokenizer.remarks.clone();
        let tokenizer = StoredTokenizer::Gguf(Box::new(tokenizer));
        Ok(Self { network, weights, tokenizer, sampling, remarks })
    }

    /// What the model is.
    pub fn config(&self) -> &Config {
        &self.network.config
    }

    /// Its weights by name and shape, its blocks as data.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Where its tokenizer is.
    pub fn tokenizer(&self) -> &StoredTokenizer {
        &self.tokenizer
    }

    /// Gives back the memory that the tokens and merges of a GGUF file take as strings, once a tokenizer was
    /// made of them; [`StoredModel::tokenizer`] is empty from then on.
    pub fn release_tokenizer(&mut self) {
        if let StoredTokenizer::Gguf(tokenizer) = &mut self.tokenizer {
            **tokenizer = GgufTokenizer::default();
        }
    }

    /// Warnings about how the files were read, one sentence each.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// What a GGUF file suggests about sampling, by what stands behind `general.sampling.`; a
    /// directory's suggestions stand in its `generation_config.json`.
    pub fn sampling(&self) -> &[(String, SamplingDefault)] {
        &self.sampling
    }

    /// Bytes of the files that hold the weights.
    pub fn file_bytes(&self) -> usize {
        self.weights.file_bytes()
    }

    /// How a weight is stored.
    pub fn storage_type(&self, id: WeightId) -> StorageType {
        self.weights.storage_type(id)
    }

    /// One output of a matrix as the file stores it, in the form that [`StoredModel::storage_type`] names;
    /// none of a vector, and none where a file holds the matrix the other way around.
    pub fn row(&self, id: WeightId, output: usize) -> Option<&[u8]> {
        self.weights.row(id, output)
    }

    /// Refuses files that were written to since they were opened: weights read of them may be of two
    /// models.
    pub fn check_unchanged(&self) -> Result<()> {
        self.weights.check_unchanged()
    }

    /// Gives back the memory that the file's bytes of a weight take, once it has been copied from there.
    pub fn release(&self, id: WeightId) {
        self.weights.release(id);
    }

    /// As [`StoredModel::release`], of some outputs of a matrix of which [`StoredModel::row`] gives rows.
    pub fn release_rows(&self, id: WeightId, outputs: Range<usize>) {
        self.weights.release_rows(id, outputs);
    }

    /// Widens some outputs of a matrix of which [`StoredModel::row`] gives rows: `[outputs, inner]`.
    pub fn read_rows(&self, id: WeightId, outputs: Range<usize>, out: &mut [f32]) {
        let inner = out.len() / outputs.len().max(1);
        for (output, out) in outputs.zip(out.chunks_exact_mut(inner.max(1))) {
            if let Some(row) = self.row(id, output) {
                self.storage_type(id).widen(row, out);
            }
        }
    }

    /// Widens a weight into `out`: `[outputs, inner]` of a matrix, `[n]` of a vector.
    pub fn read(&self, id: WeightId, out: &mut [f32]) -> Result<()> {
        let spec = self.network.weight(id);
        if out.len() != spec.len() {
            return Err(Refusal::ours(format!(
                "{}: {} elements were asked for, and it has {}",
                spec.name,
                out.len(),
                spec.len()
            )));
        }
        self.weights.read(id, out);
        Ok(())
    }
}
