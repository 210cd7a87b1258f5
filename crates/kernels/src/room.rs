//! Memory as kernels read it fastest: it begins on a cache line, so that no vector lies across two,
//! and where there is much of it, in large pages, so that fewer addresses have to be looked up.
//!
//! On a processor whose vectors are as long as its lines this is worth a tenth of a matrix product.

use std::{
    marker::PhantomData,
    ops::{Deref, DerefMut},
};

use bytemuck::{Pod, Zeroable};
use memmap2::MmapMut;

use crate::team::{Pieces, Team};

/// Bytes from which a room has pages of its own: two large ones.
const MANY: usize = 4 << 20;

/// A number of numbers, all zero at first.
#[derive(Debug)]
pub struct Room<T = f32> {
    held: Held,
    len: usize,
    of: PhantomData<T>,
}

#[derive(Debug)]
enum Held {
    Lines(Vec<Line>),
    Pages(MmapMut),
}

/// What a processor fetches at once.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([u8; 64]);

impl<T: Pod> Room<T> {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        let bytes = len * size_of::<T>();
        let pages = if bytes < MANY { None } else { MmapMut::map_anon(bytes).ok() };
        let held = match pages {
            Some(pages) => {
                // Where the system has no large pages, small ones do.
                #[cfg(target_os = "linux")]
                let _ = pages.advise(memmap2::Advice::HugePage);
                Held::Pages(pages)
            }
            None => Held::Lines(bytemuck::zeroed_vec(bytes.div_ceil(size_of::<Line>()))),
        };
        Self { held, len, of: PhantomData }
    }
}

impl<T: Pod + Send> Room<T> {
    /// Writes zeros, so that the system finds the memory now and not in the midst of the work: a page
    /// that is first touched costs far more than one that is written again.
    pub fn touch(&mut self, team: &Team) {
        clear(team, self);
    }
}

/// Writes zeros on all threads.
pub fn clear<T: Pod + Send>(team: &Team, to: &mut [T]) {
    let len = to.len();
    let pieces = Pieces::new(to);
    team.split(len, 1 << 10, 1 << 16, &|range| {
        // SAFETY: each range is cut once.
        unsafe { pieces.piece(range) }.fill(T::zeroed());
    });
}

impl<T: Pod> Default for Room<T> {
    fn default() -> Self {
        Self { held: Held::Lines(Vec::new()), len: 0, of: PhantomData }
    }
}

impl<T: Pod> From<&[T]> for Room<T> {
    fn from(from: &[T]) -> Self {
        let mut room = Self::zeros(from.len());
        room.copy_from_slice(from);
        room
    }
}

impl<T: Pod> Clone for Room<T> {
    fn clone(&self) -> Self {
        Self::from(&**self)
    }
}

impl<T: Pod> Deref for Room<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        let all: &[T] = match &self.held {
            Held::Lines(lines) => bytemuck::cast_slice(lines),
            Held::Pages(pages) => bytemuck::cast_slice(pages),
        };
        &all[..self.len]
    }
}

impl<T: Pod> DerefMut for Room<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        let all: &mut [T] = match &mut self.held {
            Held::Lines(lines) => bytemuck::cast_slice_mut(lines),
            Held::Pages(pages) => bytemuck::cast_slice_mut(pages),
        };
        &mut all[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::Room;

    #[test]
    fn rooms_of_every_length_begin_on_a_line_and_hold_zeros() {
        for len in [0, 1, 15, 17, 4097, (4 << 20) / 4, (5 << 20) / 4 + 3] {
            let mut room = Room::<f32>::zeros(len);
            assert_eq!(room.len(), len);
            assert!(room.iter().all(|&x| x.to_bits() == 0));
            assert!(room.as_ptr().cast::<u8>().align_offset(64) == 0, "{len} floats");
            room.fill(2.5);
            let copy = room.clone();
            room.fill(1.0);
            assert!(copy.iter().all(|&x| x == 2.5) && copy.len() == len);
        }
    }
}
