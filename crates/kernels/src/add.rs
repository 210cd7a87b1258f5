//! Sums of two tensors.

use crate::team::{Pieces, Team};

/// Elements that are worth a thread of their own.
const LEAST: usize = 64 * 1024;

/// out = x + y
pub fn add(team: &Team, x: &[f32], y: &[f32], out: &mut [f32]) {
    let len = x.len();
    let out = Pieces::new(out);
    team.split(len, 16, LEAST, &|range| {
        // SAFETY: each range is cut once.
        let out = unsafe { out.piece(range.clone()) };
        for ((out, x), y) in out.iter_mut().zip(&x[range.clone()]).zip(&y[range]) {
            *out = x + y;
        }
    });
}

/// to = to + x
pub fn add_to(team: &Team, x: &[f32], to: &mut [f32]) {
    let len = x.len();
    let to = Pieces::new(to);
    team.split(len, 16, LEAST, &|range| {
        // SAFETY: each range is cut once.
        let to = unsafe { to.piece(range.clone()) };
        for (to, x) in to.iter_mut().zip(&x[range]) {
            *to += x;
        }
    });
}
