//! The layout of panels, element by element.

use super::StorageType;

/// Where packing ends for a type that [has no panels](StorageType::has_panels).
#[cold]
pub(crate) fn no_panels(storage: StorageType) -> ! {
    panic!("{} is not packed as it is stored", storage.name())
}

/// Panels of 64 columns as [`crate::stored`] reads them, element by element; what is missing is zero.
pub fn pack<'r>(
    storage: StorageType,
    row: &dyn Fn(usize) -> &'r [u8],
    outputs: usize,
    inner: usize,
    panels: &mut [u32],
) {
    panels.fill(0);
    // Halves at the front of a block, words in all, and elements in a word; of F16, a word has two columns.
    let (halves, block, together) = match storage {
        StorageType::Bf16 => (0, 16 * 64, 2),
        StorageType::F16 => (0, 32 * 32, 0),
        StorageType::Q8_0 => (1, 32 + 8 * 64, 4),
        StorageType::Q4_0 => (1, 32 + 4 * 64, 8),
        StorageType::Q4_1 => (2, 64 + 4 * 64, 8),
        _ => no_panels(storage),
    };
    let size = inner.div_ceil(32) * block;
    for output in 0..outputs {
        let (row, column) = (row(output), output % 64);
        let panel = &mut panels[output / 64 * size..][..size];
        let two = |at: usize| u32::from(u16::from_le_bytes([row[at], row[at + 1]]));
        for k in 0..inner {
            let (first, i) = (k / 32 * block, k % 32);
            let file = k / 32 * storage.bytes(32);
            for half in 0..halves {
                // Of 64 columns, two a word. All 32 elements write the same.
                let at = first + 32 * half + column / 2;
                panel[at] |= two(file + 2 * half) << (16 * (column % 2));
            }
            let quants = file + 2 * halves;
            let value = match together {
                0 | 2 => two(file + 2 * i),
                4 => u32::from(row[quants + i]),
                _ => u32::from(row[quants + i % 16] >> (4 * (i / 16)) & 15),
            };
            if storage == StorageType::F16 {
                panel[first + 32 * i + column / 2] |= value << (16 * (column % 2));
            } else {
                let at = first + 32 * halves + i / together * 64 + column;
                let n = i % together;
                // The even ones of eight nibbles fill the lower half of a word, the odd ones the upper.
                let place = if together == 8 { n / 2 + 4 * (n % 2) } else { n };
                panel[at] |= value << (32 / together * place);
            }
        }
    }
}
