//! From what is written of scores and patterns to the edits of a layer's attention.

use std::sync::Arc;

use lookback_files::{Result, counted};
use lookback_model::{AttentionChange, AttentionEdit, BlockSite, ElementChange, Site};

use crate::{
    intervention::{
        operation::{Intervention, Operation, OtherPrompt, Scaled, Source, Vector},
        resolve::{EditTokens, Resolver},
        selection::{Axis, Selection, places, refuse},
        vector_files,
    },
    source_contributions::is_visible,
};

/// The chosen heads, queries and keys; none where all are chosen, however many there will be.
struct Chosen {
    heads: Option<Vec<usize>>,
    queries: Option<Vec<usize>>,
    keys: Option<Vec<usize>>,
    /// Whether the queries are those that were left of all: of these, each has the keys that it sees.
    is_every_query: bool,
}

impl Resolver<'_> {
    /// The edits of a layer's scores or pattern that an intervention stands for.
    pub(super) fn attention_edits(
        &self,
        layer: usize,
        intervention: &Intervention,
    ) -> Result<Vec<AttentionEdit>> {
        let Intervention { site, selection, operation } = intervention;
        let is_of_scores = matches!(site, Site::Block(_, BlockSite::Scores));
        let chosen = self.chosen(selection)?;
        let change = |element, numbers| match is_of_scores {
            true => AttentionChange::Scores(element, numbers),
            false => AttentionChange::Pattern(element, numbers),
        };
        let edit = |element, numbers| self.bound(layer, &chosen, element, numbers, change);
        match operation {
            Operation::Set(Source::Number(number)) => edit(ElementChange::Set, vec![*number]),
            Operation::Scale(factor) => edit(ElementChange::Scale, vec![*factor]),
            Operation::Set(Source::Vector(of)) => edit(ElementChange::Set, self.numbers(of, 1.0)?),
            Operation::Add(Scaled { factor, vector }) => {
                edit(ElementChange::Add, self.numbers(vector, *factor)?)
            }
            Operation::Set(Source::From { other, selection: stated }) => {
                let source = stated.as_ref().unwrap_or(selection);
                let (chosen, numbers) = self.patched_attention(*site, other, source, &chosen)?;
                self.bound(layer, &chosen, ElementChange::Set, numbers, change)
            }
            Operation::Hide => edit(ElementChange::Set, vec![f32::NEG_INFINITY]),
            Operation::KeepTop(count) => Ok(vec![chosen.edit(AttentionChange::KeepTop(*count))]),
            _ => refuse("this does not happen to scores and patterns"),
        }
    }

    fn chosen(&self, selection: &Selection) -> Result<Chosen> {
        let heads = selection.of(Axis::Head).map(|chosen| {
            let count = self.weights.network().config.heads;
            let find = |_: &str| refuse("heads are chosen by number");
            places(Axis::Head, chosen, count, Some(count), find)
        });
        let keys = selection.of(Axis::Key);
        let keys =
            keys.map(|chosen| self.tokens_of(Axis::Key, chosen, self.prompt, self.positions));
        Ok(Chosen {
            heads: heads.transpose()?,
            queries: self.positions(selection, Axis::Query)?,
            keys: keys.transpose()?,
            is_every_query: selection.of(Axis::Query).is_none(),
        })
    }

    /// The numbers of a vector, times a factor.
    fn numbers(&self, of: &Vector, factor: f32) -> Result<Vec<f32>> {
        let numbers = match of {
            Vector::Numbers(numbers) => numbers.clone(),
            Vector::File { file, tensor } => {
                vector_files::read(file, &self.files.bytes(file)?, tensor.as_deref())?.values
            }
            Vector::Dir(_) | Vector::Unit(_) => {
                return refuse("scores and patterns have no directions; give numbers or a file");
            }
        };
        Ok(numbers.iter().map(|number| factor * number).collect())
    }

    /// One edit with these numbers; where every query has the keys that it sees, one of those that see the same.
    fn bound(
        &self,
        layer: usize,
        chosen: &Chosen,
        element: ElementChange,
        numbers: Vec<f32>,
        change: impl Fn(ElementChange, Arc<[f32]>) -> AttentionChange,
    ) -> Result<Vec<AttentionEdit>> {
        // Otherwise no hidden key is written to, and lists as long as the text may become are not needed.
        let sets_named_keys = element == ElementChange::Set && chosen.keys.is_some();
        let names_every_query = chosen.queries.is_some() && chosen.is_every_query;
        if numbers.len() == 1 && !(names_every_query && sets_named_keys) {
            return Ok(vec![chosen.edit(change(element, numbers.into()))]);
        }
        let all = || (0..self.positions).collect::<Vec<_>>();
        let heads = chosen.heads.as_ref().map_or(self.weights.network().config.heads, Vec::len);
        let queries = chosen.queries.clone().unwrap_or_else(all);
        let keys = chosen.keys.clone().unwrap_or_else(all);
        let (rows, len) = (heads * queries.len(), keys.len());
        if ![1, len, rows * len].contains(&numbers.len()) {
            return refuse(format!(
                "{} do not fit {}, {} and {} that are chosen",
                counted(numbers.len(), "number"),
                counted(heads, "head"),
                counted_queries(queries.len()),
                counted(len, "key"),
            ));
        }
        let number = |head: usize, query: usize, key: usize| match numbers.len() {
            one if one == len => numbers[key],
            _ => numbers[(head * queries.len() + query) * len + key],
        };
        let of = |queries_chosen: &[usize], keys_chosen: &[usize]| {
            let mut own = numbers.clone();
            if numbers.len() != 1 {
                own.clear();
                for head in 0..heads {
                    for &query in queries_chosen {
                        own.extend(keys_chosen.iter().map(|&key| number(head, query, key)));
                    }
                }
            }
            AttentionEdit {
                heads: list(chosen.heads.as_deref()),
                queries: list(Some(
                    &queries_chosen.iter().map(|&at| queries[at]).collect::<Vec<_>>(),
                )),
                keys: list(Some(&keys_chosen.iter().map(|&at| keys[at]).collect::<Vec<_>>())),
                change: change(element, own.into()),
            }
        };
        let every_key: Vec<usize> = (0..len).collect();
        if !chosen.is_every_query {
            return Ok(vec![of(&(0..queries.len()).collect::<Vec<_>>(), &every_key)]);
        }
        let attend = self.weights.network().blocks[layer].attend;
        let mut groups: Vec<(Vec<usize>, Vec<usize>)> = Vec::new();
        for (at, query) in queries.iter().enumerate() {
            let sees = |key: &usize| is_visible(&attend, *query, keys[*key]);
            let seen: Vec<usize> = every_key.iter().copied().filter(sees).collect();
            match groups.last_mut() {
                Some((group, same)) if *same == seen => group.push(at),
                _ => groups.push((vec![at], seen)),
            }
        }
        let groups = groups.iter().filter(|(_, seen)| !seen.is_empty());
        Ok(groups.map(|(group, seen)| of(group, seen)).collect())
    }

    /// The scores or weights of another prompt, and where they are written: of all queries and keys those of
    /// the prompt.
    fn patched_attention(
        &self,
        site: Site,
        other: &OtherPrompt,
        source: &Selection,
        chosen: &Chosen,
    ) -> Result<(Chosen, Vec<f32>)> {
        let ids = self.other_ids(other)?;
        let all_heads = self.weights.network().config.heads;
        let of_other =
            Resolver { prompt: Some(&ids), positions: ids.len(), tokens: EditTokens::All, ..*self };
        let from = of_other.chosen(source)?;
        let [heads, into] = [&from.heads, &chosen.heads]
            .map(|heads| heads.clone().unwrap_or_else(|| (0..all_heads).collect()));
        let tokens = |list: &Option<Vec<usize>>, count: usize| {
            list.clone().unwrap_or_else(|| (0..count).collect())
        };
        let (queries, keys) = (tokens(&from.queries, ids.len()), tokens(&from.keys, ids.len()));
        let chosen = Chosen {
            heads: chosen.heads.clone(),
            queries: Some(self.patched_places(chosen.queries.clone())?),
            keys: Some(self.patched_places(chosen.keys.clone())?),
            is_every_query: false,
        };
        let counts = [heads.len(), queries.len(), keys.len()];
        let len = |list: &Option<Vec<usize>>| list.as_ref().map_or(0, Vec::len);
        let wanted = [into.len(), len(&chosen.queries), len(&chosen.keys)];
        if counts != wanted {
            return refuse(format!(
                "{} of the other prompt do not fit where {} are written; choose as many, such as [0, -1, 3]",
                sentence(counts),
                sentence(wanted)
            ));
        }
        let trace = self.constants().trace(site, &ids)?;
        let Some(captured) = trace.at(site) else {
            return refuse("this model does not have the site");
        };
        let mut numbers = Vec::with_capacity(counts.iter().product());
        for &head in &heads {
            for &query in &queries {
                let row = &captured.part(head)[query * ids.len()..(query + 1) * ids.len()];
                numbers.extend(keys.iter().map(|&key| row[key]));
            }
        }
        Ok((chosen, numbers))
    }
}

impl Chosen {
    fn edit(&self, change: AttentionChange) -> AttentionEdit {
        let Self { heads, queries, keys, .. } = self;
        let [heads, queries, keys] = [heads, queries, keys].map(|chosen| list(chosen.as_deref()));
        AttentionEdit { heads, queries, keys, change }
    }
}

fn list(chosen: Option<&[usize]>) -> Option<Arc<[u32]>> {
    chosen.map(|chosen| chosen.iter().map(|&place| place as u32).collect())
}

fn counted_queries(count: usize) -> String {
    if count == 1 { "1 query".to_owned() } else { format!("{count} queries") }
}

fn sentence([heads, queries, keys]: [usize; 3]) -> String {
    let (heads, keys) = (counted(heads, "head"), counted(keys, "key"));
    format!("{heads}, {} and {keys}", counted_queries(queries))
}
