//! Values of a `config.json` as files have them.

use serde_json::{Value, json};

use super::super::{Activation, Config};

/// The names of activations; the first of each is the one that is written.
pub(super) const ACTIVATIONS: &[(&str, Activation)] = &[
    ("silu", Activation::Silu),
    ("swish", Activation::Silu),
    ("gelu", Activation::Gelu),
    ("gelu_python", Activation::Gelu),
    ("gelu_new", Activation::GeluTanh),
    ("gelu_pytorch_tanh", Activation::GeluTanh),
    ("gelu_fast", Activation::GeluTanh),
    ("gelu_python_tanh", Activation::GeluTanh),
    ("gelu_accurate", Activation::GeluTanh),
    ("quick_gelu", Activation::QuickGelu),
    ("relu", Activation::Relu),
    ("relu2", Activation::Relu2),
    ("swiglu_oai", Activation::SwigluOai),
];

/// As configurations of Hugging Face call it.
pub fn activation_name(activation: Activation) -> &'static str {
    let named = ACTIVATIONS.iter().find(|(_, known)| *known == activation);
    named.expect("every activation stands in the table").0
}

/// One id as a number, several as a list, none as null.
pub(crate) fn eos_token_id(config: &Config) -> Value {
    match config.eos.as_slice() {
        [] => Value::Null,
        [one] => json!(one),
        several => json!(several),
    }
}

/// The shortest decimal that rounds to this f32, so that 1e-5 stays 1e-5.
pub(crate) fn decimal(number: f32) -> Value {
    let shortest: f64 = number.to_string().parse().expect("a float's own digits are a number");
    json!(shortest)
}
