//! `POST /api/look`: the numbers of any sites of one pass, as a safetensors file.
//!
//! Asked for `{"site": "blocks.0.attn.pattern", "at": [3]}` it sends head 3 alone, under the name
//! `blocks.0.attn.pattern@3`. Its `__metadata__` says whose numbers they are. `"edits"` change what stands at
//! sites; everything behind them is computed from what they made.

use std::collections::{BTreeMap, btree_map::Entry};

use axum::{Router, extract, response::IntoResponse, routing::post};
use lookback_lens::{Capture, shape_of_variant, sites_of_variant};
use lookback_model::Site;
use serde::Deserialize;

use crate::{
    error_response::{ErrorResponse, Result},
    json_request::JsonRequest,
    pass_cache::{Part, Pass},
    prompt::{ModelInput, Prompt},
    state::AppState,
    tensors::{Tensor, tensor_response},
};

/// Most parts that one request may ask for.
const MAX_PARTS: usize = 4096;
/// Bytes of numbers that one answer may hold.
const MAX_BYTES: usize = 256 << 20;

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/api/look", post(look))
}

#[derive(Deserialize)]
struct LookRequest {
    #[serde(flatten)]
    prompt: Prompt,
    sites: Vec<SiteRequest>,
}

/// A site, or the part of it at these indices of its first axes.
#[derive(Clone, Deserialize)]
struct SiteRequest {
    site: String,
    #[serde(default)]
    at: Vec<usize>,
}

impl SiteRequest {
    fn name(&self) -> String {
        if self.at.is_empty() {
            return self.site.clone();
        }
        let at: Vec<String> = self.at.iter().map(usize::to_string).collect();
        format!("{}@{}", self.site, at.join(","))
    }
}

async fn look(
    extract::State(state): extract::State<AppState>,
    JsonRequest(request): JsonRequest<LookRequest>,
) -> Result<impl IntoResponse> {
    if request.sites.len() > MAX_PARTS {
        return Err(ErrorResponse::bad_request(format!(
            "{} sites are more than the {MAX_PARTS} that one request may ask for",
            request.sites.len()
        )));
    }
    let input = state.model_input(&request.prompt).await?;
    let parts = parts(&input, request.sites)?;
    let wanted: Vec<Part> = parts.values().map(|(site, at)| (*site, at.first().copied())).collect();
    let pass = state.passes.parts(&input, &wanted).await?;
    let work = move || tensor_response(&input, pass.milliseconds, tensors(&pass, &parts)?);
    state.run_blocking(work).await?
}

/// Sites and indices by the name that they are sent under; each stands once, however often it was
/// asked for.
type SiteParts = BTreeMap<String, (Site, Vec<usize>)>;

/// Reads the names, and refuses what is not there or is too much.
fn parts(input: &ModelInput, given: Vec<SiteRequest>) -> Result<SiteParts> {
    let (config, tokens) = (input.model.config(), input.ids.len());
    let variant = input.edits.variant();
    let there = sites_of_variant(config, variant);
    let (mut parts, mut elements) = (SiteParts::new(), 0);
    for requested in given {
        let site: Site = requested.site.parse().map_err(ErrorResponse::bad_request)?;
        if !there.contains(&site) {
            return Err(ErrorResponse::bad_request(format!(
                "{} has no site {site}",
                input.model.name
            )));
        }
        let shape = shape_of_variant(config, site, tokens, variant);
        check(&requested, &shape)?;
        let name = requested.name();
        if let Entry::Vacant(vacant) = parts.entry(name) {
            elements += shape[requested.at.len()..].iter().product::<usize>();
            vacant.insert((site, requested.at));
        }
    }
    if 4 * elements > MAX_BYTES {
        return Err(ErrorResponse::bad_request(format!(
            "{} MB of numbers are more than the {} MB that one answer holds; give \"at\" for the parts \
             that are wanted",
            (4 * elements) >> 20,
            MAX_BYTES >> 20
        )));
    }
    Ok(parts)
}

/// Refuses indices that are not there.
fn check(SiteRequest { site, at }: &SiteRequest, shape: &[usize]) -> Result<()> {
    if at.len() > shape.len() {
        let (given, axes) = (at.len(), shape.len());
        return Err(ErrorResponse::bad_request(format!(
            "{site} has {axes} axes, and \"at\" gives {given}"
        )));
    }
    let mut axes = at.iter().zip(shape).enumerate();
    match axes.find(|(_, (index, count))| index >= count) {
        None => Ok(()),
        Some((axis, (index, count))) => Err(ErrorResponse::bad_request(format!(
            "{site}: index {index} of axis {axis} is not there; it has {count}, counted from 0"
        ))),
    }
}

fn tensors(pass: &Pass, parts: &SiteParts) -> Result<Vec<Tensor>> {
    let tensor = |(name, (site, at)): (&String, &(Site, Vec<usize>))| {
        let whole = pass.at(*site).map(|seen| (seen, &at[..]));
        let part = || Some((pass.part(*site, *at.first()?)?, &at[1..]));
        let (seen, at) = whole
            .or_else(part)
            .ok_or_else(|| ErrorResponse::not_found(format!("{name} was not read")))?;
        let (shape, values) = part_of(seen, at);
        Ok(Tensor::new(name, shape, values))
    };
    parts.iter().map(tensor).collect()
}

/// The values at some indices of the first axes, which are there, and the shape of what is left.
fn part_of<'a>(seen: &'a Capture, indices: &[usize]) -> (Vec<usize>, &'a [f32]) {
    let mut values = &seen.values[..];
    for (&index, &count) in indices.iter().zip(&seen.shape) {
        let len = values.len() / count;
        values = &values[index * len..(index + 1) * len];
    }
    (seen.shape[indices.len()..].to_vec(), values)
}
