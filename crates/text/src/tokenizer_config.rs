//! What stands beside a `tokenizer.json`: `tokenizer_config.json`, `special_tokens_map.json` and
//! `added_tokens.json`. They name the tokens that begin and end texts, and add tokens that the first lacks.
//!
//! Added tokens are numbered on from the end of the vocabulary in the order of the ids that the files give
//! them, as transformers does. `added_tokens_decoder` makes the two older files unread.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::Path,
};

use lookback_files::{Kind, Refusal, Result, excerpt, quoted_excerpt, read_utf8};
use serde_json::{Map, Value};

use crate::{added::Added, tokenizer::Parts};

pub(crate) const SETTINGS: &str = "tokenizer_config.json";
const NAMES: &str = "special_tokens_map.json";
const ADDED: &str = "added_tokens.json";
pub(crate) const DECODER: &str = "added_tokens_decoder";

/// Tokens with a role, by the keys that name them.
const ROLES: &[&str] =
    &["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];
/// Lists of further special tokens.
const LISTS: &[&str] = &["extra_special_tokens", "additional_special_tokens"];

/// Reads the files that there are in a directory, and settles the parts by them.
pub(crate) fn apply(parts: &mut Parts, directory: &Path) -> Result<()> {
    let mut settings = read(directory, SETTINGS)?.unwrap_or_default();
    let mut stated: BTreeMap<u32, Added> = BTreeMap::new();
    let file = if settings.contains_key(DECODER) { SETTINGS } else { ADDED };
    let at =
        |refusal: Refusal| refusal.at(directory.join(file).display()).or_kind(Kind::CorruptFile);
    if let Some(decoder) = settings.get(DECODER) {
        stated = read_decoder(decoder).map_err(at)?;
    } else {
        settings.extend(read(directory, NAMES)?.unwrap_or_default());
        let special = special_names(&settings);
        for (content, id) in read(directory, ADDED)?.unwrap_or_default() {
            let special = special.contains(content.as_str());
            let token = Added { content, special, normalized: !special, ..Added::default() };
            let id = number(&id, &token.content).map_err(at)?;
            stated.insert(id, Added { id, ..token });
        }
        // The first file's entry for an id goes before the others'.
        let known: HashSet<u32> = parts.added.iter().map(|token| token.id).collect();
        stated.retain(|id, _| !known.contains(id));
    }
    let roles = special_names(&settings);
    let mut places = Places::of(parts);
    for mut token in stated.into_values() {
        token.special |= roles.contains(token.content.as_str());
        add(parts, &mut places, token, true).map_err(at)?;
    }
    add_named(parts, &mut places, &settings).map_err(|refusal| {
        refusal.at(directory.join(SETTINGS).display()).or_kind(Kind::CorruptFile)
    })?;
    let id = |key: &str| {
        let name = name_of(settings.get(key)?)?;
        let added = parts.added.iter().find(|token| token.content == name);
        added.map(|token| token.id).or_else(|| parts.vocabulary.id(name))
    };
    let (bos, eos) = (id("bos_token"), id("eos_token"));
    parts.bos = bos.or(parts.bos);
    parts.eos = eos.or(parts.eos);
    Ok(())
}

/// The object in a file; nothing where there is no such file.
pub(crate) fn read(directory: &Path, name: &str) -> Result<Option<Map<String, Value>>> {
    let path = directory.join(name);
    if !path.exists() {
        return Ok(None);
    }
    let refuse = |what: String| Refusal::corrupt(format!("{}: {what}", path.display()));
    match serde_json::from_str(&read_utf8(&path)?) {
        Ok(Value::Object(object)) => Ok(Some(object)),
        Ok(_) => Err(refuse("this is no object of settings".to_owned())),
        Err(error) => Err(refuse(format!("this is no JSON ({error})"))),
    }
}

pub(crate) fn read_decoder(decoder: &Value) -> Result<BTreeMap<u32, Added>> {
    let Some(decoder) = decoder.as_object() else {
        return Err(Refusal::user(format!("{DECODER} is no object of tokens by id")));
    };
    let token = |(key, value): (&String, &Value)| {
        let id = key.parse().map_err(|_| {
            Refusal::user(format!("{DECODER} has the key {}, which is no id", quoted_excerpt(key)))
        })?;
        Ok((id, Added::read_as(value, id)?))
    };
    decoder.iter().map(token).collect()
}

fn number(value: &Value, content: &str) -> Result<u32> {
    let id = value.as_u64().and_then(|id| u32::try_from(id).ok());
    id.ok_or_else(|| {
        let (content, value) = (quoted_excerpt(content), excerpt(&value.to_string()));
        Refusal::user(format!("the token {content} has the id {value}, which is none"))
    })
}

/// A name, or an object that holds it.
fn name_of(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value["content"].as_str()).filter(|name| !name.is_empty())
}

/// Everything that names a special token, in the order in which missing ones are added.
fn special_values(settings: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let roles = ROLES.iter().filter_map(|key| settings.get(*key));
    let is_other = |key: &str| key.ends_with("_token") && !ROLES.contains(&key);
    // add_bos_token and its like are flags.
    let others = settings.iter().filter(move |(key, value)| is_other(key) && value.is_string());
    let lists = LISTS.iter().filter_map(|key| settings.get(*key));
    let listed = lists.flat_map(|list| {
        let (array, object) = (list.as_array(), list.as_object());
        let named = object.into_iter().flat_map(Map::values);
        array.into_iter().flatten().chain(named)
    });
    roles.chain(others.map(|(_, value)| value)).chain(listed)
}

fn special_names(settings: &Map<String, Value>) -> HashSet<&str> {
    special_values(settings).filter_map(name_of).collect()
}

/// Adds the special tokens that are named and not there yet.
fn add_named(parts: &mut Parts, places: &mut Places, settings: &Map<String, Value>) -> Result<()> {
    for value in special_values(settings) {
        let Some(name) = name_of(value) else { continue };
        if places.by_content.contains_key(name) {
            continue;
        }
        let token = match value {
            Value::Object(_) => Added { special: true, ..Added::read_as(value, 0)? },
            _ => Added { content: name.to_owned(), special: true, ..Added::default() },
        };
        add(parts, places, token, false)?;
    }
    Ok(())
}

/// Adds a token, or sets how one that is there is found. One with a stated id must get it.
fn add(parts: &mut Parts, places: &mut Places, mut token: Added, is_stated: bool) -> Result<()> {
    if token.content.is_empty() {
        return Ok(());
    }
    let place = places.by_content.get(&token.content).copied();
    let id = place
        .map(|place| parts.added[place].id)
        .or_else(|| parts.vocabulary.id(&token.content))
        .unwrap_or(places.next);
    if is_stated && id != token.id {
        return Err(Refusal::user(format!(
            "the added token {} has the id {}, but transformers makes it {id}, since added tokens follow \
             the vocabulary without a gap; correct the id",
            quoted_excerpt(&token.content),
            token.id
        )));
    }
    token.id = id;
    match place {
        Some(place) => parts.added[place] = token,
        None => {
            places.by_content.insert(token.content.clone(), parts.added.len());
            places.next = places.next.max(id + 1);
            parts.added.push(token);
        }
    }
    Ok(())
}

/// Where added tokens stand, so that many are added in the time of one after the other.
struct Places {
    by_content: HashMap<String, usize>,
    /// The id after all pieces and added tokens.
    next: u32,
}

impl Places {
    fn of(parts: &Parts) -> Self {
        let pieces = parts.vocabulary.pieces().count() as u32;
        let added = parts.added.iter().map(|token| token.id + 1).max();
        let mut by_content = HashMap::new();
        for (place, token) in parts.added.iter().enumerate() {
            by_content.entry(token.content.clone()).or_insert(place);
        }
        Self { by_content, next: added.unwrap_or(0).max(pieces) }
    }
}
