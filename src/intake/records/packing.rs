//! Packing: integers to bytes of fixed width, and back.

/// Writer of fixed-width, little-endian integers: the bytes, and the position in them.
///
/// `i48` clamps a number that does not fit; the others keep its low bits.
pub struct Packer<'a>(pub &'a mut [u8], pub usize);

impl Packer<'_> {
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0[self.1..self.1 + bytes.len()].copy_from_slice(bytes);
        self.1 += bytes.len();
    }

    /// Writes the low 96 bits.
    pub fn u96(&mut self, n: u128) {
        self.bytes(&n.to_le_bytes()[..12]);
    }

    pub fn u32(&mut self, n: u32) {
        self.bytes(&n.to_le_bytes());
    }

    pub fn u64(&mut self, n: u64) {
        self.bytes(&n.to_le_bytes());
    }

    /// Writes the low 48 bits.
    pub fn u48(&mut self, n: u64) {
        self.bytes(&n.to_le_bytes()[..6]);
    }

    pub fn u8(&mut self, n: u8) {
        self.bytes(&[n]);
    }

    /// Writes a number, clamped to 48 bits.
    pub fn i48(&mut self, n: i64) {
        const MOST: i64 = (1 << 47) - 1;
        self.bytes(&n.clamp(-MOST - 1, MOST).to_le_bytes()[..6]);
    }
}

/// Reader of integers that a [`Packer`] wrote, in the same order.
pub struct Unpacker<'a>(pub &'a [u8], pub usize);

impl Unpacker<'_> {
    fn take<const N: usize>(&mut self, length: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes[..length].copy_from_slice(&self.0[self.1..self.1 + length]);
        self.1 += length;
        bytes
    }

    pub fn u96(&mut self) -> u128 {
        u128::from_le_bytes(self.take(12))
    }

    pub fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4))
    }

    pub fn u48(&mut self) -> u64 {
        u64::from_le_bytes(self.take(6))
    }

    pub fn u8(&mut self) -> u8 {
        u8::from_le_bytes(self.take(1))
    }

    pub fn i48(&mut self) -> i64 {
        (i64::from_le_bytes(self.take(6)) << 16) >> 16
    }
}
