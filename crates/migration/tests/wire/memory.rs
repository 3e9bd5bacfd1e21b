//! Memory does not grow with a message: one of 30 MB goes from its source to a server.
use crate::played::Played;
use peak_alloc::PeakAlloc;
use sceau_migration::Error;
use sceau_migration::client::{Outcome, Taker};
use sceau_migration::flags::Flags;
use sceau_migration::import::{Counts, Plan, Refused, Witness, run};
use sceau_migration::journal::Journal;
use sceau_migration::source::{Folder, Item, Source};
use std::time::Duration;

#[global_allocator]
static PEAK: PeakAlloc = PeakAlloc;

struct Nobody;
impl Witness for Nobody {
    fn folder(&mut self, _: &str, _: &str, _: usize) {}
    fn step(&mut self, _: &Counts) {}
    fn left_out(&mut self, _: &str) {}
    fn refused(&mut self, _: &Refused) {}
    fn cut(&mut self, _: &Error, _: Duration) {}
}

/// A source of one message of so many pieces of 64 KiB.
struct Large(u64);
impl Source for Large {
    fn folders(&mut self) -> Result<Vec<Folder>, Error> {
        Ok(vec![Folder { levels: vec!["INBOX".into()], role: None, is_view: false, number: 0 }])
    }
    fn open(&mut self, _: &Folder) -> Result<Vec<Item>, Error> {
        let flags = Flags::default();
        Ok(vec![Item { id: "1".into(), lasting: true, size: None, date: None, flags, number: 0 }])
    }
    fn give(&mut self, _: &Item, taker: &mut dyn Taker) -> Result<Outcome, Error> {
        let piece = [b'x'; 65_536];
        taker.begin(self.0 * 65_536)?;
        for _ in 0..self.0 {
            taker.piece(&piece)?;
        }
        Ok(Outcome::Taken(self.0 * 65_536))
    }
}

#[test]
fn thirty_megabytes_take_no_more_room_than_one() {
    let to = Played::start();
    to.mail().forgets = true;
    let plan = Plan { login: to.login(), into: None, only: Vec::new(), dry_run: false };
    let bring = |pieces: u64| {
        PEAK.reset_peak_usage();
        let before = PEAK.current_usage();
        let counts = run(&mut Large(pieces), &plan, &mut Journal::none(), &mut Nobody).unwrap();
        assert_eq!((counts.brought, counts.bytes), (1, pieces * 65_536));
        PEAK.peak_usage() - before
    };
    // What is small is held while it is compared.
    let (small, large) = (bring(16), bring(480));
    assert!(large < small + (1 << 20), "{large} beside {small}");
}
