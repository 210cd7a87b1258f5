//! Storing writes the numbers or pairs of its own positions, and nothing else.

use lookback_kernels::{
    attend::{self, Compute, PAGE, SequenceSpan},
    naive,
};

use super::fixture::{Fixture, Kind, bits, heads, keys_at, of_both, pools, stride, values_at};

#[test]
fn storing_touches_its_own_positions_only() {
    for params in of_both(heads(2, 2, 5, None)) {
        for pool in &pools() {
            let mut fixture = Fixture::new(params, &[(0, 70), (0, 200)], Kind::Scale(1.0), 3);
            fixture.storage.fill(0.25);
            let mut expected = fixture.storage.clone();
            // The end of a page, a whole one, and the beginning of one.
            let span =
                SequenceSpan { first_row: 0, rows: 72, first_position: 59, ..fixture.spans[1] };
            fixture.store_span(pool, 1, span);
            for position in 59..131 {
                let page =
                    fixture.table[span.first_page + position / PAGE] as usize * stride(&params);
                let slot = position % PAGE;
                for head in 0..params.key_heads {
                    for d in 0..params.head_dim {
                        let from = (position * params.key_heads + head) * params.head_dim + d;
                        let (key, value) = (fixture.keys[1][from], fixture.values[1][from]);
                        let of_head = head * attend::keys_len(&params) / params.key_heads;
                        let keys = page + keys_at() + of_head;
                        let values = page + values_at(&params) + of_head;
                        match params.products {
                            Compute::F32 => {
                                expected[keys + d * PAGE + slot] = key;
                                expected[values + slot * params.head_dim + d] = value;
                            }
                            Compute::Bf16 => {
                                let pair = &mut expected[keys + d / 2 * PAGE + slot];
                                put(pair, d % 2, key);
                                if d + 1 == params.head_dim {
                                    put(pair, 1, 0.0);
                                }
                                put(
                                    &mut expected[values + slot / 2 * params.head_dim + d],
                                    slot % 2,
                                    value,
                                );
                            }
                        }
                    }
                }
            }
            assert_eq!(bits(&fixture.storage), bits(&expected), "{params:?}, {pool:?}");
        }
    }
}

/// Sets the even (0) or odd (1) number of a pair that stands in a float.
fn put(pair: &mut f32, half: usize, x: f32) {
    let [even, odd] = [pair.to_bits() as u16, (pair.to_bits() >> 16) as u16];
    let x = naive::bf16::round(x);
    let joined =
        if half == 0 { naive::bf16::pair_bits(x, odd) } else { naive::bf16::pair_bits(even, x) };
    *pair = f32::from_bits(joined);
}
