//! Gathering gives the rows themselves, from either form of a table, and scattering adds in order.

use crate::inputs::{KINDS, bits, numbers, pools};
use lookback_kernels::{
    embed::{Table, gather, scatter_add},
    matmul::{Panels, pack, panels_len},
    naive,
};

#[test]
fn every_path_equals_the_twin() {
    let indices: Vec<u32> = (0..300u32).map(|row| row * row % 97).collect();
    for pool in pools() {
        for (kind, width) in KINDS.iter().flat_map(|kind| [1, 16, 65, 130].map(|w| (*kind, w))) {
            let rows = numbers(kind, 97 * width, 1);
            let mut panels = vec![0.0; panels_len(97, width)];
            pack(&pool, &rows, 97, width, &mut panels);
            let packed = Panels { data: &panels, outputs: 97, inner: width };
            let [mut a, mut b] = [vec![0.0; 300 * width], vec![0.0; 300 * width]];
            gather(&pool, Table::Rows(&rows), width, &indices, &mut a);
            gather(&pool, Table::Panels(packed), width, &indices, &mut b);
            assert_eq!(bits(&a), bits(&b));
            let row = 25;
            assert_eq!(bits(&a[5 * width..6 * width]), bits(&rows[row * width..(row + 1) * width]));
            let [mut fast, mut slow] = [rows.clone(), rows.clone()];
            scatter_add(&pool, &a, width, &indices, &mut fast);
            naive::embed::scatter_add(&a, width, &indices, &mut slow);
            assert_eq!(bits(&fast), bits(&slow), "{kind:?} {width}");
        }
    }
}
