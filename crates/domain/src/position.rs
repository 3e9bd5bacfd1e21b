//! Where networks are, as far as a file of the operator says (F267): journeys that nothing makes so fast. Nobody is asked about an address.
//!
//! The file is CSV with a header that names `network`, `latitude` and `longitude` (degrees, WGS 84) among its columns; the others are passed over, so that
//! the block files of the usual providers serve as they are. A line without a position is none.
use crate::abuse::Network;
use std::fmt;
use std::io::{BufRead, Read};
use std::net::IpAddr;
use std::str::FromStr;

/// Most networks that are kept: 12 bytes each for IPv4, 16 for IPv6.
const MOST: usize = 5_000_000;
/// Longest line, bytes.
const LINE: u64 = 4_096;
/// Finest IPv6 network: what a subscriber has.
const FINEST: u8 = 64;
/// Mean radius of the Earth, kilometres (IUGG).
const EARTH: f64 = 6_371.0;

/// A position on the Earth, to a hundredth of a degree (a kilometre, or so).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// Hundredths of a degree to the north.
    latitude: i16,
    /// Hundredths of a degree to the east.
    longitude: i16,
}

/// Hundredths of a degree, when it is an angle up to `most` degrees.
fn hundredths(text: &str, most: f64) -> Option<i16> {
    let degrees: f64 = text.trim().parse().ok()?;
    // Within bounds it fits: 18,000 at most.
    (-most..=most).contains(&degrees).then(|| (degrees * 100.0).round() as i16)
}

impl Position {
    /// How far another one is, kilometres, along the surface.
    pub fn km_to(self, other: Self) -> f64 {
        let radians = |hundredths: i16| (f64::from(hundredths) / 100.0).to_radians();
        let (a, b) = (radians(self.latitude), radians(other.latitude));
        let half = |x: f64| (x / 2.0).sin().powi(2);
        let h = half(b - a) + a.cos() * b.cos() * half(radians(other.longitude) - radians(self.longitude));
        2.0 * EARTH * h.clamp(0.0, 1.0).sqrt().asin()
    }
}

impl fmt::Display for Position {
    /// As RFC 5870 writes it, without `geo:`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2},{:.2}", f64::from(self.latitude) / 100.0, f64::from(self.longitude) / 100.0)
    }
}

impl FromStr for Position {
    type Err = ();
    /// Two angles in degrees: to the north, to the east.
    fn from_str(s: &str) -> Result<Self, ()> {
        let (latitude, longitude) = s.split_once(',').ok_or(())?;
        let position = hundredths(latitude, 90.0).zip(hundredths(longitude, 180.0));
        position.map(|(latitude, longitude)| Self { latitude, longitude }).ok_or(())
    }
}

/// Is a journey faster than anything that carries people? `kilometres` within `milliseconds`, at most `speed` kilometres an hour.
pub fn too_fast(kilometres: f64, milliseconds: i64, speed: u32) -> bool {
    kilometres * 3_600_000.0 > f64::from(speed) * milliseconds.max(0) as f64
}

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum PositionsError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] std::io::Error),
    /// Its first line does not name the three columns.
    #[error("no columns network, latitude, longitude")]
    Columns,
    /// A line cannot be understood.
    #[error("line {0}")]
    Line(usize),
    /// More networks than are kept.
    #[error("more than {MOST} networks")]
    Many,
}

/// Positions of networks. `Debug` says how many there are.
#[derive(Default, Clone, PartialEq, Eq)]
pub struct Positions {
    /// By length, then by first address.
    v4: Vec<(u8, u32, Position)>,
    /// Likewise; the upper half of the address.
    v6: Vec<(u8, u64, Position)>,
}

impl fmt::Debug for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Positions").field("v4", &self.v4.len()).field("v6", &self.v6.len()).finish()
    }
}

/// The position of the longest network that holds an address.
fn longest<A: Ord + Copy>(all: &[(u8, A, Position)], most: u8, first: impl Fn(u8) -> A) -> Option<Position> {
    (0..=most).rev().find_map(|bits| {
        let wanted = (bits, first(bits));
        all.binary_search_by(|(bits, at, _)| (*bits, *at).cmp(&wanted)).ok().map(|found| all[found].2)
    })
}

impl Positions {
    /// Is nothing known?
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Where the smallest network is that holds this address.
    pub fn of(&self, ip: IpAddr) -> Option<Position> {
        match ip.to_canonical() {
            IpAddr::V4(v4) => {
                let first = |bits: u8| v4.to_bits() & u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
                longest(&self.v4, 32, first)
            }
            IpAddr::V6(v6) => {
                let upper = (v6.to_bits() >> 64) as u64;
                let first = |bits: u8| upper & u64::MAX.checked_shl(64 - u32::from(bits)).unwrap_or(0);
                longest(&self.v6, FINEST, first)
            }
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn read(mut file: impl BufRead) -> Result<Self, PositionsError> {
        let (mut found, mut line, mut number) = (Self::default(), String::new(), 0);
        let mut columns: Option<[usize; 3]> = None;
        loop {
            line.clear();
            number += 1;
            let read = file.by_ref().take(LINE).read_line(&mut line)?;
            if read == 0 {
                break;
            }
            if read as u64 == LINE {
                return Err(PositionsError::Line(number));
            }
            let text = line.trim().trim_start_matches('\u{feff}');
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let cells: Vec<&str> = text.split([',', ';']).map(|cell| cell.trim().trim_matches('"')).collect();
            let Some([network, latitude, longitude]) = columns else {
                let column = |name: &str| cells.iter().position(|cell| cell.eq_ignore_ascii_case(name));
                let named = [column("network"), column("latitude"), column("longitude")];
                let [Some(network), Some(latitude), Some(longitude)] = named else {
                    return Err(PositionsError::Columns);
                };
                columns = Some([network, latitude, longitude]);
                continue;
            };
            let cell = |at: usize| cells.get(at).copied().unwrap_or_default();
            if cell(latitude).is_empty() && cell(longitude).is_empty() {
                continue;
            }
            let position: Result<Position, ()> = format!("{},{}", cell(latitude), cell(longitude)).parse();
            let network: Result<Network, _> = cell(network).parse();
            let (Ok(network), Ok(position)) = (network, position) else { return Err(PositionsError::Line(number)) };
            if !found.keep(&network, position) {
                return Err(PositionsError::Line(number));
            }
            if found.v4.len() + found.v6.len() > MOST {
                return Err(PositionsError::Many);
            }
        }
        if columns.is_none() {
            return Err(PositionsError::Columns);
        }
        // The last line about a network counts.
        found.v4.reverse();
        found.v6.reverse();
        found.v4.sort_by_key(|(bits, at, _)| (*bits, *at));
        found.v6.sort_by_key(|(bits, at, _)| (*bits, *at));
        found.v4.dedup_by_key(|(bits, at, _)| (*bits, *at));
        found.v6.dedup_by_key(|(bits, at, _)| (*bits, *at));
        Ok(found)
    }

    /// False: a finer network than is kept.
    fn keep(&mut self, network: &Network, position: Position) -> bool {
        match network.first() {
            IpAddr::V4(at) => self.v4.push((network.bits(), at.to_bits(), position)),
            IpAddr::V6(_) if network.bits() > FINEST => return false,
            IpAddr::V6(at) => self.v6.push((network.bits(), (at.to_bits() >> 64) as u64, position)),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUEN: &str = "49.44,1.10";
    const BREST: &str = "48.39,-4.49";
    const REUNION: &str = "-20.88,55.45";

    fn at(s: &str) -> Position {
        s.parse().unwrap()
    }

    #[test]
    fn distances_are_those_of_the_map() {
        for (a, b, km) in
            [(ROUEN, BREST, 426.0), (ROUEN, REUNION, 9_430.0), ("0,179.99", "0,-179.99", 2.0), (ROUEN, ROUEN, 0.0)]
        {
            let found = at(a).km_to(at(b));
            assert!((found - km).abs() <= km / 50.0 + 0.5, "{a} {b}: {found}");
            assert!((at(b).km_to(at(a)) - found).abs() < 0.001);
        }
        for position in [ROUEN, BREST, REUNION, "90.00,-180.00", "0.00,0.00"] {
            assert_eq!(at(position).to_string(), position);
        }
        for bad in ["", "1", "91,0", "0,181", "a,b", "NaN,0", "inf,0"] {
            assert_eq!(bad.parse::<Position>(), Err(()), "{bad}");
        }
        assert!(too_fast(426.0, 0, 900) && too_fast(426.0, 1_000_000, 900), "at once, and in a quarter of an hour");
        assert!(!too_fast(426.0, 3_600_000, 900) && !too_fast(0.0, 0, 900), "in an hour; nowhere");
    }

    #[test]
    fn the_smallest_network_says_where_an_address_is() {
        let file = "\u{feff}# essai\nnetwork,geoname_id,latitude,longitude,accuracy_radius\n192.0.0.0/16,1,49.44,1.10,20\n\
                    192.0.2.0/24,2,48.39,-4.49,5\n192.0.2.128/25,3,,,\n2001:db8::/32,4,-20.88,55.45,100\n\"192.0.3.7/32\",5,1,1,1\n192.0.3.7/32,5,2,2,1\n";
        let positions = Positions::read(file.as_bytes()).unwrap();
        let of = |ip: &str| positions.of(ip.parse().unwrap()).map(|p| p.to_string());
        assert_eq!(of("192.0.200.1").as_deref(), Some(ROUEN));
        assert_eq!(of("192.0.2.200").as_deref(), Some(BREST), "a line without a position is none");
        assert_eq!(of("::ffff:192.0.2.1").as_deref(), Some(BREST));
        assert_eq!(of("2001:db8:1::1").as_deref(), Some(REUNION));
        assert_eq!(of("192.0.3.7").as_deref(), Some("2.00,2.00"), "the last one counts");
        assert_eq!((of("203.0.113.1"), of("2001:db9::1")), (None, None));
        assert_eq!(format!("{positions:?}"), "Positions { v4: 3, v6: 1 }");
        assert!(!positions.is_empty() && Positions::default().is_empty());
        let all = Positions::read("network;latitude;longitude\n0.0.0.0/0;1;1\n::/0;2;2\n".as_bytes()).unwrap();
        assert!(all.of("203.0.113.1".parse().unwrap()).is_some() && all.of("2001:db9::1".parse().unwrap()).is_some());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let read = |text: &str| Positions::read(text.as_bytes()).map_err(|e| e.to_string()).unwrap_err();
        assert_eq!(read(""), "no columns network, latitude, longitude");
        assert_eq!(read("192.0.2.0/24,1,1\n"), "no columns network, latitude, longitude");
        let header = "network,latitude,longitude";
        for line in ["192.0.2.1/24,1,1", "192.0.2.0/24,91,1", "192.0.2.0/24,1", "Rouen,1,1", "2001:db8::/96,1,1"] {
            assert_eq!(read(&format!("{header}\n\n{line}\n")), "line 3", "{line}");
        }
        assert_eq!(read(&format!("{header}\n{}\n", "x".repeat(5_000))), "line 2");
    }
}
