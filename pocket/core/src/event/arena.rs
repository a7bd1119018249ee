//! Memory of an event that is told to others: made once, read, and freed as a whole.

use std::ptr;

use parking_lot::Mutex;

use crate::text::allocate;

/// How much is asked for at once, with what malloc keeps beside it. An event of a leg takes three.
const CHUNK: usize = 4096 - 32;
/// Where everything begins; a header is made of pointers and numbers.
const ALIGNMENT: usize = align_of::<u64>();

/// What stands in front of a chunk: the one that was filled before it.
#[repr(C)]
struct Chunk {
    before: *mut Chunk,
    /// In bytes, with this.
    size: usize,
}

/// Chunks of arenas that are gone, for the next: who makes an event and who throws it away are
/// different threads, and would meet in malloc. Half a megabyte of them at most.
struct Spare(Vec<*mut Chunk>);

// SAFETY: whoever takes a chunk out is the only one that has it.
unsafe impl Send for Spare {}

static SPARE: Mutex<Spare> = Mutex::new(Spare(Vec::new()));
const SPARES: usize = 128;

/// A chunk of the ordinary size.
fn chunk() -> *mut Chunk {
    let spare = SPARE.lock().0.pop();
    spare.unwrap_or_else(|| allocate(CHUNK).cast())
}

/// Pieces of memory that live as long as this does.
pub(super) struct Arena {
    chunk: *mut Chunk,
    /// How much of the chunk is taken, and how large it is, in bytes.
    taken: usize,
    size: usize,
}

impl Arena {
    pub(super) const fn new() -> Self {
        Self {
            chunk: ptr::null_mut(),
            taken: 0,
            size: 0,
        }
    }

    /// A piece of that many bytes, not written to yet, aligned as a header is.
    pub(super) fn take(&mut self, bytes: usize) -> *mut u8 {
        let bytes = bytes.next_multiple_of(ALIGNMENT);
        if self.chunk.is_null() || self.size - self.taken < bytes {
            let size = CHUNK.max(size_of::<Chunk>() + bytes);
            let chunk: *mut Chunk = if size == CHUNK {
                chunk()
            } else {
                allocate(size).cast()
            };
            // SAFETY: a block that nobody else has, larger than what stands in front.
            unsafe {
                chunk.write(Chunk {
                    before: self.chunk,
                    size,
                });
            }
            (self.chunk, self.taken, self.size) = (chunk, size_of::<Chunk>(), size);
        }
        // SAFETY: the chunk has that many bytes left.
        let piece = unsafe { self.chunk.cast::<u8>().add(self.taken) };
        self.taken += bytes;
        piece
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        let mut next = self.chunk;
        if next.is_null() {
            return;
        }
        let mut spare = SPARE.lock();
        while !next.is_null() {
            // SAFETY: each chunk is from malloc, and kept or freed once; who has pieces of it
            // has given them up with the arena.
            unsafe {
                let chunk = next;
                next = (*chunk).before;
                if (*chunk).size == CHUNK && spare.0.len() < SPARES {
                    spare.0.push(chunk);
                } else {
                    libc::free(chunk.cast());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_size_lie_apart() {
        let mut arena = Arena::new();
        let sizes = [1, 8, 100, CHUNK - 8, CHUNK, 3 * CHUNK, 1, 5000, 64];
        let pieces: Vec<_> = (1u8..)
            .zip(sizes)
            .map(|(mark, size)| {
                let piece = arena.take(size);
                assert!(piece.addr().is_multiple_of(ALIGNMENT));
                // SAFETY: so many bytes were asked for.
                unsafe { piece.write_bytes(mark, size) };
                (mark, size, piece)
            })
            .collect();
        for (mark, size, piece) in pieces {
            // SAFETY: written above, and the arena lives.
            let bytes = unsafe { std::slice::from_raw_parts(piece, size) };
            assert!(bytes.iter().all(|byte| *byte == mark));
        }
    }
}
