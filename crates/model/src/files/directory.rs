//! A Hugging Face directory: `config.json`, one `model.safetensors` or shards with their index.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt,
    path::{Component, Path},
};

use lookback_files::{
    Kind, MAX_RECORDS_BYTES, Refusal, Result, excerpt, map, read_utf8, read_utf8_up_to,
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

use super::{
    names::Names,
    safetensors::read_header,
    tensors::{Source, Tensors, refuse_tensor},
};
use crate::Config;

const WHOLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// Reads the configuration, with the eos tokens of `generation_config.json`.
pub(super) fn read_config(folder: &Path) -> Result<Config> {
    let path = folder.join("config.json");
    if !path.exists() {
        let what = "there is no config.json in it; a model's directory has one";
        return Err(Refusal::of(Kind::NotFound, format!("{}: {what}", folder.display())));
    }
    let config = Config::from_hugging_face(&read_utf8(&path)?);
    let at = |path: &Path, refusal: Refusal| refusal.at(path.display()).or_kind(Kind::CorruptFile);
    let config = config.map_err(|refusal| at(&path, refusal))?;
    let path = folder.join("generation_config.json");
    if !path.exists() {
        return Ok(config);
    }
    config.with_generation(&read_utf8(&path)?).map_err(|refusal| at(&path, refusal))
}

/// Maps the file or the shards and lists their tensors.
pub(super) fn open_tensors(folder: &Path, names: &Names) -> Result<Tensors> {
    let whole = folder.join(WHOLE);
    let index = folder.join(INDEX);
    if whole.exists() {
        let bytes = map(&whole)?;
        let list = read_header(&whole, &bytes, 0)?;
        let sources = vec![Source { path: whole.clone(), bytes }];
        return Tensors::new(&whole, sources, list, |name| names.bare(name));
    }
    if !index.exists() {
        let what = format!("there is neither {WHOLE} nor {INDEX} in it");
        let what = format!("{}: {what}; weights are read from safetensors", folder.display());
        return Err(Refusal::of(Kind::NotFound, what));
    }
    let files = read_index(&index)?;
    let (mut sources, mut list) = (Vec::new(), Vec::new());
    for (source, (file, promised)) in files.into_iter().enumerate() {
        let path = folder.join(file);
        if !path.exists() {
            return Err(Refusal::corrupt(format!(
                "{}: {INDEX} names it, but it is not there; the model is probably half downloaded, so fetch \
                 it again",
                path.display()
            )));
        }
        let bytes = map(&path)?;
        let tensors = read_header(&path, &bytes, source)?;
        let held: HashSet<&str> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        for name in &promised {
            if !held.contains(name.as_str()) {
                return Err(refuse_tensor(&path, name, "is missing, though the index promises it"));
            }
        }
        for tensor in &tensors {
            if !promised.contains(&tensor.name) {
                return Err(refuse_tensor(&path, &tensor.name, "does not stand in the index"));
            }
        }
        list.extend(tensors);
        sources.push(Source { path, bytes });
    }
    Tensors::new(&index, sources, list, |name| names.bare(name))
}

#[derive(Deserialize)]
struct Index {
    weight_map: WeightMap,
}

/// Tensors with their files, as they stand in the index: a map would keep the last of two entries.
struct WeightMap(Vec<(String, String)>);

impl<'de> Deserialize<'de> for WeightMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(WeightMapVisitor)
    }
}

struct WeightMapVisitor;

impl<'de> Visitor<'de> for WeightMapVisitor {
    type Value = WeightMap;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with a file for each tensor")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<WeightMap, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(WeightMap(entries))
    }
}

/// Which tensors each shard holds.
fn read_index(path: &Path) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let refuse = |what: String| Refusal::corrupt(format!("{}: {what}", path.display()));
    let index: Index = serde_json::from_str(&read_utf8_up_to(path, MAX_RECORDS_BYTES)?)
        .map_err(|error| refuse(format!("not the index that is needed ({error})")))?;
    let mut files = BTreeMap::<String, BTreeSet<String>>::new();
    let mut names = HashSet::new();
    for (name, file) in index.weight_map.0 {
        if !names.insert(name.clone()) {
            return Err(refuse(format!("tensor {} stands there twice", excerpt(&name))));
        }
        let mut parts = Path::new(&file).components();
        let is_plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
        if !is_plain {
            return Err(refuse(format!(
                "tensor {} is said to be in {}, which is not a file beside the index",
                excerpt(&name),
                excerpt(&file)
            )));
        }
        files.entry(file).or_default().insert(name);
    }
    Ok(files)
}
