//! A model written anew: as a GGUF file of any type that is written, or as a Hugging Face directory.
//!
//! Weights, tokenizer, the tokens that begin and end texts, and chat templates go along; padding and what is suggested about
//! sampling stand in `convert/beside`. What the other kind of file has no words for is refused before anything is written.

mod beside;

use std::path::Path;

use lookback_engine::ThreadPool;
use lookback_files::{
    Kind, MAX_TOKENIZER_BYTES, Refusal, Result, Setting, check_free_name, read_bytes_up_to,
    write_atomic, write_directory_with,
};
use lookback_model::{
    ChatTemplates, GgufTokenizer, GgufType, Network, StorageType, StoredModel, StoredTokenizer,
    TensorWritten, WeightId, quantize, save_as,
};
use lookback_text::{GgufVocabulary, TokenId, Tokenizer};

use crate::{run_checkpoint::is_run_without_model, tokenizer::stored_tokenizer};

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converted {
    /// The type that was asked for, or that follows from the model.
    pub file_type: &'static str,
    /// Tensors.
    pub tensors: usize,
    /// Their bytes.
    pub bytes: usize,
    /// How many tensors are stored in each type, the largest part first.
    pub types: Vec<(StorageType, usize)>,
    /// What may be other than a person expects, one sentence each.
    pub remarks: Vec<String>,
}

/// Writes a model to `out`: a GGUF file if its name ends in `.gguf`, else a directory. Without a type it is that of the
/// model's matrices, where that is one of f32, f16 and bf16, and f32 where it is not. `written` is told of each tensor, and
/// may refuse to go on; then nothing is left.
///
/// # Errors
/// When `out` is there already, the model cannot be read, or has what the other kind of file has no words for.
pub fn convert(
    model: &Path,
    out: &Path,
    file_type: Option<&'static GgufType>,
    pool: &ThreadPool,
    written: &mut dyn FnMut(TensorWritten<'_>) -> Result<()>,
) -> Result<Converted> {
    check_free_name(out)?;
    if is_run_without_model(model) {
        return Err(Refusal::of(
            Kind::NotFound,
            format!("{}: this run has no model yet; let it come to its end first", model.display()),
        ));
    }
    let stored = StoredModel::open(model)?;
    let is_gguf = out.extension().is_some_and(|end| end.eq_ignore_ascii_case("gguf"));
    let file_type = file_type.unwrap_or_else(|| type_of(&stored, is_gguf));
    let mut done = Converted {
        file_type: file_type.name,
        tensors: 0,
        bytes: 0,
        types: Vec::new(),
        remarks: stored
            .remarks()
            .iter()
            .map(|remark| format!("{}: {remark}", model.display()))
            .collect(),
    };
    let mut count = |tensor: TensorWritten<'_>| {
        done.tensors += 1;
        done.bytes = tensor.done;
        match done.types.iter_mut().find(|(storage, _)| *storage == tensor.storage) {
            Some((_, tensors)) => *tensors += 1,
            None => done.types.push((tensor.storage, 1)),
        }
        written(tensor)
    };
    if is_gguf {
        let tokenizer = gguf_tokenizer(&stored, model)?;
        let (sampling, left_out) = beside::sampling_of_gguf(&stored, model)?;
        stored
            .write_gguf(out, &tokenizer, &sampling, file_type, pool, &mut count)
            .map_err(|refusal| at_model(refusal, model, out))?;
        done.remarks.extend(left_out);
        done.remarks.extend(beside::ends_left_out(&tokenizer));
    } else {
        let mut left_out = None;
        write_directory_with(out, |part| {
            left_out = write_directory(&stored, model, part, file_type, &mut count)?;
            Ok(())
        })?;
        done.remarks.extend(left_out);
    }
    done.types.sort_by_key(|(_, tensors)| std::cmp::Reverse(*tensors));
    Ok(done)
}

/// Puts the model's name before a refusal that is not about the file which is written.
fn at_model(refusal: Refusal, model: &Path, out: &Path) -> Refusal {
    match refusal.to_string().starts_with(&out.display().to_string()) {
        true => refusal,
        false => refusal.at(model.display()),
    }
}

/// f16 or bf16 where all tensors are stored so, but for some in f32 that lose nothing by it; f32 otherwise. Vectors and
/// learned positions of a GGUF file stay in f32 anyway.
fn type_of(stored: &StoredModel, is_gguf: bool) -> &'static GgufType {
    let network = stored.network();
    let whole = &GgufType::ALL[0];
    let is_short = |id: &WeightId| stored.storage_type(*id) != StorageType::F32;
    let Some(storage) = network.ids().find(is_short).map(|id| stored.storage_type(id)) else {
        return whole;
    };
    let found = GgufType::ALL.iter().find(|known| known.base == storage);
    let Some(found) = found.filter(|known| !known.base.is_quantised()) else { return whole };
    let stays = |id: WeightId| {
        let is_kept = network.weight(id).shape[0] == 1 || network.positions == Some(id);
        is_gguf && is_kept || is_exact(stored, id, storage)
    };
    if network.ids().all(stays) { found } else { whole }
}

/// Whether a weight is stored in a type, or loses nothing where it is.
fn is_exact(stored: &StoredModel, id: WeightId, storage: StorageType) -> bool {
    if stored.storage_type(id) != StorageType::F32 {
        return stored.storage_type(id) == storage;
    }
    let mut values = vec![0.0; stored.network().weight(id).len()];
    let mut bytes = vec![0; storage.bytes(values.len())];
    if stored.read(id, &mut values).is_err() || quantize(storage, &values, &mut bytes).is_err() {
        return false;
    }
    let mut again = vec![0.0; values.len()];
    storage.widen(&bytes, &mut again);
    values.iter().zip(&again).all(|(one, other)| one.to_bits() == other.to_bits())
}

fn write_directory(
    stored: &StoredModel,
    model: &Path,
    part: &Path,
    file_type: &GgufType,
    written: &mut dyn FnMut(TensorWritten<'_>) -> Result<()>,
) -> Result<Option<String>> {
    if file_type.base.is_quantised() {
        return Err(Refusal::user(format!(
            "a directory's weights are f32, f16 or bf16, and {} {} is asked for; give one of these, or a name that ends \
             in .gguf",
            Setting("type"),
            file_type.name
        )));
    }
    match stored.tokenizer() {
        StoredTokenizer::Directory(folder) => copy_tokenizer(folder, part)?,
        StoredTokenizer::Gguf(gguf) => {
            stored_tokenizer(stored.tokenizer(), model)?.write(part)?;
            beside::write_padding(gguf, part)?;
            write_templates(&stored.tokenizer().chat_templates()?, part)?;
        }
    }
    let config = stored.config().clone().with_named_rope().with_family_of_directories();
    let network = Network::new(&config);
    let fill = |id, out: &mut [f32]| {
        // Of a weight of this network and of its length nothing can be refused.
        let read = stored.read(id, out);
        debug_assert!(read.is_ok(), "{read:?}");
        stored.release(id);
    };
    save_as(part, &network, file_type.base, fill, written)
        .map_err(|refusal| at_model(refusal, model, part))?;
    let left_out = beside::write_generation_config(stored, model, part)?;
    stored.check_unchanged()?;
    Ok(left_out)
}

/// What a directory may have beside its weights and its configuration that tokenizers and chats need.
const BESIDE: &[&str] = &[
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
    "tekken.json",
    "chat_template.jinja",
    "chat_template.json",
];

fn copy_tokenizer(from: &Path, to: &Path) -> Result<()> {
    for name in BESIDE {
        let path = from.join(name);
        if path.is_file() {
            write_atomic(&to.join(name), &read_bytes_up_to(&path, MAX_TOKENIZER_BYTES)?)?;
        }
    }
    let templates = StoredTokenizer::Directory(from.to_owned()).chat_templates()?;
    match from.join(ADDITIONAL).is_dir() {
        true => write_templates(&templates, to),
        false => Ok(()),
    }
}

/// Where a directory has the chat templates that have names.
const ADDITIONAL: &str = "additional_chat_templates";

fn write_templates(templates: &ChatTemplates, folder: &Path) -> Result<()> {
    for (name, template) in templates.iter() {
        if templates.is_default(name) {
            write_atomic(&folder.join("chat_template.jinja"), template.as_bytes())?;
        } else {
            let others = folder.join(ADDITIONAL);
            lookback_files::create_directory(&others)?;
            write_atomic(
                &others.join(format!("{}.jinja", name.replace('/', "-"))),
                template.as_bytes(),
            )?;
        }
    }
    Ok(())
}

/// The tokenizer as a GGUF file has it.
fn gguf_tokenizer(stored: &StoredModel, model: &Path) -> Result<GgufTokenizer> {
    if let StoredTokenizer::Gguf(tokenizer) = stored.tokenizer() {
        return Ok((**tokenizer).clone());
    }
    if !Tokenizer::is_in(model) {
        return Err(Refusal::user(format!(
            "{}: there is no tokenizer in it, and a GGUF file needs one; put its tokenizer.json there",
            model.display()
        )));
    }
    let config = stored.config();
    let tokenizer = stored_tokenizer(stored.tokenizer(), model)?;
    let written = tokenizer.to_gguf(config.vocabulary);
    let written = written.map_err(|refusal| refusal.at(model.display()))?;
    let templates = stored.tokenizer().chat_templates()?;
    let padding = beside::padding_of_directory(model, &tokenizer, config.vocabulary)?;
    let written = GgufTokenizer { padding, ..of_vocabulary(written) };
    Ok(with_ends(written, &config.eos, config.bos, &templates))
}

/// The tokens that end an answer are the configuration's, the tokenizer's own first; and the chat templates.
fn with_ends(
    mut tokenizer: GgufTokenizer,
    ends: &[TokenId],
    bos: Option<TokenId>,
    templates: &ChatTemplates,
) -> GgufTokenizer {
    let own = tokenizer.eos.filter(|eos| ends.is_empty() || ends.contains(eos));
    tokenizer.eos = own.or(ends.first().copied());
    tokenizer.bos = tokenizer.bos.or(bos);
    tokenizer.eog = tokenizer.eos.into_iter().chain(ends.iter().copied()).collect();
    tokenizer.eog.dedup();
    for (name, template) in templates.iter() {
        if templates.is_default(name) {
            tokenizer.chat_template = Some(template.to_owned());
        } else {
            tokenizer.named_chat_templates.insert(name.to_owned(), template.to_owned());
        }
    }
    tokenizer
}

fn of_vocabulary(vocabulary: GgufVocabulary) -> GgufTokenizer {
    GgufTokenizer {
        model: vocabulary.model,
        pre: vocabulary.pre,
        tokens: vocabulary.tokens,
        scores: vocabulary.scores.unwrap_or_default(),
        token_types: vocabulary.token_types.unwrap_or_default(),
        merges: vocabulary.merges.unwrap_or_default(),
        bos: vocabulary.bos.map(TokenId),
        eos: vocabulary.eos.map(TokenId),
        unknown: vocabulary.unk.map(TokenId),
        add_bos: vocabulary.add_bos,
        add_eos: vocabulary.add_eos,
        add_space_prefix: vocabulary.add_space_prefix,
        ..GgufTokenizer::default()
    }
}
