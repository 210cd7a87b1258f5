//! Layer norm and RMS norm: every row is brought to a common scale before attention and MLP.

use ndarray::{Array1, Array2, Axis};

/// A layer norm or RMS norm, with its weights.
#[derive(Clone, Debug)]
pub struct Norm {
    /// Whether the mean is subtracted first: layer norm, else RMS norm.
    pub is_layer: bool,
    /// Factor of each dimension.
    pub weight: Array1<f64>,
    /// Added to each dimension.
    pub bias: Option<Array1<f64>>,
    /// Keeps a row of zeros from dividing by zero.
    pub epsilon: f64,
}

impl Norm {
    /// `[tokens, width]`, row by row.
    pub fn apply(&self, x: &Array2<f64>) -> Array2<f64> {
        let x = if self.is_layer { centered(x) } else { x.clone() };
        let mean_square = (&x * &x).mean_axis(Axis(1)).expect("a row has a width");
        let rms = (mean_square + self.epsilon).sqrt().insert_axis(Axis(1));
        let y = x / rms * &self.weight;
        match &self.bias {
            Some(bias) => y + bias,
            None => y,
        }
    }
}

/// Each row less its mean. Ba et al. 2016; RMS norm, Zhang and Sennrich 2019, leaves it out.
fn centered(x: &Array2<f64>) -> Array2<f64> {
    x - &x.mean_axis(Axis(1)).expect("a row has a width").insert_axis(Axis(1))
}
