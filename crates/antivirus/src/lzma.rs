//! The beginning of an LZMA stream, unpacked: what the headers of a 7-Zip archive are packed with (LZMA SDK, `lzma-specification`).
//!
//! Promises: no more comes out than was asked for, memory is that and some tens of kilobytes, whatever the stream says; a stream that is cut or makes no
//! sense gives what came before.

/// Literal contexts and positions that 7-Zip uses, together: lc + lp.
const CONTEXTS: u32 = 4;
/// A probability of one half.
const HALF: u16 = 1 << 10;
/// Distances below this slot have probabilities of their own for all their bits.
const MODELLED: u32 = 14;

/// Reads bits.
struct Range<'a> {
    input: std::slice::Iter<'a, u8>,
    range: u32,
    code: u32,
}

impl<'a> Range<'a> {
    fn new(packed: &'a [u8]) -> Option<Self> {
        let (first, rest) = packed.split_at_checked(5)?;
        let code = u32::from_be_bytes(first.get(1..)?.try_into().ok()?);
        (first[0] == 0).then(|| Self { input: rest.iter(), range: u32::MAX, code })
    }
    fn next(&mut self) -> Option<()> {
        if self.range < 1 << 24 {
            self.range <<= 8;
            self.code = (self.code << 8) | u32::from(*self.input.next()?);
        }
        Some(())
    }
    fn bit(&mut self, chance: &mut u16) -> Option<u32> {
        let bound = (self.range >> 11) * u32::from(*chance);
        let bit = if self.code < bound {
            self.range = bound;
            *chance += ((1 << 11) - *chance) >> 5;
            0
        } else {
            self.range -= bound;
            self.code -= bound;
            *chance -= *chance >> 5;
            1
        };
        self.next()?;
        Some(bit)
    }
    /// Bits of even chances, the high one first.
    fn plain(&mut self, bits: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..bits {
            self.range >>= 1;
            let bit = u32::from(self.code >= self.range);
            self.code -= self.range * bit;
            value = (value << 1) | bit;
            self.next()?;
        }
        Some(value)
    }
    /// A number of so many bits, each with a chance that depends on those before; the high one first.
    fn tree(&mut self, chances: &mut [u16], bits: u32) -> Option<u32> {
        let mut at = 1;
        for _ in 0..bits {
            at = (at << 1) | self.bit(chances.get_mut(at as usize)?)?;
        }
        Some(at - (1 << bits))
    }
    /// The low one first; `from`: where the chances begin.
    fn reversed(&mut self, chances: &mut [u16], from: usize, bits: u32) -> Option<u32> {
        let (mut at, mut value) = (1, 0);
        for i in 0..bits {
            let bit = self.bit(chances.get_mut(from + at as usize)?)?;
            at = (at << 1) | bit;
            value |= bit << i;
        }
        Some(value)
    }
}

/// Lengths of matches, less two.
struct Lengths {
    choice: [u16; 2],
    low: [[u16; 8]; 16],
    middle: [[u16; 8]; 16],
    high: [u16; 256],
}

impl Lengths {
    fn new() -> Self {
        Self { choice: [HALF; 2], low: [[HALF; 8]; 16], middle: [[HALF; 8]; 16], high: [HALF; 256] }
    }
    fn read(&mut self, range: &mut Range<'_>, place: usize) -> Option<u32> {
        if range.bit(&mut self.choice[0])? == 0 {
            return range.tree(&mut self.low[place & 15], 3);
        }
        if range.bit(&mut self.choice[1])? == 0 {
            return range.tree(&mut self.middle[place & 15], 3).map(|n| n + 8);
        }
        range.tree(&mut self.high, 8).map(|n| n + 16)
    }
}

/// All that was learnt.
struct Model {
    lc: u32,
    lp: u32,
    pb: u32,
    literals: Vec<u16>,
    matches: [[u16; 16]; 12],
    again: [[u16; 12]; 4],
    long: [[u16; 16]; 12],
    slots: [[u16; 64]; 4],
    special: [u16; 128],
    align: [u16; 16],
    lengths: Lengths,
    lengths_again: Lengths,
}

impl Model {
    /// From the properties' first byte.
    fn new(properties: u8) -> Option<Self> {
        let n = u32::from(properties);
        let (lc, lp, pb) = (n % 9, n / 9 % 5, n / 45);
        (pb <= 4 && lc + lp <= CONTEXTS).then(|| Self {
            lc,
            lp,
            pb,
            literals: vec![HALF; 0x300 << (lc + lp)],
            matches: [[HALF; 16]; 12],
            again: [[HALF; 12]; 4],
            long: [[HALF; 16]; 12],
            slots: [[HALF; 64]; 4],
            special: [HALF; 128],
            align: [HALF; 16],
            lengths: Lengths::new(),
            lengths_again: Lengths::new(),
        })
    }

    fn literal(&mut self, range: &mut Range<'_>, out: &[u8], matched: Option<u8>) -> Option<u8> {
        let before = u32::from(out.last().copied().unwrap_or(0));
        let place = out.len() as u32 & ((1 << self.lp) - 1);
        let context = (place << self.lc) + (before >> (8 - self.lc));
        let chances = self.literals.get_mut(0x300 * context as usize..)?;
        let mut symbol = 1_u32;
        if let Some(matched) = matched {
            let mut matched = u32::from(matched);
            while symbol < 0x100 {
                let expected = (matched >> 7) & 1;
                matched <<= 1;
                let bit = range.bit(chances.get_mut((((1 + expected) << 8) + symbol) as usize)?)?;
                symbol = (symbol << 1) | bit;
                if bit != expected {
                    break;
                }
            }
        }
        while symbol < 0x100 {
            symbol = (symbol << 1) | range.bit(chances.get_mut(symbol as usize)?)?;
        }
        // Its low eight bits.
        Some(symbol as u8)
    }

    fn distance(&mut self, range: &mut Range<'_>, length: u32) -> Option<u32> {
        let slot = range.tree(&mut self.slots[length.min(3) as usize], 6)?;
        if slot < 4 {
            return Some(slot);
        }
        let bits = (slot >> 1) - 1;
        let base = (2 | (slot & 1)) << bits;
        if slot < MODELLED {
            return range.reversed(&mut self.special, (base - slot) as usize, bits).map(|n| base + n);
        }
        let high = range.plain(bits - 4)? << 4;
        range.reversed(&mut self.align, 0, 4).map(|low| base.wrapping_add(high).wrapping_add(low))
    }
}

/// The first `most` bytes of what was packed; less when the stream ends, is cut or makes no sense. `properties`: the coder's (five bytes).
pub fn beginning(properties: &[u8], packed: &[u8], most: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let _ = unpack(properties, packed, most, &mut out);
    out
}

fn unpack(properties: &[u8], packed: &[u8], most: usize, out: &mut Vec<u8>) -> Option<()> {
    let mut model = Model::new(*properties.first()?)?;
    let mut range = Range::new(packed)?;
    let (mut state, mut distances) = (0_usize, [0_u32; 4]);
    while out.len() < most {
        let place = out.len() & ((1 << model.pb) - 1);
        // A byte of what came before, so far back; none beyond the beginning.
        let back = |out: &[u8], distance: u32| out.len().checked_sub(distance as usize + 1).map(|at| out[at]);
        if range.bit(&mut model.matches[state][place])? == 0 {
            let matched = if state >= 7 { Some(back(out, distances[0])?) } else { None };
            let byte = model.literal(&mut range, out, matched)?;
            out.push(byte);
            state = state.saturating_sub(if state < 10 { 3 } else { 6 });
            continue;
        }
        let length = if range.bit(&mut model.again[0][state])? == 0 {
            let length = model.lengths.read(&mut range, place)?;
            let distance = model.distance(&mut range, length)?;
            distances = [distance, distances[0], distances[1], distances[2]];
            // The mark of the end.
            if distance == u32::MAX {
                return Some(());
            }
            state = if state < 7 { 7 } else { 10 };
            length
        } else {
            if range.bit(&mut model.again[1][state])? == 0 {
                if range.bit(&mut model.long[state][place])? == 0 {
                    out.push(back(out, distances[0])?);
                    state = if state < 7 { 9 } else { 11 };
                    continue;
                }
            } else {
                let which = match range.bit(&mut model.again[2][state])? {
                    0 => 1,
                    _ => 2 + range.bit(&mut model.again[3][state])? as usize,
                };
                distances[..=which].rotate_right(1);
            }
            let length = model.lengths_again.read(&mut range, place)?;
            state = if state < 7 { 8 } else { 11 };
            length
        };
        for _ in 0..length + 2 {
            if out.len() >= most {
                break;
            }
            out.push(back(out, distances[0])?);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `0123456789` forty times, then 200 zeros, then `fin`: as another program packed it (lc 3, lp 0, pb 2, without a mark of the end).
    const PACKED: &str = "00180c42926a67bc0ed13334123b0ad24d36a414f851e2c722ffffc6640000";

    #[test]
    fn what_another_program_packed_comes_out() {
        let packed = hex(PACKED);
        let all = [b"0123456789".repeat(40), vec![0; 200], b"fin".to_vec()].concat();
        assert_eq!(beginning(&[93, 0, 0, 1, 0], &packed, all.len()), all);
        for most in [0, 1, 10, 11, 300, 602] {
            assert_eq!(beginning(&[93, 0, 0, 1, 0], &packed, most), all[..most], "{most}");
        }
        // Cut anywhere: what came before.
        for end in 0..packed.len() {
            let some = beginning(&[93, 0, 0, 1, 0], &packed[..end], all.len());
            assert_eq!(some, all[..some.len()], "{end}");
        }
        assert!(beginning(&[], &packed, 10).is_empty() && beginning(&[225, 0, 0, 1, 0], &packed, 10).is_empty());
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn no_stream_breaks_it(properties in 0u8..=225, mut packed in proptest::collection::vec(any::<u8>(), 0..600)) {
            if let Some(first) = packed.first_mut() {
                *first = 0;
            }
            prop_assert!(beginning(&[properties, 0, 0, 1, 0], &packed, 5_000).len() <= 5_000);
        }
    }
}
