//! The memory allocator: mimalloc, called the short way, with a handful of buffers kept at hand.
//!
//! The one audited file with `unsafe` in it. Each call hands its arguments on; the promises of [`GlobalAlloc`] are kept
//! by mimalloc, whose plain functions align to 16 bytes. Its aligned ones, which serve the rest, cost several times as
//! much and are what its own Rust binding always calls. Blocks of one size, that of hyper's read buffers, come and go
//! twice with each request: each thread keeps some of those it is given back.

#![expect(unsafe_code, reason = "an allocator is called through an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ptr::null_mut;

use libmimalloc_sys::{
    mi_collect, mi_free, mi_malloc, mi_malloc_aligned, mi_realloc, mi_realloc_aligned, mi_zalloc, mi_zalloc_aligned,
};

/// What mimalloc aligns everything to.
const USUAL: usize = 16;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

struct Allocator;

/// Give what this thread has freed back to the system. mimalloc does so by itself when a page has been empty for a while,
/// but only looks while it is asked for something: a process that has become quiet would keep all it ever needed.
pub fn give_back() {
    // SAFETY: may be called at any time, from any thread.
    unsafe { mi_collect(true) }
}

/// Whether mimalloc aligns to `layout` anyway. It aligns blocks smaller than 16 bytes to their size only.
fn is_usual(layout: Layout) -> bool {
    layout.align() <= USUAL && layout.align() <= layout.size()
}

/// The size of a read buffer of hyper's.
const BUFFER: usize = 8192;

/// How many of them a thread keeps.
const KEPT: usize = 32;

/// Buffers given back to this thread and not used at the moment.
struct Kept {
    blocks: [Cell<*mut u8>; KEPT],
    count: Cell<usize>,
}

thread_local! {
    static BUFFERS: Kept = const { Kept { blocks: [const { Cell::new(null_mut()) }; KEPT], count: Cell::new(0) } };
}

impl Kept {
    #[inline]
    fn take(&self) -> Option<*mut u8> {
        let last = self.count.get().checked_sub(1)?;
        let block = self.blocks.get(last)?.get();
        self.count.set(last);
        Some(block)
    }

    /// False if there is no room for it.
    #[inline]
    fn keep(&self, block: *mut u8) -> bool {
        let count = self.count.get();
        let Some(place) = self.blocks.get(count) else {
            return false;
        };
        place.set(block);
        self.count.set(count + 1);
        true
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        while let Some(block) = self.take() {
            // SAFETY: `keep` is given blocks of this allocator that nobody uses, and `take` gives each out once.
            unsafe { mi_free(block.cast()) }
        }
    }
}

/// Whether a block is one of those that are kept: also its alignment must be that of bytes.
#[inline]
fn is_buffer(layout: Layout) -> bool {
    layout.size() == BUFFER && layout.align() == 1
}

// SAFETY: every function returns what mimalloc's function of the same meaning returns for the same size and alignment:
// null or a block of at least that size, so aligned, which lives until `mi_free`.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // While a thread ends its kept buffers are gone.
        if is_buffer(layout)
            && let Ok(Some(block)) = BUFFERS.try_with(Kept::take)
        {
            return block;
        }
        // SAFETY: any size and any power of two as alignment are valid arguments.
        let block = unsafe {
            if is_usual(layout) {
                mi_malloc(layout.size())
            } else {
                mi_malloc_aligned(layout.size(), layout.align())
            }
        };
        block.cast()
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        let block = unsafe {
            if is_usual(layout) {
                mi_zalloc(layout.size())
            } else {
                mi_zalloc_aligned(layout.size(), layout.align())
            }
        };
        block.cast()
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if is_buffer(layout) && BUFFERS.try_with(|kept| kept.keep(block)).unwrap_or(false) {
            return;
        }
        // SAFETY: the caller promises that `block` came from this allocator and is given back once.
        unsafe { mi_free(block.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as in `alloc` and `dealloc`. A block that shrinks below its alignment takes the aligned way.
        let block = unsafe {
            if layout.align() <= USUAL && layout.align() <= size {
                mi_realloc(block.cast(), size)
            } else {
                mi_realloc_aligned(block.cast(), size, layout.align())
            }
        };
        block.cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_given_back_is_handed_out_again_and_no_more_are_kept_than_there_is_room_for() {
        let buffer = Layout::from_size_align(BUFFER, 1).unwrap();
        // SAFETY: the layout is not empty; each block is given back once.
        unsafe {
            let blocks: Vec<_> = (0..KEPT + 8).map(|_| Allocator.alloc(buffer)).collect();
            let distinct: std::collections::HashSet<_> = blocks.iter().collect();
            assert_eq!(distinct.len(), KEPT + 8);
            blocks.iter().for_each(|block| Allocator.dealloc(*block, buffer));
            assert_eq!(BUFFERS.with(|kept| kept.count.get()), KEPT);
            let again = Allocator.alloc(buffer);
            assert!(blocks.contains(&again));
            Allocator.dealloc(again, buffer);
        }
    }

    #[test]
    fn every_block_is_aligned_as_asked_and_keeps_its_bytes() {
        for size in [1, 2, 3, 7, 8, 9, 15, 16, 17, 24, 100, 1024, 1025, 8192, 1 << 20] {
            for align in [1, 2, 4, 8, 16, 32, 64, 4096] {
                let layout = Layout::from_size_align(size, align).unwrap();
                // SAFETY: the layout is not empty; the block is written within its size and given back once.
                unsafe {
                    let block = Allocator.alloc(layout);
                    assert_eq!(block as usize % align, 0, "{size} {align}");
                    block.write_bytes(7, size);
                    let block = Allocator.realloc(block, layout, size * 2 + 1);
                    assert_eq!(block as usize % align, 0, "{size} {align} grown");
                    assert!((0..size).all(|at| *block.add(at) == 7));
                    Allocator.dealloc(block, Layout::from_size_align(size * 2 + 1, align).unwrap());
                    let zeroed = Allocator.alloc_zeroed(layout);
                    assert_eq!(zeroed as usize % align, 0, "{size} {align} zeroed");
                    assert!((0..size).all(|at| *zeroed.add(at) == 0));
                    Allocator.dealloc(zeroed, layout);
                }
            }
        }
    }
}
