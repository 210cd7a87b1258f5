//! Small fixtures for attention: sequences, their rows, and pages in no order among unwritten ones.

pub use crate::inputs::pools;
use lookback_kernels::{
    attend::{
        self, Alibi, AttentionParams, BackwardInputs, Compute, KvPages, KvPagesMut, PAGE,
        SequenceSpan,
    },
    naive,
    thread_pool::ThreadPool,
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// Numbers that expose errors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Uniform in −scale to scale.
    Scale(f32),
    /// One key in eleven is a hundred times as long as the others.
    Spiked,
    /// Also −0, denormals, infinities and NaN: scores of −inf, and rows that see nothing else.
    Hard,
}

pub const KINDS: [Kind; 5] =
    [Kind::Scale(1e-3), Kind::Scale(1.0), Kind::Scale(30.0), Kind::Spiked, Kind::Hard];

pub struct Numbers(ChaCha8Rng);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0.next_u32() as usize % end
    }

    fn one(&mut self, kind: Kind) -> f32 {
        let x = (self.0.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0;
        match kind {
            Kind::Scale(scale) => x * scale,
            Kind::Spiked => x,
            Kind::Hard => match self.0.next_u32() % 1024 {
                0 => f32::NAN,
                1 => f32::INFINITY,
                2..5 => f32::NEG_INFINITY,
                5..50 => -0.0,
                50..60 => x * 1e-41,
                60..65 => x * 1e38,
                _ => x,
            },
        }
    }

    pub fn some(&mut self, kind: Kind, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.one(kind)).collect()
    }
}

/// The bits, all NaNs equal.
pub fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| if x.is_nan() { f32::NAN.to_bits() } else { x.to_bits() }).collect()
}

/// `heads` query heads over `key_heads`, with the usual scale.
pub fn heads(
    heads: usize,
    key_heads: usize,
    head_dim: usize,
    window: Option<usize>,
) -> AttentionParams<'static> {
    AttentionParams {
        heads,
        key_heads,
        head_dim,
        scale: 1.0 / (head_dim as f32).sqrt(),
        is_causal: true,
        window,
        score_cap: None,
        alibi: None,
        sinks: None,
        products: Compute::F32,
    }
}

/// Sinks of sixteen heads: some beside the scores, some that take all of a row or nothing.
pub static SINKS: [f32; 16] = [
    0.5,
    -2.0,
    3.0,
    40.0,
    -100.0,
    -0.0,
    1e-3,
    f32::NEG_INFINITY,
    1.0,
    0.0,
    -1.0,
    f32::INFINITY,
    f32::NAN,
    2.0,
    7.0,
    -7.0,
];

/// The same with a soft cap, ALiBi, sinks or all of them, by `choice`.
pub fn with_terms(params: AttentionParams<'static>, choice: usize) -> AttentionParams<'static> {
    let score_cap = Some(2.5);
    let alibi = |factor| Some(Alibi { heads: params.heads, factor });
    let sinks = Some(&SINKS[..params.heads]);
    match choice % 4 {
        0 => AttentionParams { score_cap, ..params },
        1 => AttentionParams { alibi: alibi(1.0), ..params },
        2 => AttentionParams { sinks, ..params },
        _ => AttentionParams { score_cap, alibi: alibi(params.scale), sinks, ..params },
    }
}

/// The same with products of either kind.
pub fn of_both(params: AttentionParams<'static>) -> [AttentionParams<'static>; 2] {
    [Compute::F32, Compute::Bf16].map(|products| AttentionParams { products, ..params })
}

/// Whole sequences, of which the last rows are asked for, and the pages of all.
#[derive(Clone)]
pub struct Fixture {
    pub params: AttentionParams<'static>,
    pub spans: Vec<SequenceSpan>,
    /// Of the rows that are asked for.
    pub query: Vec<f32>,
    /// `[positions, key_heads, head_dim]` of each sequence from its beginning.
    pub keys: Vec<Vec<f32>>,
    pub values: Vec<Vec<f32>>,
    pub storage: Vec<f32>,
    pub table: Vec<u32>,
}

/// Floats before a layer's keys, between them and its values, and after those: other layers' places.
const AROUND: [usize; 3] = [3, 5, 7];

impl Fixture {
    /// `sequences`: the position of the first row that is asked for, and how many are.
    pub fn new(
        params: AttentionParams<'static>,
        sequences: &[(usize, usize)],
        kind: Kind,
        seed: u64,
    ) -> Self {
        let mut numbers = Numbers::new(seed);
        let width = params.key_heads * params.head_dim;
        let (mut keys, mut values, mut spans) = (vec![], vec![], vec![]);
        let (mut first_row, mut pages) = (0, 0);
        for &(first_position, rows) in sequences {
            let positions = first_position + rows;
            let mut key = numbers.some(kind, positions * width);
            if kind == Kind::Spiked {
                key.chunks_mut(width)
                    .step_by(11)
                    .for_each(|key| key.iter_mut().for_each(|x| *x *= 100.0));
            }
            keys.push(key);
            values.push(numbers.some(kind, positions * width));
            spans.push(SequenceSpan { first_row, rows, first_position, first_page: pages });
            first_row += rows;
            pages += positions.div_ceil(PAGE);
        }
        let query = numbers.some(kind, first_row * params.heads * params.head_dim);
        // The pages of all sequences lie in any order, one unused between two.
        let mut table: Vec<u32> = (0..pages as u32).map(|page| 2 * page + 1).collect();
        for at in (1..pages).rev() {
            table.swap(at, numbers.below(at + 1));
        }
        let storage = vec![f32::NAN; (2 * pages + 1) * stride(&params)];
        let mut fixture = Self { params, spans, query, keys, values, storage, table };
        fixture.store(&ThreadPool::single_threaded());
        fixture
    }

    /// All keys and values from the beginning.
    pub fn store(&mut self, pool: &ThreadPool) {
        for (sequence, span) in self.spans.clone().iter().enumerate() {
            let rows = span.first_position + span.rows;
            self.store_span(
                pool,
                sequence,
                SequenceSpan { rows, first_position: 0, first_row: 0, ..*span },
            );
        }
    }

    /// Some positions of a sequence.
    pub fn store_span(&mut self, pool: &ThreadPool, sequence: usize, span: SequenceSpan) {
        let width = self.params.key_heads * self.params.head_dim;
        let range = span.first_position * width..(span.first_position + span.rows) * width;
        let (key, value) = (&self.keys[sequence][range.clone()], &self.values[sequence][range]);
        let pages = KvPagesMut {
            storage: &mut self.storage,
            stride: stride(&self.params),
            keys_at: keys_at(),
            values_at: values_at(&self.params),
            table: &self.table,
        };
        attend::store(pool, &self.params, key, value, &[span], pages);
    }

    pub fn pages(&self) -> KvPages<'_> {
        KvPages {
            storage: &self.storage,
            stride: stride(&self.params),
            keys_at: keys_at(),
            values_at: values_at(&self.params),
            table: &self.table,
        }
    }

    pub fn rows(&self) -> usize {
        self.spans.iter().map(|span| span.rows).sum()
    }

    /// Output and log-sum-exp by the twin.
    pub fn by_twin(&self) -> [Vec<f32>; 2] {
        let mut out = vec![5.0; self.query.len()];
        let mut sums = vec![5.0; self.rows() * self.params.heads];
        let pages = self.pages();
        naive::attend::forward(
            &self.params,
            &self.query,
            &self.spans,
            pages,
            &mut out,
            Some(&mut sums),
        );
        [out, sums]
    }

    /// What a backward pass reads, with a gradient of the output that looks random.
    pub fn saved(&self, seed: u64) -> Saved {
        let [out, log_sum_exp] = self.by_twin();
        Saved {
            key: self.rows_of(&self.keys),
            value: self.rows_of(&self.values),
            out,
            log_sum_exp,
            dout: Numbers::new(seed).some(Kind::Scale(1.0), self.query.len()),
        }
    }

    /// Output and log-sum-exp by a pool; without the sums the output is the same.
    pub fn by_team(&self, pool: &ThreadPool) -> [Vec<f32>; 2] {
        let mut out = vec![f32::NAN; self.query.len()];
        let mut sums = vec![7.0; self.rows() * self.params.heads];
        let (params, query, spans) = (&self.params, &self.query, &self.spans);
        attend::forward(pool, params, query, spans, self.pages(), &mut out, Some(&mut sums));
        let mut alone = vec![9.0; self.query.len()];
        attend::forward(pool, params, query, spans, self.pages(), &mut alone, None);
        assert_eq!(bits(&out), bits(&alone), "the log-sum-exps changed the output");
        [out, sums]
    }

    /// The keys and values of the rows that are asked for, one sequence below the other; of whole
    /// sequences, all.
    pub fn rows_of(&self, of: &[Vec<f32>]) -> Vec<f32> {
        of.concat()
    }
}

/// Floats of a page in these fixtures.
pub fn stride(params: &AttentionParams<'_>) -> usize {
    values_at(params) + attend::keys_len(params) + AROUND[2]
}

pub fn keys_at() -> usize {
    AROUND[0]
}

pub fn values_at(params: &AttentionParams<'_>) -> usize {
    keys_at() + attend::keys_len(params) + AROUND[1]
}

/// What a backward pass reads of a fixture of whole sequences.
pub struct Saved {
    pub key: Vec<f32>,
    pub value: Vec<f32>,
    out: Vec<f32>,
    log_sum_exp: Vec<f32>,
    pub dout: Vec<f32>,
}

impl Saved {
    /// As the kernels take it.
    pub fn inputs<'a>(&'a self, fixture: &'a Fixture) -> BackwardInputs<'a> {
        BackwardInputs {
            query: &fixture.query,
            key: &self.key,
            value: &self.value,
            out: &self.out,
            log_sum_exp: &self.log_sum_exp,
            dout: &self.dout,
            spans: &fixture.spans,
        }
    }
}
