//! `POST /api/look`: the numbers of any sites of one pass, as a safetensors file.
//!
//! Asked for `{"site": "blocks.0.attn.pattern", "at": [3]}` it sends head 3 alone, under the name
//! `blocks.0.attn.pattern@3`. Its `__metadata__` says whose numbers they are.

use std::collections::{BTreeMap, btree_map::Entry};

use axum::{Router, extract, response::IntoResponse, routing::post};
use lookback_lens::{Capture, shape, sites};
use lookback_model::Site;
use serde::Deserialize;

use crate::{
    ask::Ask,
    passes::{Part, Pass},
    prompt::{Asked, Prompt},
    refuse::{Refused, Result},
    state::State,
    tensors::{Tensor, answer},
};

/// Most parts that one request may ask for.
const PARTS: usize = 4096;
/// Bytes of numbers that one answer may hold.
const BYTES: usize = 256 << 20;

pub(crate) fn routes() -> Router<State> {
    Router::new().route("/api/look", post(look))
}

#[derive(Deserialize)]
struct Look {
    #[serde(flatten)]
    prompt: Prompt,
    sites: Vec<Place>,
}

/// A site, or the part of it at these indices of its first axes.
#[derive(Clone, Deserialize)]
struct Place {
    site: String,
    #[serde(default)]
    at: Vec<usize>,
}

impl Place {
    fn name(&self) -> String {
        if self.at.is_empty() {
            return self.site.clone();
        }
        let at: Vec<String> = self.at.iter().map(usize::to_string).collect();
        format!("{}@{}", self.site, at.join(","))
    }
}

async fn look(
    extract::State(state): extract::State<State>,
    Ask(look): Ask<Look>,
) -> Result<impl IntoResponse> {
    if look.sites.len() > PARTS {
        return Err(Refused::asked(format!(
            "{} sites are more than the {PARTS} that one request may ask for",
            look.sites.len()
        )));
    }
    let asked = state.ask(&look.prompt).await?;
    let places = places(&asked, look.sites)?;
    let wanted: Vec<Part> =
        places.values().map(|(site, at)| (*site, at.first().copied())).collect();
    let pass = state.passes.parts(&asked, &wanted).await?;
    let work = move || answer(&asked, pass.milliseconds, tensors(&pass, &places)?);
    state.slowly(work).await?
}

/// Sites and indices by the name that they are sent under; each stands once, however often it was
/// asked for.
type Places = BTreeMap<String, (Site, Vec<usize>)>;

/// Reads the names, and refuses what is not there or is too much.
fn places(asked: &Asked, given: Vec<Place>) -> Result<Places> {
    let (config, tokens) = (asked.open.config(), asked.ids.len());
    let there = sites(config);
    let (mut places, mut elements) = (Places::new(), 0);
    for place in given {
        let site: Site = place.site.parse().map_err(Refused::asked)?;
        if !there.contains(&site) {
            return Err(Refused::asked(format!("{} has no site {site}", asked.open.name)));
        }
        let shape = shape(config, site, tokens);
        check(&place, &shape)?;
        let name = place.name();
        if let Entry::Vacant(vacant) = places.entry(name) {
            elements += shape[place.at.len()..].iter().product::<usize>();
            vacant.insert((site, place.at));
        }
    }
    if 4 * elements > BYTES {
        return Err(Refused::asked(format!(
            "{} MB of numbers are more than the {} MB that one answer holds; give \"at\" for the parts \
             that are wanted",
            (4 * elements) >> 20,
            BYTES >> 20
        )));
    }
    Ok(places)
}

/// Refuses indices that are not there.
fn check(Place { site, at }: &Place, shape: &[usize]) -> Result<()> {
    if at.len() > shape.len() {
        let (given, axes) = (at.len(), shape.len());
        return Err(Refused::asked(format!("{site} has {axes} axes, and \"at\" gives {given}")));
    }
    let mut axes = at.iter().zip(shape).enumerate();
    match axes.find(|(_, (index, count))| index >= count) {
        None => Ok(()),
        Some((axis, (index, count))) => Err(Refused::asked(format!(
            "{site}: index {index} of axis {axis} is not there; it has {count}, counted from 0"
        ))),
    }
}

fn tensors(pass: &Pass, places: &Places) -> Result<Vec<Tensor>> {
    let tensor = |(name, (site, at)): (&String, &(Site, Vec<usize>))| {
        let whole = pass.at(*site).map(|seen| (seen, &at[..]));
        let part = || Some((pass.part(*site, *at.first()?)?, &at[1..]));
        let (seen, at) =
            whole.or_else(part).ok_or_else(|| Refused::missing(format!("{name} was not read")))?;
        let (shape, values) = part_of(seen, at);
        Ok(Tensor::new(name, shape, values))
    };
    places.iter().map(tensor).collect()
}

/// The values at some indices of the first axes, which are there, and the shape of what is left.
fn part_of<'a>(seen: &'a Capture, at: &[usize]) -> (Vec<usize>, &'a [f32]) {
    let mut values = &seen.values[..];
    for (&index, &count) in at.iter().zip(&seen.shape) {
        let len = values.len() / count;
        values = &values[index * len..(index + 1) * len];
    }
    (seen.shape[at.len()..].to_vec(), values)
}
