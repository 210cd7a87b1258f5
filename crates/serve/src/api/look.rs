//! `POST /api/look`: the numbers of any sites of one pass, as a safetensors file.
//!
//! Asked for `{"site": "blocks.0.attn.pattern", "at": [3]}` it sends head 3 alone, under the name
//! `blocks.0.attn.pattern@3`. Its `__metadata__` says whose numbers they are.

use std::collections::HashMap;

use axum::{Router, extract, http::header, response::IntoResponse, routing::post};
use lookback_files::Refusal;
use lookback_lens::Seen;
use lookback_model::Site;
use safetensors::tensor::{Dtype, TensorView};
use serde::Deserialize;

use crate::{
    ask::Ask,
    passes::Pass,
    prompt::{Asked, Prompt},
    refuse::{Refused, Result},
    state::State,
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
    let file = state.slowly(move || written(&asked, &pass, &look.sites, &wanted)).await??;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], file))
}

/// The parts as a file.
fn written(asked: &Asked, pass: &Pass, places: &[Place], sites: &[Site]) -> Result<Vec<u8>> {
    let mut tensors = Vec::with_capacity(places.len());
    for (place, site) in places.iter().zip(sites) {
        let seen = pass.at(*site).ok_or_else(|| Refused::missing(format!("no site {site}")))?;
        let (shape, values) = part(place, seen)?;
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        tensors.push((place.name(), shape, bytes));
    }
    let failed = |error: safetensors::SafeTensorError| {
        Refused::from(Refusal::ours(format!("the numbers could not be written ({error})")))
    };
    // The name of a tensor stands once, however often it was asked for.
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| {
            Ok((name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes)?))
        })
        .collect::<Result<HashMap<_, _>, _>>()
        .map_err(failed)?;
    safetensors::serialize(views, Some(about(asked, pass))).map_err(failed)
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

/// Whose numbers they are.
fn about(asked: &Asked, pass: &Pass) -> HashMap<String, String> {
    let ids: Vec<String> = asked.ids.iter().map(|id| id.0.to_string()).collect();
    let mut about: HashMap<String, String> = [
        ("model", asked.open.name.clone()),
        ("milliseconds", format!("{:.3}", pass.milliseconds)),
        ("ids", ids.join(",")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if let Some((step, _)) = asked.open.step {
        about.insert("step".to_owned(), step.to_string());
    }
    about
}
