//! What the fuzzer of stored weights in `fuzz/` holds true of any bytes, held of where it begins and of
//! every case that it ever found.

#[path = "../../../../fuzz/src/hold.rs"]
mod hold;
mod quantised;

use hold::hold;

#[test]
fn stored_weights_give_the_bits_of_their_copies() {
    hold("quantised", quantised::seeds(), quantised::check);
}
