//! Linear layers and their gradients; rows of a table.

use lookback_kernels::{
    embed::Table,
    matmul::{Accumulate, Epilogue},
    naive,
};
use ndarray::{Array1, Array2, Axis};

use super::{Agrees, EPS, MIN_BOUND, SCALES, numbers, seeds, wide, within};

/// x, weight, bias, to y.
pub type Linear<'a> = &'a dyn Fn(&Array2<f64>, &Array2<f64>, Option<&Array1<f64>>) -> Array2<f64>;
/// dy, x, weight, to dx and dweight.
pub type Gradients<'a> =
    &'a dyn Fn(&Array2<f64>, &Array2<f64>, &Array2<f64>) -> (Array2<f64>, Array2<f64>);
/// A table and ids, to rows.
pub type Rows<'a> = &'a dyn Fn(&Array2<f64>, &[usize]) -> Array2<f64>;

/// Rows, inner, outputs; square ones too, where a transposed weight has the right shape.
const SHAPES: [[usize; 3]; 7] =
    [[1, 1, 1], [1, 8, 8], [3, 7, 9], [8, 64, 64], [65, 16, 17], [9, 130, 33], [2, 65, 63]];

/// The twin's linear layer is the claimant's.
pub fn is_linear(claimant: Linear<'_>) -> Agrees {
    for (seed, scale) in seeds().flat_map(|seed| SCALES.map(|scale| (seed, scale))) {
        for [rows, inner, outputs] in SHAPES {
            let x = numbers(scale, rows * inner, seed);
            let weight = numbers(1.0, outputs * inner, seed + 1);
            let bias = numbers(scale, outputs, seed + 2);
            for bias in [None, Some(bias.as_slice())] {
                let mut found = vec![0.0; rows * outputs];
                let epilogue = Epilogue { bias, ..Epilogue::default() };
                naive::matmul::forward(&x, &weight, outputs, inner, epilogue, &mut found);
                let (x, weight) = (wide(&x, inner), wide(&weight, inner));
                let bias = bias.map(|bias| bias.iter().map(|b| f64::from(*b)).collect());
                let claimed = claimant(&x, &weight, bias.as_ref());
                let sizes = x.mapv(f64::abs).dot(&weight.mapv(f64::abs).t());
                let sizes =
                    bias.map_or(sizes.clone(), |bias: Array1<f64>| sizes + bias.mapv(f64::abs));
                let bound = sizes * ((inner + 1) as f64 * EPS) + MIN_BOUND;
                within(&format!("{rows} × {inner} × {outputs}"), &found, &claimed, &bound)?;
            }
        }
    }
    Ok(())
}

/// The twin's gradients of a linear layer are the claimant's.
pub fn has_gradients(claimant: Gradients<'_>) -> Agrees {
    for (seed, scale) in seeds().flat_map(|seed| SCALES.map(|scale| (seed, scale))) {
        for [rows, inner, outputs] in SHAPES {
            let x = numbers(scale, rows * inner, seed);
            let weight = numbers(1.0, outputs * inner, seed + 1);
            let dy = numbers(1.0, rows * outputs, seed + 2);
            let mut dx = vec![0.0; x.len()];
            let mut dweight = vec![0.0; weight.len()];
            naive::matmul::input_gradient(
                &dy,
                &weight,
                outputs,
                inner,
                Accumulate::FromZero,
                &mut dx,
            );
            naive::matmul::weight_gradient(&dy, &x, outputs, inner, &mut dweight);
            let (x, weight, dy) = (wide(&x, inner), wide(&weight, inner), wide(&dy, outputs));
            let (claimed_x, claimed_w) = claimant(&dy, &x, &weight);
            let size = |a: &Array2<f64>| a.mapv(f64::abs);
            let bound = size(&dy).dot(&size(&weight)) * (outputs as f64 * EPS) + MIN_BOUND;
            within(&format!("dx of {rows} × {inner} × {outputs}"), &dx, &claimed_x, &bound)?;
            let bound = size(&dy).t().dot(&size(&x)) * (rows as f64 * EPS) + MIN_BOUND;
            within(&format!("dw of {rows} × {inner} × {outputs}"), &dweight, &claimed_w, &bound)?;
        }
    }
    Ok(())
}

/// The twin's rows of a table are the claimant's, to the bit.
pub fn takes_rows(claimant: Rows<'_>) -> Agrees {
    for seed in seeds() {
        let (width, ids) = (7, [4usize, 0, 4, 10, 3]);
        let table = numbers(1.0, 11 * width, seed);
        let mut found = vec![0.0; ids.len() * width];
        let indices = ids.map(|id| id as u32);
        naive::embed::gather(Table::Rows(&table), width, &indices, &mut found);
        let claimed = claimant(&wide(&table, width), &ids);
        within("rows", &found, &claimed, &Array2::zeros((ids.len(), width)))?;
    }
    Ok(())
}

/// What is true of the gradients of a linear layer.
pub fn true_gradients(
    dy: &Array2<f64>,
    x: &Array2<f64>,
    weight: &Array2<f64>,
) -> (Array2<f64>, Array2<f64>) {
    (dy.dot(weight), dy.t().dot(x))
}

/// The last row of an array left out.
pub fn without_last(a: &Array2<f64>) -> Array2<f64> {
    let mut a = a.clone();
    let last = a.nrows() - 1;
    a.index_axis_mut(Axis(0), last).fill(0.0);
    a
}
