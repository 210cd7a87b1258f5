//! Buffers of numbers: where they begin, and what they hold at first.

use lookback_kernels::aligned_buffer::AlignedBuffer;

#[test]
fn buffers_of_every_length_begin_on_a_line_and_hold_zeros() {
    for len in [0, 1, 15, 17, 4097, (4 << 20) / 4, (5 << 20) / 4 + 3] {
        let mut buffer = AlignedBuffer::<f32>::zeros(len);
        assert_eq!(buffer.len(), len);
        assert!(buffer.iter().all(|&x| x.to_bits() == 0));
        assert!(buffer.as_ptr().cast::<u8>().align_offset(64) == 0, "{len} floats");
        buffer.fill(2.5);
        let copy = buffer.clone();
        buffer.fill(1.0);
        assert!(copy.iter().all(|&x| x == 2.5) && copy.len() == len);
    }
}
