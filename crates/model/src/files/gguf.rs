//! A `.gguf` file, version 2 or 3: metadata, the list of tensors, then their aligned bytes.
//!
//! Every length is checked against the file before anything is kept, so a hostile file costs no
//! more memory than its own size. Parts of a split file are put together in `gguf/split`. Not read: version 1,
//! big-endian files.

mod config;
mod cursor;
mod describe;
mod metadata;
mod metadata_writer;
mod split;
mod tokenizer;
mod types;
mod write;

use std::path::{Path, PathBuf};

use lookback_files::{Kind, Mapping, Refusal, Result, excerpt};
use lookback_kernels::naive::stored::StorageType;

use super::{
    names::Names,
    tensors::{Source, Tensor, Tensors, not_understood, refuse_tensor},
};
use crate::Config;
use cursor::Cursor;
use metadata::Metadata;
pub(crate) use metadata_writer::GgufMetadata;
pub use tokenizer::GgufTokenizer;
use tokenizer::eog_ids;
pub use types::GgufType;
pub use write::TensorWritten;

/// The first four bytes of a GGUF file.
pub(super) const MAGIC: &[u8] = b"GGUF";

/// The types of ggml by number, and those that are read.
const TYPES: &[(u32, &str, Option<StorageType>)] = &[
    (0, "F32", Some(StorageType::F32)),
    (1, "F16", Some(StorageType::F16)),
    (2, "Q4_0", Some(StorageType::Q4_0)),
    (3, "Q4_1", Some(StorageType::Q4_1)),
    (6, "Q5_0", Some(StorageType::Q5_0)),
    (7, "Q5_1", Some(StorageType::Q5_1)),
    (8, "Q8_0", Some(StorageType::Q8_0)),
    (9, "Q8_1", None),
    (10, "Q2_K", Some(StorageType::Q2K)),
    (11, "Q3_K", Some(StorageType::Q3K)),
    (12, "Q4_K", Some(StorageType::Q4K)),
    (13, "Q5_K", Some(StorageType::Q5K)),
    (14, "Q6_K", Some(StorageType::Q6K)),
    (15, "Q8_K", None),
    (16, "IQ2_XXS", None),
    (17, "IQ2_XS", None),
    (18, "IQ3_XXS", None),
    (19, "IQ1_S", None),
    (20, "IQ4_NL", Some(StorageType::Iq4Nl)),
    (21, "IQ3_S", None),
    (22, "IQ2_S", None),
    (23, "IQ4_XS", Some(StorageType::Iq4Xs)),
    (24, "I8", None),
    (25, "I16", None),
    (26, "I32", None),
    (27, "I64", None),
    (28, "F64", Some(StorageType::F64)),
    (29, "IQ1_M", None),
    (30, "BF16", Some(StorageType::Bf16)),
    (34, "TQ1_0", None),
    (35, "TQ2_0", None),
    (39, "MXFP4", Some(StorageType::Mxfp4)),
];

/// Tensors of a file at most; large mixtures of experts have a hundred thousand.
const TENSORS: u64 = 1 << 20;

/// What a GGUF file holds, checked and understood.
pub(super) struct Opened {
    pub config: Config,
    pub names: Names,
    pub tokenizer: GgufTokenizer,
    pub sampling: Vec<(String, SamplingDefault)>,
    pub tensors: Tensors,
}

/// A default of sampling, by a key behind `general.sampling.`.
#[derive(Clone, Debug, PartialEq)]
pub enum SamplingDefault {
    /// Such as `temp`.
    Number(f64),
    /// Such as `sequence`.
    Text(String),
}

/// A file on its own: the whole model, or a part of one that was split.
struct Part {
    path: PathBuf,
    bytes: Mapping,
    metadata: Metadata,
    tensors: Vec<Tensor>,
}

impl Part {
    fn read(path: &Path, bytes: Mapping) -> Result<Self> {
        let at = |refusal: Refusal| refusal.at(path.display()).or_kind(Kind::CorruptFile);
        let mut cursor = Cursor::new(&bytes);
        let counts = read_opening(&mut cursor).map_err(at)?;
        let metadata = Metadata::read(&mut cursor, counts.metadata).map_err(at)?;
        let infos = read_infos(&mut cursor, counts.tensors).map_err(at)?;
        let data_at = align(cursor.at(), alignment(&metadata).map_err(at)?);
        let tensors = infos.iter().map(|info| place(path, info, data_at, &bytes));
        let tensors = tensors.collect::<Result<Vec<Tensor>>>()?;
        check_apart(path, &tensors)?;
        Ok(Self { path: path.to_owned(), bytes, metadata, tensors })
    }
}

/// Reads everything but the weights' values.
pub(super) fn open(path: &Path, bytes: Mapping) -> Result<Opened> {
    let at = |refusal: Refusal| refusal.at(path.display()).or_kind(Kind::CorruptFile);
    let (mut sources, mut list, mut first) = (Vec::new(), Vec::new(), None);
    for (source, part) in split::open_all(Part::read(path, bytes)?)?.into_iter().enumerate() {
        let Part { path, bytes, metadata, tensors } = part;
        list.extend(tensors.into_iter().map(|tensor| Tensor { source, ..tensor }));
        sources.push(Source { path, bytes });
        first.get_or_insert(metadata);
    }
    let metadata = first.expect("a file has at least one part");
    let family = config::family(&metadata).map_err(at)?;
    let tokenizer = GgufTokenizer::read(&sources[0].bytes, &metadata).map_err(at)?;
    let tensors = Tensors::new(path, sources, list, |name| name)?;
    let file = &tensors.sources[0].bytes;
    let config = config::read(family, &metadata, file, &tokenizer, &tensors).map_err(at)?;
    let names = config::names(family, &tensors);
    Ok(Opened { config, names, tokenizer, sampling: metadata.sampling().map_err(at)?, tensors })
}

struct Counts {
    tensors: u64,
    metadata: u64,
}

fn read_opening(cursor: &mut Cursor<'_>) -> Result<Counts> {
    if cursor.take(4, "its magic")? != MAGIC {
        return Err(Refusal::user("it does not begin with GGUF; it is another kind of file"));
    }
    let version = cursor.u32("its version")?;
    if version.swap_bytes() <= 3 && version > 3 {
        return Err(Refusal::unsupported("it is big-endian, which is not read; convert it"));
    }
    if !(2..=3).contains(&version) {
        return Err(Refusal::unsupported(format!(
            "it is GGUF version {version}, which is not understood; 2 and 3 are"
        )));
    }
    let tensors = cursor.u64("its number of tensors")?;
    let metadata = cursor.u64("its number of metadata keys")?;
    Ok(Counts { tensors, metadata })
}

/// A tensor as the list has it.
struct Info {
    name: String,
    /// Innermost first, as ggml counts.
    sizes: Vec<u64>,
    kind: u32,
    offset: u64,
}

fn read_infos(cursor: &mut Cursor<'_>, count: u64) -> Result<Vec<Info>> {
    // The shortest entry: an empty name, no dimensions, a type, an offset.
    cursor.expect_room(count, 8 + 4 + 4 + 8, "tensors")?;
    cursor.expect_few(count, TENSORS, "tensors")?;
    let mut infos = Vec::new();
    for index in 0..count {
        let what = format!("the entry of tensor {index}");
        let name = cursor.text(&what)?.to_owned();
        let dimensions = cursor.u32(&what)?;
        if !(1..=4).contains(&dimensions) {
            return Err(Refusal::unsupported(format!(
                "tensor {} has {dimensions} dimensions; 1 to 4 are understood",
                excerpt(&name)
            )));
        }
        let sizes = (0..dimensions).map(|_| cursor.u64(&what)).collect::<Result<_>>()?;
        infos.push(Info { name, sizes, kind: cursor.u32(&what)?, offset: cursor.u64(&what)? });
    }
    Ok(infos)
}

fn alignment(metadata: &Metadata) -> Result<usize> {
    match metadata.whole("general.alignment")? {
        None => Ok(32),
        Some(given) if given.is_power_of_two() && (8..=1 << 20).contains(&given) => {
            Ok(given as usize)
        }
        Some(given) => Err(Refusal::user(format!(
            "general.alignment is {given}; a power of two from 8 is needed"
        ))),
    }
}

fn align(at: usize, alignment: usize) -> usize {
    at.next_multiple_of(alignment)
}

/// Where a tensor's bytes lie, which is inside the file.
fn place(path: &Path, info: &Info, data_at: usize, file: &[u8]) -> Result<Tensor> {
    let refuse = |what: String| refuse_tensor(path, &info.name, &what);
    let Some((_, dtype, storage)) = TYPES.iter().find(|(number, ..)| *number == info.kind) else {
        let refusal = refuse(format!("has the unknown type {}", info.kind));
        return Err(refusal.with_kind(Kind::UnsupportedFeature));
    };
    // ggml's shapes have four sizes, and writers may leave out or keep outer ones of 1.
    let is_outer = |at: usize| info.sizes[at..].iter().all(|size| *size == 1);
    let dimensions = (1..info.sizes.len()).find(|at| is_outer(*at)).unwrap_or(info.sizes.len());
    let sizes = info.sizes[..dimensions].iter().rev();
    let shape: Option<Vec<usize>> = sizes.map(|size| usize::try_from(*size).ok()).collect();
    let elements =
        shape.as_ref().and_then(|all| all.iter().try_fold(1usize, |n, size| n.checked_mul(*size)));
    let (Some(shape), Some(elements)) = (shape, elements) else {
        return Err(refuse(format!("has the shape {:?}, which is too large", info.sizes)));
    };
    let Some(storage) = *storage else {
        return Err(refuse(not_understood(&format!("{dtype}, type {}", info.kind))));
    };
    if !shape[shape.len() - 1].is_multiple_of(storage.block_len()) {
        return Err(refuse(format!(
            "has rows of {} elements, which are not whole blocks of {dtype}'s {}",
            shape[shape.len() - 1],
            storage.block_len()
        )));
    }
    let length = (elements / storage.block_len()).checked_mul(storage.block_bytes());
    let start = usize::try_from(info.offset).ok().and_then(|offset| data_at.checked_add(offset));
    let end = start.zip(length).and_then(|(start, length)| start.checked_add(length));
    let (Some(start), Some(end)) = (start, end.filter(|end| *end <= file.len())) else {
        return Err(refuse(format!(
            "is {dtype} of shape {shape:?} at byte {} of the data, but the file ends at byte {}; \
             it is probably half downloaded, so fetch it again",
            info.offset,
            file.len()
        )));
    };
    Ok(Tensor {
        name: info.name.clone(),
        dtype: (*dtype).to_owned(),
        storage: Some(storage),
        shape,
        is_without_outer_ones: true,
        source: 0,
        bytes: start..end,
    })
}

/// No two tensors share a byte; gaps are padding.
fn check_apart(path: &Path, list: &[Tensor]) -> Result<()> {
    let mut order: Vec<&Tensor> = list.iter().collect();
    order.sort_by_key(|tensor| (tensor.bytes.start, tensor.bytes.end));
    for pair in order.windows(2) {
        if pair[1].bytes.start < pair[0].bytes.end {
            let what = format!(
                "begins at byte {}, inside tensor {}",
                pair[1].bytes.start,
                excerpt(&pair[0].name)
            );
            return Err(refuse_tensor(path, &pair[1].name, &what));
        }
    }
    Ok(())
}
