//! Buffers that begin on a cache line, so that no vector crosses two, and that have huge pages where they are
//! large, so that there are fewer misses of the TLB.
//!
//! Where a vector is as long as a cache line (AVX-512), this saves a tenth of the time of a matrix product.

use std::{
    marker::PhantomData,
    ops::{Deref, DerefMut},
};

use bytemuck::{Pod, Zeroable};
use memmap2::MmapMut;

use crate::thread_pool::{DisjointSlices, ThreadPool};

/// Bytes from which a buffer is mapped by itself: two huge pages.
const MIN_MAPPED_BYTES: usize = 4 << 20;

/// A fixed number of elements, all zero at first.
#[derive(Debug)]
pub struct AlignedBuffer<T = f32> {
    storage: Storage,
    len: usize,
    element: PhantomData<T>,
}

#[derive(Debug)]
enum Storage {
    CacheLines(Vec<CacheLine>),
    MappedPages(MmapMut),
}

/// 64 bytes, which a processor loads together.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(64))]
struct CacheLine([u8; 64]);

impl<T: Pod> AlignedBuffer<T> {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        let bytes = len * size_of::<T>();
        let pages = if bytes < MIN_MAPPED_BYTES { None } else { MmapMut::map_anon(bytes).ok() };
        let storage = match pages {
            Some(pages) => {
                // Where the system has no huge pages, it uses small ones.
                #[cfg(target_os = "linux")]
                let _ = pages.advise(memmap2::Advice::HugePage);
                Storage::MappedPages(pages)
            }
            None => {
                Storage::CacheLines(bytemuck::zeroed_vec(bytes.div_ceil(size_of::<CacheLine>())))
            }
        };
        Self { storage, len, element: PhantomData }
    }
}

impl<T: Pod + Send> AlignedBuffer<T> {
    /// Writes zeros, so that page faults happen now and not while kernels run.
    pub fn prefault(&mut self, pool: &ThreadPool) {
        zero_fill(pool, self);
    }
}

/// Fills a slice with zeros on all threads.
pub fn zero_fill<T: Pod + Send>(pool: &ThreadPool, values: &mut [T]) {
    let len = values.len();
    let pieces = DisjointSlices::new(values);
    pool.for_each_range(len, 1 << 10, 1 << 16, &|range| {
        // SAFETY: each range is cut once.
        unsafe { pieces.range_mut(range) }.fill(T::zeroed());
    });
}

impl<T: Pod> Default for AlignedBuffer<T> {
    fn default() -> Self {
        Self { storage: Storage::CacheLines(Vec::new()), len: 0, element: PhantomData }
    }
}

impl<T: Pod> From<&[T]> for AlignedBuffer<T> {
    fn from(from: &[T]) -> Self {
        let mut buffer = Self::zeros(from.len());
        buffer.copy_from_slice(from);
        buffer
    }
}

impl<T: Pod> Clone for AlignedBuffer<T> {
    fn clone(&self) -> Self {
        Self::from(&**self)
    }
}

impl<T: Pod> Deref for AlignedBuffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        let all: &[T] = match &self.storage {
            Storage::CacheLines(lines) => bytemuck::cast_slice(lines),
            Storage::MappedPages(pages) => bytemuck::cast_slice(pages),
        };
        &all[..self.len]
    }
}

impl<T: Pod> DerefMut for AlignedBuffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        let all: &mut [T] = match &mut self.storage {
            Storage::CacheLines(lines) => bytemuck::cast_slice_mut(lines),
            Storage::MappedPages(pages) => bytemuck::cast_slice_mut(pages),
        };
        &mut all[..self.len]
    }
}
