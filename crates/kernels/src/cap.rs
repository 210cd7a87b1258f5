//! A soft bound of logits (Gemma Team 2024, section 2), in place, with its gradient.
//!
//! ```text
//! y = cap · tanh(x / cap);  dx = dy · (1 − (y / cap)²)
//! ```

use crate::{
    lanes::{Kernel, LANES, Lanes},
    math::exp_lanes,
    team::{Pieces, Team},
};

/// Elements that are worth a thread of their own.
const LEAST: usize = 8 * 1024;

/// In place of each number, the bounded one.
pub fn forward(team: &Team, cap: f32, x: &mut [f32]) {
    let len = x.len();
    let x = Pieces::new(x);
    team.split(len, LANES, LEAST, &|range| {
        // SAFETY: each range is cut once.
        let x = unsafe { x.piece(range) };
        team.path().run(Forward { cap, x });
    });
}

/// In place of the gradient of what was bounded, `y`, that of what entered.
pub fn backward(team: &Team, cap: f32, y: &[f32], dy: &mut [f32]) {
    let dy = Pieces::new(dy);
    team.split(y.len(), LANES, LEAST, &|range| {
        // SAFETY: each range is cut once.
        let dy = unsafe { dy.piece(range.clone()) };
        team.path().run(Backward { cap, y: &y[range], dy });
    });
}

struct Forward<'a> {
    cap: f32,
    x: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, on: L) {
        let (cap, twice) = (on.splat(self.cap), on.splat(2.0 * self.cap));
        let (inverse, one) = (on.splat(2.0 / self.cap), on.splat(1.0));
        for x in self.x.chunks_mut(LANES) {
            let grown = on.add(one, exp_lanes(on, on.mul(on.load_some(x), inverse)));
            on.store_some(on.sub(cap, on.div(twice, grown)), x);
        }
    }
}

struct Backward<'a> {
    cap: f32,
    y: &'a [f32],
    dy: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, on: L) {
        let (inverse, one) = (on.splat(1.0 / self.cap), on.splat(1.0));
        for (y, dy) in self.y.chunks(LANES).zip(self.dy.chunks_mut(LANES)) {
            let share = on.mul(on.load_some(y), inverse);
            let slope = on.fma(on.mul(share, on.splat(-1.0)), share, one);
            on.store_some(on.mul(on.load_some(dy), slope), dy);
        }
    }
}
