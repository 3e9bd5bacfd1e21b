//! The Merkle tree of RFC 6962 §2.1 over SHA-256, and its proofs (RFC 6962 §2.1.1, §2.1.2; verification as RFC 9162 §2.1.3.2, §2.1.4.2).
//!
//! A subtree is named by its height (0 is a leaf) and its index along that height. Only every [`STRIDE`]th height is kept; what lies
//! between is computed from at most eight hashes, so that a leaf costs one row and a fifteenth.
use aws_lc_rs::digest::{Context, SHA256, digest};

/// A hash of the tree.
pub type Hash = [u8; 32];

/// Heights that are multiples of this are kept.
pub const STRIDE: u32 = 4;
/// A proof is never longer: the tree has fewer than 2^63 leaves.
pub const LONGEST_PROOF: usize = 64;

fn bytes(d: &aws_lc_rs::digest::Digest) -> Hash {
    let mut out = [0; 32];
    // SHA-256 gives 32 bytes.
    out.copy_from_slice(d.as_ref());
    out
}

/// SHA-256.
pub fn sha256(data: &[u8]) -> Hash {
    bytes(&digest(&SHA256, data))
}

/// Hash of a leaf: SHA-256(0x00 ‖ data).
pub fn leaf_hash(data: &[u8]) -> Hash {
    let mut c = Context::new(&SHA256);
    c.update(&[0]);
    c.update(data);
    bytes(&c.finish())
}

/// Hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut c = Context::new(&SHA256);
    c.update(&[1]);
    c.update(left);
    c.update(right);
    bytes(&c.finish())
}

/// The right edge of a tree that grows: the full subtrees it is made of, from left to right.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// Height and hash.
    peaks: Vec<(u32, Hash)>,
}

impl Frontier {
    /// The frontier of a tree of `size` leaves; `get` gives hashes of full subtrees by height and index.
    pub fn load<E>(size: u64, mut get: impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Self, E> {
        let heights = (0..u64::BITS).rev().filter(|h| size >> h & 1 == 1);
        let peaks = heights.map(|h| Ok((h, get(h, (size >> h) - 1)?))).collect::<Result<_, E>>()?;
        Ok(Self { size, peaks })
    }
    /// Leaves so far.
    pub fn size(&self) -> u64 {
        self.size
    }
    /// Appends a leaf's hash. `full` is told of every subtree that this leaf completes: height (from 1), index, hash.
    pub fn push(&mut self, leaf: Hash, mut full: impl FnMut(u32, u64, &Hash)) {
        let (mut height, mut hash) = (0, leaf);
        while let Some((h, left)) = self.peaks.last().copied()
            && h == height
        {
            self.peaks.pop();
            hash = node_hash(&left, &hash);
            height += 1;
            full(height, self.size >> height, &hash);
        }
        self.peaks.push((height, hash));
        self.size += 1;
    }
    /// The root (of an empty tree: SHA-256 of nothing).
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some((_, last)) = peaks.next() else { return sha256(&[]) };
        peaks.fold(*last, |right, (_, left)| node_hash(left, &right))
    }
}

/// The hash of a full subtree from what is kept: `kept` is asked for heights that are multiples of [`STRIDE`] only.
pub fn subtree<E>(height: u32, index: u64, kept: &mut dyn FnMut(u32, u64) -> Result<Hash, E>) -> Result<Hash, E> {
    if height.is_multiple_of(STRIDE) {
        return kept(height, index);
    }
    let left = subtree(height - 1, index * 2, kept)?;
    Ok(node_hash(&left, &subtree(height - 1, index * 2 + 1, kept)?))
}

/// Largest power of two smaller than `n` (`n` ≥ 2).
fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

type Get<'a, E> = &'a mut dyn FnMut(u32, u64) -> Result<Hash, E>;

/// Hash of the leaves `start..start + len`, where `start` is a multiple of the power of two at or above `len`.
fn range<E>(start: u64, len: u64, get: Get<'_, E>) -> Result<Hash, E> {
    if len.is_power_of_two() {
        let height = len.ilog2();
        return get(height, start >> height);
    }
    let k = split(len);
    let left = range(start, k, get)?;
    Ok(node_hash(&left, &range(start + k, len - k, get)?))
}

/// The proof that leaf `number` is in the tree of `size` leaves. None when it is not.
pub fn prove_inclusion<E>(
    number: u64,
    size: u64,
    get: &mut dyn FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Option<Vec<Hash>>, E> {
    if number >= size {
        return Ok(None);
    }
    let (mut start, mut len, mut path) = (0, size, Vec::new());
    while len > 1 {
        let k = split(len);
        if number - start < k {
            path.push(range(start + k, len - k, get)?);
            len = k;
        } else {
            path.push(range(start, k, get)?);
            (start, len) = (start + k, len - k);
        }
    }
    path.reverse();
    Ok(Some(path))
}

/// The proof that the tree of `old` leaves is a prefix of the tree of `size` leaves. None when `old` is 0 or greater than `size`.
pub fn prove_consistency<E>(
    old: u64,
    size: u64,
    get: &mut dyn FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Option<Vec<Hash>>, E> {
    if old == 0 || old > size {
        return Ok(None);
    }
    let (mut start, mut len, mut m, mut whole, mut path) = (0, size, old, true, Vec::new());
    while m < len {
        let k = split(len);
        if m <= k {
            path.push(range(start + k, len - k, get)?);
            len = k;
        } else {
            path.push(range(start, k, get)?);
            (start, len, m, whole) = (start + k, len - k, m - k, false);
        }
    }
    if !whole {
        path.push(range(start, len, get)?);
    }
    path.reverse();
    Ok(Some(path))
}

/// Does `proof` show that `leaf` is number `number` of the tree of `size` leaves with this root?
pub fn verify_inclusion(leaf: &Hash, number: u64, size: u64, root: &Hash, proof: &[Hash]) -> bool {
    if number >= size || proof.len() > LONGEST_PROOF {
        return false;
    }
    let (mut fnum, mut snum, mut r) = (number, size - 1, *leaf);
    for p in proof {
        if snum == 0 {
            return false;
        }
        if fnum & 1 == 1 || fnum == snum {
            r = node_hash(p, &r);
            while fnum & 1 == 0 && fnum != 0 {
                (fnum, snum) = (fnum >> 1, snum >> 1);
            }
        } else {
            r = node_hash(&r, p);
        }
        (fnum, snum) = (fnum >> 1, snum >> 1);
    }
    snum == 0 && r == *root
}

/// Does `proof` show that the tree of `old` leaves with root `old_root` is a prefix of the one of `size` leaves with root `root`?
pub fn verify_consistency(old: u64, old_root: &Hash, size: u64, root: &Hash, proof: &[Hash]) -> bool {
    if old == 0 || old > size || proof.len() > LONGEST_PROOF {
        return false;
    }
    if old == size {
        return proof.is_empty() && old_root == root;
    }
    let mut rest = proof.iter();
    let first = if old.is_power_of_two() { Some(old_root) } else { rest.next() };
    let Some(first) = first else { return false };
    let (mut fnum, mut snum) = (old - 1, size - 1);
    while fnum & 1 == 1 {
        (fnum, snum) = (fnum >> 1, snum >> 1);
    }
    let (mut fr, mut sr) = (*first, *first);
    for c in rest {
        if snum == 0 {
            return false;
        }
        if fnum & 1 == 1 || fnum == snum {
            fr = node_hash(c, &fr);
            sr = node_hash(c, &sr);
            while fnum & 1 == 0 && fnum != 0 {
                (fnum, snum) = (fnum >> 1, snum >> 1);
            }
        } else {
            sr = node_hash(&sr, c);
        }
        (fnum, snum) = (fnum >> 1, snum >> 1);
    }
    snum == 0 && fr == *old_root && sr == *root
}
