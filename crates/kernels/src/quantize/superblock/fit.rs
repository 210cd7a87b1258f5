//! The scale, and the minimum, that a sub-block's values are stored with least squared error.
//!
//! Quants that are the nearest of a scale, and a scale that is the least-squares fit of quants, are two sides of one
//! error: going from one to the other never makes it larger. Where it ends depends on the beginning, so there are many.

/// `q · scale − min`; neither is below 0.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Affine {
    pub(super) scale: f32,
    pub(super) min: f32,
}

/// How many scales a fit begins with, besides the plain one: they put the greatest value between one quant below and
/// one above the last.
const BEGINNINGS: i32 = 10;
/// How often the best of them is fitted again.
const ROUNDS: usize = 4;

impl Affine {
    /// The nearest quants of `0 ..= most`, and the squared error with them.
    pub(super) fn quants(self, values: &[f32; 32], most: u8, quants: &mut [u8; 32]) -> f32 {
        let inverse = if self.scale > 0.0 { 1.0 / self.scale } else { 0.0 };
        let most = f32::from(most);
        let mut errors = [0.0f32; 32];
        for ((value, quant), error) in values.iter().zip(quants).zip(&mut errors) {
            let q = round((value + self.min) * inverse).clamp(0.0, most);
            let off = q * self.scale - self.min - value;
            (*quant, *error) = (q as u8, off * off);
        }
        total(&errors)
    }

    /// The best scale and minimum for given quants.
    fn of_quants(values: &[f32; 32], quants: &[u8; 32]) -> Self {
        let q = quants.map(f32::from);
        let (sum_q, sum_x) = (total(&q), total(values));
        let (sum_qq, sum_qx) = (dot(&q, &q), dot(&q, values));
        let spread = 32.0 * sum_qq - sum_q * sum_q;
        if spread > 0.0 {
            let scale = (32.0 * sum_qx - sum_q * sum_x) / spread;
            let min = (sum_q * sum_qx - sum_qq * sum_x) / spread;
            if min >= 0.0 {
                return Self { scale: scale.max(0.0), min };
            }
        }
        // What is below 0 alone is stored as a minimum; all others as multiples of the scale.
        match sum_qq > 0.0 {
            true => Self { scale: (sum_qx / sum_qq).max(0.0), min: 0.0 },
            false => Self { scale: 0.0, min: (-sum_x / 32.0).max(0.0) },
        }
    }
}

/// The best fit that is found of a sub-block with quants `0 ..= most`.
pub(super) fn affine(values: &[f32; 32], most: u8) -> Affine {
    let least = values.iter().copied().fold(0.0f32, f32::min);
    let greatest = values.iter().copied().fold(least, f32::max);
    if greatest == least {
        return Affine { scale: 0.0, min: -least };
    }
    let mut best = (f32::INFINITY, Affine::default());
    let mut quants = [0; 32];
    let mut try_one = |begin: Affine, rounds: usize, best: &mut (f32, Affine)| {
        begin.quants(values, most, &mut quants);
        for _ in 0..rounds {
            let fit = Affine::of_quants(values, &quants);
            let error = fit.quants(values, most, &mut quants);
            if error >= best.0 {
                return;
            }
            *best = (error, fit);
        }
    };
    for beginning in -BEGINNINGS..=BEGINNINGS {
        let steps = f32::from(most) + beginning as f32 / BEGINNINGS as f32;
        let begin = Affine { scale: (greatest - least) / steps, min: -least };
        try_one(begin, 1, &mut best);
    }
    let begin = best.1;
    try_one(begin, ROUNDS, &mut best);
    best.1
}

/// The nearest quants of −32 to 31, and the squared error with them.
pub(super) fn signed_quants(values: &[f32; 16], scale: f32, quants: &mut [i8; 16]) -> f32 {
    let inverse = if scale != 0.0 { 1.0 / scale } else { 0.0 };
    let mut errors = [0.0f32; 16];
    for ((value, quant), error) in values.iter().zip(quants).zip(&mut errors) {
        let q = round(value * inverse).clamp(-32.0, 31.0);
        let off = q * scale - value;
        (*quant, *error) = (q as i8, off * off);
    }
    total(&errors)
}

/// The best scale that is found of a sub-block with quants −32 to 31.
pub(super) fn linear(values: &[f32; 16]) -> f32 {
    let furthest =
        values.iter().fold(
            0.0f32,
            |furthest, value| {
                if value.abs() > furthest.abs() { *value } else { furthest }
            },
        );
    if furthest == 0.0 {
        return 0.0;
    }
    let mut best = (f32::INFINITY, 0.0);
    let mut quants = [0; 16];
    let mut try_one = |begin: f32, rounds: usize, best: &mut (f32, f32)| {
        signed_quants(values, begin, &mut quants);
        for _ in 0..rounds {
            let q = quants.map(f32::from);
            let (sum_qq, sum_qx) = (dot(&q, &q), dot(&q, values));
            if sum_qq == 0.0 {
                return;
            }
            let error = signed_quants(values, sum_qx / sum_qq, &mut quants);
            if error >= best.0 {
                return;
            }
            *best = (error, sum_qx / sum_qq);
        }
    };
    for beginning in -BEGINNINGS..=BEGINNINGS {
        // The furthest value is −32 steps away, as quants reach furthest on that side.
        let steps = -32.0 + beginning as f32 / BEGINNINGS as f32;
        try_one(furthest / steps, 1, &mut best);
    }
    let begin = best.1;
    try_one(begin, ROUNDS, &mut best);
    best.1
}

/// The nearest whole number of one that is far below 2²², ties to even.
fn round(value: f32) -> f32 {
    const MAGIC: f32 = 12_582_912.0;
    (value.clamp(-1e6, 1e6) + MAGIC) - MAGIC
}

/// The sum in eight lanes, which then are added: the compiler makes vectors of them.
fn total<const N: usize>(values: &[f32; N]) -> f32 {
    let (eights, _) = values.as_chunks::<8>();
    let lanes = eights
        .iter()
        .fold([0.0f32; 8], |lanes, eight| std::array::from_fn(|i| lanes[i] + eight[i]));
    lanes.iter().sum()
}

fn dot<const N: usize>(a: &[f32; N], b: &[f32; N]) -> f32 {
    total(&std::array::from_fn::<f32, N, _>(|i| a[i] * b[i]))
}
