//! The tree against `ct-merkle`, an implementation of RFC 6962 by other hands: same roots, proofs that verify both ways.
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use proptest::prelude::*;
use sceau_notary::tree::{
    Frontier, Hash, STRIDE, leaf_hash, prove_consistency, prove_inclusion, subtree, verify_consistency,
    verify_inclusion,
};
use sha2::Sha256;
use std::collections::HashMap;

type Oracle = MemoryBackedTree<Sha256, Vec<u8>>;

/// What a store keeps of a log: leaves, and every [`STRIDE`]th height.
#[derive(Default)]
struct Kept {
    frontier: Frontier,
    hashes: HashMap<(u32, u64), Hash>,
}

impl Kept {
    fn push(&mut self, data: &[u8]) {
        let leaf = leaf_hash(data);
        self.hashes.insert((0, self.frontier.size()), leaf);
        let hashes = &mut self.hashes;
        self.frontier.push(leaf, |height, index, hash| {
            if height.is_multiple_of(STRIDE) {
                hashes.insert((height, index), *hash);
            }
        });
    }
    fn get(&self) -> impl FnMut(u32, u64) -> Result<Hash, (u32, u64)> + '_ {
        |h, i| subtree(h, i, &mut |h, i| self.hashes.get(&(h, i)).copied().ok_or((h, i)))
    }
}

fn both(leaves: &[Vec<u8>]) -> (Kept, Oracle) {
    let (mut ours, mut theirs) = (Kept::default(), Oracle::new());
    for leaf in leaves {
        ours.push(leaf);
        theirs.push(leaf.clone());
    }
    (ours, theirs)
}

fn theirs_root(root: &Hash, size: u64) -> RootHash<Sha256> {
    RootHash::new((*root).into(), size)
}

fn joined(proof: &[Hash]) -> Vec<u8> {
    proof.concat()
}

fn split(bytes: &[u8]) -> Vec<Hash> {
    bytes.chunks(32).map(|c| c.try_into().unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn roots_and_inclusion_proofs_agree(leaves in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 1..150), pick in any::<prop::sample::Index>()) {
        let (ours, theirs) = both(&leaves);
        let (size, number) = (leaves.len() as u64, pick.index(leaves.len()));
        let root = ours.frontier.root();
        prop_assert!(root[..] == theirs.root().as_bytes()[..]);
        prop_assert_eq!(&Frontier::load(size, ours.get()).unwrap(), &ours.frontier);
        // Ours, judged by both.
        let proof = prove_inclusion(number as u64, size, &mut ours.get()).unwrap().unwrap();
        let leaf = leaf_hash(&leaves[number]);
        prop_assert!(verify_inclusion(&leaf, number as u64, size, &root, &proof));
        let shown = InclusionProof::<Sha256>::try_from_bytes(joined(&proof)).unwrap();
        prop_assert!(theirs_root(&root, size).verify_inclusion(&leaves[number], number as u64, &shown).is_ok());
        // Theirs, judged by us.
        prop_assert_eq!(&split(theirs.prove_inclusion(number).as_bytes()), &proof);
        // Wrong in any way: refused.
        for i in 0..proof.len() {
            let mut bad = proof.clone();
            bad[i][7] ^= 1;
            prop_assert!(!verify_inclusion(&leaf, number as u64, size, &root, &bad));
            prop_assert!(!verify_inclusion(&leaf, number as u64, size, &root, &proof[..i]));
        }
        let other = (number as u64 + 1) % size;
        prop_assert!(size == 1 || leaves[other as usize] == leaves[number] || !verify_inclusion(&leaf, other, size, &root, &proof));
        prop_assert!(!verify_inclusion(&leaf, size, size, &root, &proof));
        prop_assert!(!verify_inclusion(&leaf_hash(b"never"), number as u64, size, &root, &proof));
    }

    #[test]
    fn consistency_proofs_agree(leaves in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..8), 2..150), pick in any::<prop::sample::Index>()) {
        let old = pick.index(leaves.len() - 1) + 1;
        let ((before, _), (ours, theirs)) = (both(&leaves[..old]), both(&leaves));
        let (old_root, root, size) = (before.frontier.root(), ours.frontier.root(), leaves.len() as u64);
        let proof = prove_consistency(old as u64, size, &mut ours.get()).unwrap().unwrap();
        prop_assert!(verify_consistency(old as u64, &old_root, size, &root, &proof));
        let shown = ConsistencyProof::<Sha256>::try_from_bytes(joined(&proof)).unwrap();
        prop_assert!(theirs_root(&root, size).verify_consistency(&theirs_root(&old_root, old as u64), &shown).is_ok());
        prop_assert_eq!(&split(theirs.prove_consistency(leaves.len() - old).as_bytes()), &proof);
        let mut other_root = old_root;
        other_root[0] ^= 1;
        prop_assert!(!verify_consistency(old as u64, &other_root, size, &root, &proof));
        for i in 0..proof.len() {
            let mut bad = proof.clone();
            bad[i][31] ^= 1;
            prop_assert!(!verify_consistency(old as u64, &old_root, size, &root, &bad));
            prop_assert!(!verify_consistency(old as u64, &old_root, size, &root, &proof[..i]));
        }
    }
}

#[test]
fn edges() {
    let (ours, _) = both(&[vec![1], vec![2], vec![3]]);
    assert_eq!(prove_inclusion(3, 3, &mut ours.get()), Ok(None));
    assert_eq!(prove_consistency(0, 3, &mut ours.get()), Ok(None));
    assert_eq!(prove_consistency(4, 3, &mut ours.get()), Ok(None));
    assert_eq!(prove_consistency(3, 3, &mut ours.get()), Ok(Some(vec![])));
    let root = ours.frontier.root();
    assert!(verify_consistency(3, &root, 3, &root, &[]));
    assert!(!verify_consistency(3, &root, 3, &root, &[root]) && !verify_consistency(0, &root, 3, &root, &[]));
    // RFC 6962 §2.1: the hash of an empty list is SHA-256 of nothing.
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Frontier::default().root().map(|b| format!("{b:02x}")).concat(), empty);
}
