//! Pairs of bf16: the processor's dot is the twin's two multiply-adds to the bit, on every path.

use lookback_kernels::{
    isa::Isa,
    lanes::{LANES, PairKernel, Pairs},
    naive,
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
                let min = 0x0080_0000 + self.bits() % 3;
                (a, b, f32::from_bits(min | self.bits() & 0x8000_0000))
            }
        }
    }
}

/// All dots of some lanes.
struct Dots<'a>(&'a [u32], &'a [u32], &'a mut [f32]);

impl PairKernel for Dots<'_> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, simd: P) {
        let Self(a, b, sums) = self;
        for ((a, b), sums) in a.chunks(LANES).zip(b.chunks(LANES)).zip(sums.chunks_exact_mut(LANES))
        {
            let sum = simd.load(sums);
            simd.store(simd.dot(simd.load_pairs_part(a), simd.load_pairs_part(b), sum), sums);
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
            for isa in Isa::available() {
                let mut found = sums.clone();
                isa.run_pairs(Dots(&a, &b, &mut found));
                for i in 0..len {
                    assert_eq!(
                        canonical(found[i]),
                        canonical(twin[i]),
                        "{isa:?}, {kind:?}: {:08x} · {:08x} + {:08x}",
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
    fn run<P: Pairs>(self, simd: P) -> Self::Output {
        let (first, second) = (simd.load(self.0), simd.load(&self.0[LANES..]));
        let mut out = [[7; LANES + 1]; 2];
        simd.store_pairs_part(simd.round_consecutive(first, second), &mut out[0][..LANES]);
        // SAFETY: sixteen pairs are there.
        unsafe { simd.store_pairs_at(simd.round_to_pairs(first, second), out[1].as_mut_ptr()) };
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
        for isa in Isa::available() {
            let [pack, join] = isa.run_pairs(Conversions(&numbers));
            let same = |found: &[u32], twin: &[u32]| {
                for (found, twin) in found.iter().zip(twin) {
                    for part in [0, 16] {
                        let [found, twin] = [found, twin]
                            .map(|x| canonical(naive::bf16::widen((x >> part) as u16)));
                        assert_eq!(found, twin, "{isa:?}: {numbers:?}");
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
    for isa in Isa::available() {
        isa.run_pairs(Dots(&[0; LANES], &[0; LANES], &mut [0.0; LANES]));
        let half = std::hint::black_box(f32::MIN_POSITIVE) * std::hint::black_box(0.5);
        assert!(half > 0.0, "{isa:?}");
    }
}

#[test]
fn pairs_are_loaded_and_stored_in_parts() {
    struct Parts(usize);
    impl PairKernel for Parts {
        type Output = ([u32; LANES], [u32; LANES]);
        #[inline(always)]
        fn run<P: Pairs>(self, simd: P) -> Self::Output {
            let from: [u32; LANES] = std::array::from_fn(|i| 0x3f80_4000 + ((i as u32) << 16));
            let (mut whole, mut part) = ([9; LANES], [9; LANES]);
            simd.store_pairs_part(simd.load_pairs_part(&from[..self.0]), &mut whole);
            simd.store_pairs_part(simd.splat_pair(0x3f80_4000), &mut part[..self.0]);
            (whole, part)
        }
    }
    for isa in Isa::available() {
        for len in 0..=LANES {
            let (whole, part) = isa.run_pairs(Parts(len));
            for i in 0..LANES {
                let value = 0x3f80_4000 + ((i as u32) << 16);
                assert_eq!(whole[i], if i < len { value } else { 0 }, "{isa:?}, {len}");
                assert_eq!(part[i], if i < len { 0x3f80_4000 } else { 9 }, "{isa:?}, {len}");
            }
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
