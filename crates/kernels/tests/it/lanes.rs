//! Every set of lanes gives the bits of the portable one, operation by operation.

use lookback_kernels::{
    isa::Isa,
    lanes::{Kernel, LANES, Lanes, Portable, larger, max_tree, sum_tree},
};

type Array = [f32; LANES];

/// What is asked of a set of lanes: every operation on these operands.
struct Every {
    a: Array,
    b: Array,
    c: Array,
}

impl Kernel for Every {
    type Output = Vec<(&'static str, Vec<u32>)>;

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) -> Self::Output {
        let (a, b, c) = (simd.from_array(self.a), simd.load(&self.b), simd.from_array(self.c));
        let bits = |x: L::F32| -> Vec<u32> {
            let mut out = [0.0; LANES + 1];
            simd.store(x, &mut out);
            assert_eq!(out[LANES], 0.0, "a store reached beyond its lanes");
            simd.to_array(x).iter().map(|&x| canonical(x)).collect()
        };
        let truths = |mask| bits(simd.select(mask, simd.splat(1.0), simd.splat(0.0)));
        let mut all = vec![
            ("splat", bits(simd.splat(self.a[3]))),
            ("add", bits(simd.add(a, b))),
            ("sub", bits(simd.sub(a, b))),
            ("mul", bits(simd.mul(a, b))),
            ("div", bits(simd.div(a, b))),
            ("sqrt", bits(simd.sqrt(a))),
            ("fma", bits(simd.fma(a, b, c))),
            ("max", bits(simd.max(a, b))),
            ("greater", truths(simd.greater(a, b))),
            ("less", truths(simd.less(a, b))),
            ("is_nan", truths(simd.is_nan(a))),
            ("select", bits(simd.select(simd.greater(a, b), c, a))),
            ("round", bits(simd.round(a))),
            ("sum_tree", vec![canonical(simd.sum_tree(a))]),
            ("max_tree", vec![canonical(simd.max_tree(a))]),
        ];
        for len in 0..LANES {
            all.push(("load_part", bits(simd.load_part(&self.a[..len]))));
            all.push(("load_some", bits(simd.load_some(&self.a[..len]))));
            let mut out = [7.0; LANES + 1];
            simd.store_part(b, &mut out[..len]);
            all.push(("store_part", out.iter().map(|&x| canonical(x)).collect()));
        }
        all
    }
}

/// The bits, all NaNs equal.
fn canonical(x: f32) -> u32 {
    if x.is_nan() { f32::NAN.to_bits() } else { x.to_bits() }
}

/// Operands in which special values meet each other and ordinary numbers in every lane.
fn operands() -> Vec<Array> {
    let hard = [
        0.0,
        -0.0,
        1.0,
        -1.5,
        2.5,
        -3.5,
        0.5,
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::MIN_POSITIVE,
        -1e-41,
        1e-45,
        f32::MAX,
        8_388_609.0,
        1e-20,
    ];
    let turned = |by: usize| std::array::from_fn(|lane| hard[(lane + by) % LANES]);
    (0..LANES).map(turned).collect()
}

#[test]
fn every_operation_gives_the_portable_bits() {
    let operands = operands();
    for isa in Isa::available() {
        for a in &operands {
            for (index, b) in operands.iter().enumerate() {
                let every = |c: &Array| Every { a: *a, b: *b, c: *c };
                let c = &operands[(index * 7 + 3) % LANES];
                let expected = every(c).run(Portable);
                assert_eq!(isa.run(every(c)), expected, "{isa:?} on {a:?}, {b:?}, {c:?}");
            }
        }
    }
}

struct Scaled(Array, Array);

impl Kernel for Scaled {
    type Output = Array;

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) -> Array {
        simd.to_array(simd.scale(simd.from_array(self.0), simd.from_array(self.1)))
    }
}

#[test]
fn scaling_by_powers_of_two_is_exact_or_infinite() {
    for isa in Isa::available() {
        for first in -126i32..=113 {
            for p in [0.75f32, 1.0, 1.234_567_9, 1.99] {
                let n: Array = std::array::from_fn(|lane| (first + lane as i32) as f32);
                for (n, found) in n.into_iter().zip(isa.run(Scaled([p; 16], n))) {
                    let exact = f64::from(p) * f64::from_bits(((n as i64 + 1023) as u64) << 52);
                    // Denormals are left out: exp gives none.
                    if exact >= f64::from(f32::MIN_POSITIVE) {
                        assert_eq!(found, exact as f32, "{p} · 2^{n} on {isa:?}");
                    }
                }
            }
        }
        let found = isa.run(Scaled([f32::NAN; 16], [f32::NAN; 16]));
        assert!(found.iter().all(|x| x.is_nan()), "{isa:?}");
    }
}

#[test]
fn the_tree_joins_halves_and_not_neighbours() {
    // Lane 0 meets lane 8 first: 1e8 − 1e8, and then the 1 of lane 4 is kept. A sum from left to
    // right, or over neighbours first, loses it.
    let mut lanes = [0.0; LANES];
    (lanes[0], lanes[8], lanes[4]) = (1e8, -1e8, 1.0);
    assert_eq!(sum_tree(lanes), 1.0);
    let written_out = |x: Array| {
        let eight: [f32; 8] = std::array::from_fn(|i| x[i] + x[i + 8]);
        let four: [f32; 4] = std::array::from_fn(|i| eight[i] + eight[i + 4]);
        (four[0] + four[2]) + (four[1] + four[3])
    };
    let x: Array = std::array::from_fn(|lane| 1.1f32 * (lane * lane) as f32 - 70.3);
    assert_eq!(sum_tree(x).to_bits(), written_out(x).to_bits());
}

#[test]
fn a_sum_of_minus_zeros_is_minus_zero_and_the_larger_of_nan_is_the_second() {
    assert_eq!(sum_tree([-0.0; LANES]).to_bits(), (-0.0f32).to_bits());
    assert_eq!(larger(f32::NAN, 1.0), 1.0);
    assert!(larger(1.0, f32::NAN).is_nan());
    assert_eq!(larger(0.0, -0.0).to_bits(), (-0.0f32).to_bits());
    let mut lanes: Array = std::array::from_fn(|lane| lane as f32);
    assert_eq!(max_tree(lanes), 15.0);
    lanes[3] = f32::NAN;
    // Lane 3 meets lane 11 as the first operand, and gives way.
    assert_eq!(max_tree(lanes), 15.0);
}

#[test]
fn every_processor_has_the_portable_path_and_the_best_comes_first() {
    assert!(Isa::available().any(|isa| isa == Isa::Portable));
    assert_eq!(Isa::available().next(), Some(Isa::detect()));
    assert!(Isa::available().all(Isa::is_available));
}
