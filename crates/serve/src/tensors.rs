//! Tensors as an answer: a safetensors file whose `__metadata__` says whose numbers they are.

use std::collections::HashMap;

use axum::{http::header, response::IntoResponse};
use lookback_files::Refusal;
use safetensors::tensor::{Dtype, TensorView};

use crate::{
    prompt::Asked,
    refuse::{Refused, Result},
};

/// Numbers with a name and axes.
#[derive(Clone, Debug)]
pub(crate) struct Tensor {
    name: String,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Tensor {
    /// `values` in row-major order.
    pub(crate) fn new(name: &str, shape: Vec<usize>, values: impl AsRef<[f32]>) -> Self {
        let bytes = values.as_ref().iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { name: name.to_owned(), shape, bytes }
    }
}

/// The answer to a question about a prompt, which took a pass of so many milliseconds.
pub(crate) fn answer(
    asked: &Asked,
    milliseconds: f64,
    tensors: Vec<Tensor>,
) -> Result<impl IntoResponse + use<>> {
    let failed = |error: safetensors::SafeTensorError| {
        Refused::from(Refusal::ours(format!("the numbers could not be written ({error})")))
    };
    // The name of a tensor stands once, however often it was asked for.
    let views: HashMap<&str, TensorView<'_>> = tensors
        .iter()
        .map(|of| Ok((&*of.name, TensorView::new(Dtype::F32, of.shape.clone(), &of.bytes)?)))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    let file = safetensors::serialize(views, Some(about(asked, milliseconds))).map_err(failed)?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], file))
}

/// Whose numbers they are.
fn about(asked: &Asked, milliseconds: f64) -> HashMap<String, String> {
    let ids: Vec<String> = asked.ids.iter().map(|id| id.0.to_string()).collect();
    let mut about: HashMap<String, String> = [
        ("model", asked.open.name.clone()),
        ("milliseconds", format!("{milliseconds:.3}")),
        ("ids", ids.join(",")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if let Some((step, _)) = asked.open.step {
        about.insert("step".to_owned(), step.to_string());
    }
    about
}
