//! `POST /api/look`: the numbers of any sites of one pass, as a safetensors file.
//!
//! Asked for `{"site": "blocks.0.attn.pattern", "at": [3]}` it sends head 3 alone, under the name
//! `blocks.0.attn.pattern@3`. Its `__metadata__` says whose numbers they are.

use axum::{Router, extract, response::IntoResponse, routing::post};
use lookback_lens::Seen;
use lookback_model::Site;
use serde::Deserialize;

use crate::{
    ask::Ask,
    passes::Pass,
    prompt::Prompt,
    refuse::{Refused, Result},
    state::State,
    tensors::{Tensor, answer},
};

/// Most parts that one request may ask for.
const PARTS: usize = 4096;

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
    let wanted = look.sites.iter().map(|place| place.site.parse().map_err(Refused::asked));
    let wanted: Vec<Site> = wanted.collect::<Result<_>>()?;
    let asked = state.ask(&look.prompt).await?;
    let pass = state.passes.sites(&asked, &wanted).await?;
    let work = move || answer(&asked, pass.milliseconds, parts(&pass, &look.sites, &wanted)?);
    state.slowly(work).await?
}

/// The parts as tensors.
fn parts(pass: &Pass, places: &[Place], sites: &[Site]) -> Result<Vec<Tensor>> {
    let part = |(place, site): (&Place, &Site)| {
        let seen = pass.at(*site).ok_or_else(|| Refused::missing(format!("no site {site}")))?;
        let (shape, values) = part(place, seen)?;
        Ok(Tensor::new(&place.name(), shape, values))
    };
    places.iter().zip(sites).map(part).collect()
}

/// The values at some indices of the first axes, and the shape of what is left.
fn part<'a>(place: &Place, seen: &'a Seen) -> Result<(Vec<usize>, &'a [f32])> {
    let Place { site, at } = place;
    if at.len() > seen.shape.len() {
        let (given, axes) = (at.len(), seen.shape.len());
        return Err(Refused::asked(format!("{site} has {axes} axes, and \"at\" gives {given}")));
    }
    let mut values = &seen.values[..];
    for (axis, (&index, &count)) in at.iter().zip(&seen.shape).enumerate() {
        if index >= count {
            return Err(Refused::asked(format!(
                "{site}: index {index} of axis {axis} is not there; it has {count}, counted from 0"
            )));
        }
        let len = values.len() / count;
        values = &values[index * len..(index + 1) * len];
    }
    Ok((seen.shape[at.len()..].to_vec(), values))
}
