//! The layout of panels, element by element.

use super::{StorageType, blocks::Block};

/// Where packing ends for a type that [has no panels](StorageType::has_panels).
#[cold]
pub(crate) fn no_panels(storage: StorageType) -> ! {
    panic!("{} is not packed as it is stored", storage.name())
}

/// Panels of 64 columns as [`crate::stored`] reads them, element by element; the bytes of missing columns are
/// zeros.
pub fn pack<'r>(
    storage: StorageType,
    row: &dyn Fn(usize) -> &'r [u8],
    outputs: usize,
    inner: usize,
    panels: &mut [u32],
) {
    panels.fill(0);
    match storage {
        StorageType::Bf16 | StorageType::F16 => pack_halves(storage, row, outputs, inner, panels),
        _ if storage.is_quantised() => pack_blocks(storage, row, outputs, inner, panels),
        _ => no_panels(storage),
    }
}

/// Of bf16, a word has two steps of a column; of f16, two columns of a step.
fn pack_halves<'r>(
    storage: StorageType,
    row: &dyn Fn(usize) -> &'r [u8],
    outputs: usize,
    inner: usize,
    panels: &mut [u32],
) {
    let size = inner.div_ceil(32) * 16 * 64;
    for output in 0..outputs {
        let (row, column) = (row(output), output % 64);
        let panel = &mut panels[output / 64 * size..][..size];
        for (k, half) in row.as_chunks().0.iter().enumerate() {
            let half = u32::from(u16::from_le_bytes(*half));
            let (at, place) = match storage {
                StorageType::F16 => (32 * k + column / 2, column % 2),
                _ => (k / 2 * 64 + column, k % 2),
            };
            panel[at] |= half << (16 * place);
        }
    }
}

/// Words of a block of 64 columns, and where they are.
struct Layout {
    /// Steps of a group.
    group: usize,
    /// Low bits of a code, which are in words of their columns, and the others behind these words.
    low_bits: usize,
    high_bits: usize,
    /// Words before the first sub-block, before the first group of each, and of each group.
    head: usize,
    scales: usize,
    group_words: usize,
}

impl Layout {
    fn new(storage: StorageType) -> Self {
        let (low_bits, high_bits) = match storage {
            StorageType::Q8_0 => (8, 0),
            StorageType::Q2K => (2, 0),
            StorageType::Q3K => (2, 1),
            StorageType::Q5_0 | StorageType::Q5_1 | StorageType::Q5K => (4, 1),
            StorageType::Q6K => (4, 2),
            _ => (4, 0),
        };
        let group = 32 / low_bits;
        let scales = match storage {
            StorageType::Q4K | StorageType::Q5K => 2,
            _ if storage.block_len() > 32 || storage == StorageType::Mxfp4 => 1,
            _ => 0,
        };
        Self {
            group,
            low_bits,
            high_bits,
            head: 32 * storage.halves_at().len(),
            scales: 16 * scales,
            group_words: 64 + 2 * group * high_bits,
        }
    }

    fn sub_block_words(&self, storage: StorageType) -> usize {
        self.scales + storage.sub_block_len() / self.group * self.group_words
    }
}

fn pack_blocks<'r>(
    storage: StorageType,
    row: &dyn Fn(usize) -> &'r [u8],
    outputs: usize,
    inner: usize,
    panels: &mut [u32],
) {
    let layout = Layout::new(storage);
    let sub_len = storage.sub_block_len();
    let sub_words = layout.sub_block_words(storage);
    let block_words = layout.head + storage.block_len() / sub_len * sub_words;
    let size = inner / storage.block_len() * block_words;
    let missing = vec![0; storage.bytes(inner)];
    for output in 0..outputs.next_multiple_of(64) {
        let column = output % 64;
        let panel = &mut panels[output / 64 * size..][..size];
        let row = if output < outputs { row(output) } else { &missing };
        let blocks = row.chunks_exact(storage.block_bytes());
        for (bytes, to) in blocks.zip(panel.chunks_exact_mut(block_words)) {
            let block = Block::new(storage, bytes);
            let (head, to) = to.split_at_mut(layout.head);
            for (half, to) in block.halves.iter().zip(head.chunks_exact_mut(32)) {
                to[column / 2] |= u32::from(*half) << (16 * (column % 2));
            }
            for (n, to) in to.chunks_exact_mut(sub_words).enumerate() {
                let (scales, groups) = to.split_at_mut(layout.scales);
                for (bytes, to) in block.scales.iter().zip(scales.chunks_exact_mut(16)) {
                    to[column / 4] |= u32::from(bytes[n]) << (8 * (column % 4));
                }
                for i in 0..sub_len {
                    let group = &mut groups[i / layout.group * layout.group_words..];
                    write_code(&layout, storage, block.codes[n * sub_len + i], i, column, group);
                }
            }
        }
    }
}

/// Even steps of a group fill the lower half of a word, odd ones the upper; only bytes are in their order.
fn write_code(
    layout: &Layout,
    storage: StorageType,
    code: u8,
    step: usize,
    column: usize,
    group: &mut [u32],
) {
    let &Layout { low_bits, high_bits, .. } = layout;
    let n = step % layout.group;
    let place = if low_bits == 8 { n } else { n / 2 + layout.group / 2 * (n % 2) };
    // In two's complement.
    let code = u32::from(if storage == StorageType::Q6K { code ^ 32 } else { code });
    let low = code & ((1 << low_bits) - 1);
    group[column] |= low << (low_bits * place);
    if high_bits > 0 {
        // As many bits of each column as the group has steps and codes have high bits.
        let bit = column * layout.group * high_bits + high_bits * place;
        group[64 + bit / 32] |= code >> low_bits << (bit % 32);
    }
}
