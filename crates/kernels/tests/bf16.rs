//! Pairs of bf16: the processor's dot is the twin's two multiply-adds to the bit, and so are products
//! of matrices, on every path and any number of threads.

mod inputs;

use inputs::{bits, teams};
use lookback_kernels::{
    bf16,
    lanes::{LANES, Pairs},
    matmul::{After, Start},
    naive,
    path::{PairKernel, Path},
    team::Team,
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// Lanes of each kind that are asked; `LOOKBACK_LANES` asks for more.
fn lanes() -> usize {
    let wanted = std::env::var("LOOKBACK_LANES").ok().and_then(|lanes| lanes.parse().ok());
    wanted.unwrap_or(400_000)
}

/// Bits that hardware could get wrong.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Any bits at all.
    Arbitrary,
    /// Numbers around one.
    Ordinary,
    /// Products and sums that cancel, with what is left far below.
    Cancelling,
    /// Products that are about as large as the least normal number, also just below and above it.
    Tiny,
    /// The same, with sums that land next to the least normal number.
    Least,
}

const KINDS: [Kind; 5] =
    [Kind::Arbitrary, Kind::Ordinary, Kind::Cancelling, Kind::Tiny, Kind::Least];

struct Draw(ChaCha8Rng);

impl Draw {
    fn bits(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// A number of bf16 with an exponent near this one.
    fn near(&mut self, exponent: i32, spread: u32) -> u16 {
        let exponent = exponent + (self.bits() % (2 * spread + 1)) as i32 - spread as i32;
        let exponent = (exponent + 127).clamp(0, 254) as u16;
        (self.bits() as u16 & 0x807f) | exponent << 7
    }

    /// Two pairs and a sum.
    fn terms(&mut self, kind: Kind) -> (u32, u32, f32) {
        let mut pair = |exponent: i32, spread: u32| {
            u32::from(self.near(exponent, spread)) << 16 | u32::from(self.near(exponent, spread))
        };
        match kind {
            Kind::Arbitrary => (self.bits(), self.bits(), f32::from_bits(self.bits())),
            Kind::Ordinary => {
                let (a, b) = (pair(0, 3), pair(0, 3));
                (a, b, f32::from_bits(pair(0, 2) ^ 0x1234))
            }
            Kind::Cancelling => {
                let (a, b) = (pair(0, 3), pair(0, 3));
                let product = f32::from_bits(a & !0xffff) * f32::from_bits(b & !0xffff);
                let off = self.bits() % 4;
                (a, b, f32::from_bits((-product).to_bits().wrapping_add(off)))
            }
            Kind::Tiny => {
                let (a, b) = (pair(-63, 6), pair(-63, 6));
                (a, b, f32::from_bits(self.bits() & 0x81ff_ffff))
            }
            Kind::Least => {
                // The odd product is zero or of no weight, so that the even one decides.
                let even = |x: u32, odd: u32| x & 0xffff | odd << 16;
                let (a, b) = (even(pair(-64, 14), 0), even(pair(-64, 14), 0x3f80));
                let least = 0x0080_0000 + self.bits() % 3;
                (a, b, f32::from_bits(least | self.bits() & 0x8000_0000))
            }
        }
    }
}

/// All dots of some lanes.
struct Dots<'a>(&'a [u32], &'a [u32], &'a mut [f32]);

impl PairKernel for Dots<'_> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, on: P) {
        let Self(a, b, sums) = self;
        for ((a, b), sums) in a.chunks(LANES).zip(b.chunks(LANES)).zip(sums.chunks_exact_mut(LANES))
        {
            let sum = on.load(sums);
            on.store(on.dot(on.load_pairs_part(a), on.load_pairs_part(b), sum), sums);
        }
    }
}

fn canonical(x: f32) -> u32 {
    if x.is_nan() { f32::NAN.to_bits() } else { x.to_bits() }
}

#[test]
fn a_dot_of_pairs_is_two_multiply_adds_the_odd_one_first_without_denormals() {
    for (seed, kind) in KINDS.into_iter().enumerate() {
        let mut draw = Draw(ChaCha8Rng::seed_from_u64(seed as u64));
        let (mut left, mut on_the_border) = (lanes(), 0);
        while left > 0 {
            let len = left.min(1 << 16).next_multiple_of(LANES);
            left = left.saturating_sub(len);
            let (mut a, mut b, mut sums) = (vec![0; len], vec![0; len], vec![0.0; len]);
            for lane in 0..len {
                (a[lane], b[lane], sums[lane]) = draw.terms(kind);
            }
            let twin: Vec<f32> = (0..len).map(|i| naive::bf16::dot(a[i], b[i], sums[i])).collect();
            on_the_border += twin.iter().filter(|x| x.abs() == f32::MIN_POSITIVE).count();
            for path in Path::all_here() {
                let mut found = sums.clone();
                path.run_pairs(Dots(&a, &b, &mut found));
                for i in 0..len {
                    assert_eq!(
                        canonical(found[i]),
                        canonical(twin[i]),
                        "{path:?}, {kind:?}: {:08x} · {:08x} + {:08x}",
                        a[i],
                        b[i],
                        sums[i].to_bits()
                    );
                }
            }
        }
        if matches!(kind, Kind::Least) {
            assert!(on_the_border > 0, "no sum came to lie on the border of the denormals");
        }
    }
}

/// Everything that turns numbers into pairs.
struct Conversions<'a>(&'a [f32]);

impl PairKernel for Conversions<'_> {
    type Output = [[u32; LANES + 1]; 2];

    #[inline(always)]
    fn run<P: Pairs>(self, on: P) -> Self::Output {
        let (first, second) = (on.load(self.0), on.load(&self.0[LANES..]));
        let mut out = [[7; LANES + 1]; 2];
        on.store_pairs_part(on.pack(first, second), &mut out[0][..LANES]);
        // SAFETY: sixteen pairs are there.
        unsafe { on.store_pairs_at(on.join(first, second), out[1].as_mut_ptr()) };
        out
    }
}

#[test]
fn numbers_are_rounded_to_the_nearest_bf16_and_denormals_to_zero() {
    assert_eq!(naive::bf16::round(1.0 + 1.0 / 256.0), 0x3f80, "a half goes to the even neighbour");
    assert_eq!(naive::bf16::round(1.0 + 3.0 / 256.0), 0x3f82);
    assert_eq!(naive::bf16::round(f32::from_bits(0x3f80_8001)), 0x3f81);
    assert_eq!(naive::bf16::round(f32::MAX), 0x7f80, "beyond the largest is infinity");
    assert_eq!(naive::bf16::round(-1e-39), 0x8000);
    assert!(naive::bf16::widen(naive::bf16::round(f32::from_bits(0x7f80_0001))).is_nan());
    let mut draw = Draw(ChaCha8Rng::seed_from_u64(9));
    for _ in 0..lanes() / 32 {
        let numbers: Vec<f32> = (0..2 * LANES)
            .map(|_| match draw.bits() % 4 {
                0 => f32::from_bits(draw.bits() & 0xffff_8000 | 0x8000),
                1 => f32::from_bits(draw.bits() & 0x80ff_ffff),
                _ => f32::from_bits(draw.bits()),
            })
            .collect();
        let packed: Vec<u32> =
            numbers.chunks(2).map(|two| naive::bf16::pair(two[0], two[1])).collect();
        let joined: Vec<u32> =
            (0..LANES).map(|i| naive::bf16::pair(numbers[i], numbers[i + LANES])).collect();
        for path in Path::all_here() {
            let [pack, join] = path.run_pairs(Conversions(&numbers));
            let same = |found: &[u32], twin: &[u32]| {
                for (found, twin) in found.iter().zip(twin) {
                    for part in [0, 16] {
                        let [found, twin] = [found, twin]
                            .map(|x| canonical(naive::bf16::widen((x >> part) as u16)));
                        assert_eq!(found, twin, "{path:?}: {numbers:?}");
                    }
                }
            };
            same(&pack, &packed);
            same(&join, &joined);
            assert_eq!((pack[LANES], join[LANES]), (7, 7), "a store reached beyond its lanes");
        }
    }
}

#[test]
fn a_thread_keeps_its_denormals_after_a_kernel_over_pairs() {
    for path in Path::all_here() {
        path.run_pairs(Dots(&[0; LANES], &[0; LANES], &mut [0.0; LANES]));
        let half = std::hint::black_box(f32::MIN_POSITIVE) * std::hint::black_box(0.5);
        assert!(half > 0.0, "{path:?}");
    }
}

#[test]
fn pairs_are_loaded_and_stored_in_parts() {
    struct Parts(usize);
    impl PairKernel for Parts {
        type Output = ([u32; LANES], [u32; LANES]);
        #[inline(always)]
        fn run<P: Pairs>(self, on: P) -> Self::Output {
            let from: [u32; LANES] = std::array::from_fn(|i| 0x3f80_4000 + ((i as u32) << 16));
            let (mut whole, mut part) = ([9; LANES], [9; LANES]);
            on.store_pairs_part(on.load_pairs_part(&from[..self.0]), &mut whole);
            on.store_pairs_part(on.splat_pair(0x3f80_4000), &mut part[..self.0]);
            (whole, part)
        }
    }
    for path in Path::all_here() {
        for len in 0..=LANES {
            let (whole, part) = path.run_pairs(Parts(len));
            for i in 0..LANES {
                let value = 0x3f80_4000 + ((i as u32) << 16);
                assert_eq!(whole[i], if i < len { value } else { 0 }, "{path:?}, {len}");
                assert_eq!(part[i], if i < len { 0x3f80_4000 } else { 9 }, "{path:?}, {len}");
            }
        }
    }
}

/// All products of one shape on every team against the twins.
fn all_equal_their_twins([rows, outputs, inner]: [usize; 3], kind: inputs::Kind, seed: u64) {
    let what = format!("{rows} rows, {outputs} outputs, {inner} inner, {kind:?}, seed {seed}");
    let some = |len: usize, part: u64| inputs::numbers(kind, len, 10 * seed + part);
    let (x, weight, dy) =
        (some(rows * inner, 0), some(outputs * inner, 1), some(rows * outputs, 2));
    let (bias, residual) = (some(outputs, 3), some(rows * outputs, 4));
    let stands = some((rows * inner).max(outputs * inner), 5);
    let afters = [(false, false), (true, false), (false, true), (true, true)]
        .map(|(b, r)| After { bias: b.then_some(&bias[..]), residual: r.then_some(&residual[..]) });
    let products = afters.map(|after| {
        let mut y = vec![9.0; rows * outputs];
        naive::bf16::forward(&x, &weight, outputs, inner, after, &mut y);
        bits(&y)
    });
    let input_gradients = [Start::Zero, Start::Existing].map(|start| {
        let mut dx = stands[..rows * inner].to_vec();
        naive::bf16::input_gradient(&dy, &weight, outputs, inner, start, &mut dx);
        bits(&dx)
    });
    let mut dweight = stands[..outputs * inner].to_vec();
    naive::bf16::weight_gradient(&dy, &x, outputs, inner, &mut dweight);

    for team in &teams() {
        let on = format!("{what}, {:?}, {} threads", team.path(), team.threads());
        let rounded = |x: &[f32], width: usize| {
            let mut to = vec![7; x.len() / width.max(1) * bf16::pairs(width)];
            bf16::round_rows(team, x, width, 0..width, &mut to);
            to
        };
        let mut data = vec![7; bf16::panels_len(outputs, inner)];
        bf16::pack(team, &weight, outputs, inner, &mut data);
        let panels = bf16::Panels { data: &data, outputs, inner };
        for (after, expected) in afters.iter().zip(&products) {
            let mut y = vec![f32::NAN; rows * outputs];
            bf16::forward(team, &rounded(&x, inner), panels, *after, &mut y);
            assert_eq!(&bits(&y), expected, "forward: {on}, {after:?}");
        }
        let mut data = vec![7; bf16::panels_len(inner, outputs)];
        bf16::pack_across(team, &weight, outputs, inner, &mut data);
        let panels = bf16::Panels { data: &data, outputs: inner, inner: outputs };
        for (start, expected) in [Start::Zero, Start::Existing].into_iter().zip(&input_gradients) {
            let mut dx = stands[..rows * inner].to_vec();
            bf16::input_gradient(team, &rounded(&dy, outputs), panels, start, &mut dx);
            assert_eq!(&bits(&dx), expected, "input gradient: {on}, {start:?}");
            let mut dx = stands[..rows * inner].to_vec();
            // Whole pairs.
            let size = if outputs > 256 { 256 } else { outputs.div_ceil(4) * 2 };
            for first in (0..outputs).step_by(size) {
                let part = first..outputs.min(first + size);
                let start = if first == 0 { start } else { Start::Existing };
                let mut data = vec![7; bf16::panels_len(inner, part.len())];
                let weight = &weight[part.start * inner..part.end * inner];
                bf16::pack_across(team, weight, part.len(), inner, &mut data);
                let panels = bf16::Panels { data: &data, outputs: inner, inner: part.len() };
                let mut pairs = vec![7; rows * bf16::pairs(part.len())];
                bf16::round_rows(team, &dy, outputs, part, &mut pairs);
                bf16::input_gradient(team, &pairs, panels, start, &mut dx);
            }
            assert_eq!(&bits(&dx), expected, "input gradient in parts: {on}, {start:?}");
        }
        let len = bf16::weight_gradient_scratch(rows, outputs, inner, team.threads());
        let (mut scratch, mut dw) = (vec![7; len], stands[..outputs * inner].to_vec());
        bf16::weight_gradient(team, &dy, &x, outputs, inner, &mut scratch, &mut dw);
        assert_eq!(bits(&dw), bits(&dweight), "weight gradient: {on}");
    }
}

/// Where pairs, tiles, vectors, panels, depth blocks and row blocks begin and end.
const EDGES: [usize; 13] = [1, 2, 5, 6, 7, 16, 17, 33, 63, 64, 65, 97, 131];

#[test]
fn every_edge_equals_the_twin() {
    for (index, &edge) in EDGES.iter().enumerate() {
        let other = EDGES[(index * 5 + 3) % EDGES.len()];
        let third = EDGES[(index * 3 + 8) % EDGES.len()];
        let kind = inputs::KINDS[index % inputs::KINDS.len()];
        all_equal_their_twins([edge, other, third], kind, index as u64);
        all_equal_their_twins([third, edge, other], kind, index as u64);
        all_equal_their_twins([other, third, edge], kind, index as u64);
    }
}

#[test]
fn several_blocks_of_rows_and_depth_equal_the_twin() {
    all_equal_their_twins([197, 65, 527], inputs::Kind::Scale(1.0), 1);
    all_equal_their_twins([1, 200, 600], inputs::Kind::Hard, 2);
    all_equal_their_twins([521, 70, 65], inputs::Kind::Scale(1e-20), 3);
    all_equal_their_twins([3, 65, 130], inputs::Kind::Scale(3e-38), 4);
}

#[test]
fn a_product_of_nothing_is_plus_zero() {
    for team in &teams() {
        let mut y = [f32::NAN; 6];
        let panels = bf16::Panels { data: &[], outputs: 3, inner: 0 };
        bf16::forward(team, &[], panels, After::default(), &mut y);
        assert_eq!(bits(&y), [0; 6]);
    }
}

#[test]
fn a_gradient_of_weights_may_be_cut_at_even_rows() {
    let (rows, outputs, inner) = (71, 66, 37);
    let dy = inputs::numbers(inputs::Kind::Scale(30.0), rows * outputs, 1);
    let x = inputs::numbers(inputs::Kind::Scale(1.0), rows * inner, 2);
    let team = &Team::new(2, Path::best());
    let gradient = |rows: std::ops::Range<usize>, dweight: &mut [f32]| {
        let len = bf16::weight_gradient_scratch(rows.len(), outputs, inner, team.threads());
        let dy = &dy[rows.start * outputs..rows.end * outputs];
        let x = &x[rows.start * inner..rows.end * inner];
        bf16::weight_gradient(team, dy, x, outputs, inner, &mut vec![0; len], dweight);
    };
    let mut whole = vec![0.0; outputs * inner];
    gradient(0..rows, &mut whole);
    for cut in [0, 2, 34, 64, 70] {
        let mut parts = vec![0.0; outputs * inner];
        gradient(0..cut, &mut parts);
        gradient(cut..rows, &mut parts);
        assert_eq!(bits(&parts), bits(&whole), "cut at {cut}");
    }
}

#[test]
fn the_twin_is_near_the_product_of_f64() {
    // Rounding to bf16 moves each factor by at most 2⁻⁹ of it; a chain then errs as one of f32 does.
    let (rows, outputs, inner) = (5, 9, 301);
    for (seed, scale) in [1e-3f32, 1.0, 30.0].into_iter().enumerate() {
        let x = inputs::numbers(inputs::Kind::Scale(scale), rows * inner, seed as u64);
        let weight = inputs::numbers(inputs::Kind::Scale(scale), outputs * inner, 7 + seed as u64);
        let mut y = vec![0.0; rows * outputs];
        naive::bf16::forward(&x, &weight, outputs, inner, After::default(), &mut y);
        for (at, &y) in y.iter().enumerate() {
            let (row, output) = (at / outputs, at % outputs);
            let products = (0..inner)
                .map(|k| f64::from(x[row * inner + k]) * f64::from(weight[output * inner + k]));
            let (exact, size) = products
                .fold((0.0, 0.0), |(sum, size), product| (sum + product, size + product.abs()));
            let bound = size * (2.0 * 2f64.powi(-9) + 2f64.powi(-18) + 301.0 * 2f64.powi(-24));
            assert!(
                (f64::from(y) - exact).abs() <= bound,
                "{y} is not within {bound:e} of {exact}"
            );
        }
    }
}

#[test]
fn what_only_resembles_a_dot_is_told_apart() {
    type Dot = fn([f32; 2], [f32; 2], f32) -> f32;
    let mutants: [(&str, Dot); 6] = [
        ("the even number first", |a, b, sum| a[1].mul_add(b[1], a[0].mul_add(b[0], sum))),
        ("products rounded before they are added", |a, b, sum| (sum + a[1] * b[1]) + a[0] * b[0]),
        ("both products rounded once", |a, b, sum| {
            let product = |i: usize| f64::from(a[i]) * f64::from(b[i]);
            (f64::from(sum) + product(1) + product(0)) as f32
        }),
        ("the products added to each other first", |a, b, sum| {
            sum + a[1].mul_add(b[1], a[0] * b[0])
        }),
        ("only the even product", |a, b, sum| a[0].mul_add(b[0], sum)),
        ("denormals kept", |a, b, sum| a[0].mul_add(b[0], a[1].mul_add(b[1], sum))),
    ];
    for (name, mutant) in mutants {
        let mut lives = true;
        for (seed, kind) in KINDS.into_iter().enumerate() {
            let mut draw = Draw(ChaCha8Rng::seed_from_u64(100 + seed as u64));
            for _ in 0..10_000 {
                let (a, b, sum) = draw.terms(kind);
                let apart = |x: u32| [x as u16, (x >> 16) as u16].map(naive::bf16::widen);
                let found = mutant(apart(a), apart(b), sum);
                lives &= canonical(found) == canonical(naive::bf16::dot(a, b, sum));
            }
        }
        assert!(!lives, "told apart by nothing: {name}");
    }
}
