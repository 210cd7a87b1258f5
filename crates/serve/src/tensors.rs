//! Tensors as an answer: a safetensors file whose `__metadata__` says whose numbers they are.

use std::collections::BTreeMap;

use axum::{body::Body, http::header, response::IntoResponse};
use serde_json::{Value, json};

use crate::{error_response::Result, prompt::ModelInput, write_timeout::ChunkedBody};

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

/// The answer to a question about a prompt, which took a pass of so many milliseconds. The file is not put
/// together in memory: its header and its tensors are written one after the other.
pub(crate) fn tensor_response(
    input: &ModelInput,
    milliseconds: f64,
    tensors: Vec<Tensor>,
) -> Result<impl IntoResponse + use<>> {
    // The name of a tensor stands once, however often it was asked for.
    let tensors: BTreeMap<String, Tensor> =
        tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect();
    let mut header = serde_json::Map::new();
    header.insert("__metadata__".to_owned(), json!(metadata(input, milliseconds)));
    let mut at = 0;
    for (name, Tensor { shape, bytes, .. }) in &tensors {
        let offsets = [at, at + bytes.len()];
        let entry = json!({ "dtype": "F32", "shape": shape, "data_offsets": offsets });
        header.insert(name.clone(), entry);
        at += bytes.len();
    }
    let mut header = Value::Object(header).to_string().into_bytes();
    // Tensors begin where eight bytes lie side by side, as the format's own crate has it.
    header.resize(header.len().next_multiple_of(8), b' ');
    let length = (header.len() as u64).to_le_bytes().to_vec();
    let data = tensors.into_values().map(|tensor| tensor.bytes);
    let body = ChunkedBody::new([length, header].into_iter().chain(data));
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], Body::new(body)))
}

/// Whose numbers they are.
fn metadata(input: &ModelInput, milliseconds: f64) -> BTreeMap<String, String> {
    let ids: Vec<String> = input.ids.iter().map(|id| id.0.to_string()).collect();
    let mut metadata: BTreeMap<String, String> = [
        ("model", input.model.name.clone()),
        ("milliseconds", format!("{milliseconds:.3}")),
        ("ids", ids.join(",")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if let Some((step, _)) = input.model.step {
        metadata.insert("step".to_owned(), step.to_string());
    }
    metadata
}
