//! Lists as windows: against what a mail program sees of the same folder.
use super::{ANNE, House, SERVICE};
use sceau_domain::Timestamp;
use sceau_domain::personal::MARK;
use sceau_identity::factor::Factor;
use sceau_operator::Actor;
use sceau_operator::desk::acts::{Act, Chosen};
use sceau_operator::desk::labels::{LabelView, keyword_of, label_of};
use sceau_operator::desk::list::{Filter, Listing, View};
use sceau_operator::mailbox::entries::{FlagSet, Flags};
use sceau_store::testing::START;
use sceau_store::{Id, StoreError};
use sceau_testkit::browser::signed_in;
use sceau_testkit::world::{code, letter};

each_engine!(
    windows_are_the_folder_in_order,
    a_list_knows_attachments_patients_and_conversations,
    what_an_earlier_program_left_is_made_known,
    what_is_kept_from_somebody_is_not_listed,
    whom_one_may_look_for,
    a_list_of_what_has_a_label,
    what_is_kept_from_somebody_names_him_no_keyword_and_no_folder,
);

const DAY: i64 = 86_400_000;

impl House {
    /// Somebody in a browser, at a BAL.
    pub(super) async fn sits(&self, login: &str, address: &str) -> Actor {
        let session = signed_in(&self.0.op, &self.0.store, login, &[Factor::Card]).await.1;
        self.0.op.sit(&session, self.id(address).await).await.unwrap()
    }
    /// Files a letter, so many days after the beginning: its UID.
    pub(super) async fn files(&self, actor: &Actor, folder: &str, day: i64, flags: FlagSet, text: &str) -> u32 {
        let date = Timestamp(START.0 + day * DAY);
        self.0.op.append(actor, folder, flags, Some(date), self.0.message(text)).await.unwrap().1
    }
    /// The id of a folder.
    pub(super) async fn place(&self, actor: &Actor, name: &str) -> Id {
        self.0.op.folder(actor, name).await.unwrap().id
    }
}

/// What a filter shows, by flags.
type Shows = fn(Flags) -> bool;

/// The beginning of a folder.
pub(super) fn view(folder: Id, filter: Filter) -> View {
    View { folder, filter, label: None, threads: false, oldest_first: false, from: None, limit: 50 }
}

fn uids(listing: &Listing) -> Vec<u32> {
    listing.rows.iter().map(|row| row.uid).collect()
}

async fn windows_are_the_folder_in_order(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let folder = h.place(&anne, "INBOX").await;
    for n in 0..23_i64 {
        let bit = |every: i64, flag: Flags| if n % every == 0 { flag } else { Flags::default() };
        let flags = bit(2, Flags::SEEN) | bit(3, Flags::FLAGGED) | bit(7, Flags::DELETED);
        // Some came on the same day, and not in the order of their dates.
        let text = letter("Marc Durand <marc@exemple.fr>", &format!("lettre-{n}"));
        h.files(&anne, "INBOX", (n * 5 % 12) / 2, FlagSet::of(flags), &text).await;
    }
    let all = op.open_folder(&anne, "INBOX", true).await.unwrap().entries;
    let cases: [(Filter, Shows); 3] = [
        (Filter::All, |_| true),
        (Filter::Unread, |flags| !flags.has(Flags::SEEN)),
        (Filter::Flagged, |flags| flags.has(Flags::FLAGGED)),
    ];
    for (filter, shows) in cases {
        let seen = |flags: Flags| !flags.has(Flags::DELETED) && shows(flags);
        let mut expected: Vec<_> = all.iter().filter(|e| seen(e.flags.system)).collect();
        expected.sort_by_key(|e| (e.internal_date.0, e.uid));
        let expected: Vec<u32> = expected.iter().map(|e| e.uid).collect();
        for (oldest_first, limit) in [(true, 4), (false, 4), (false, 1), (true, 50)] {
            let mut asked = View { oldest_first, limit, ..view(folder, filter) };
            let mut found = Vec::new();
            loop {
                let page = op.window(&anne, &asked).await.unwrap();
                assert!(page.complete && page.rows.len() <= limit);
                found.extend(uids(&page));
                match page.more {
                    Some(more) => asked.from = Some(more),
                    None => break,
                }
            }
            if !oldest_first {
                found.reverse();
            }
            assert_eq!(found, expected, "{filter:?} {oldest_first} {limit}");
        }
    }
    let listing = op.window(&anne, &view(folder, Filter::All)).await.unwrap();
    let row = &listing.rows[0];
    assert_eq!(row.who, [("Marc Durand".to_owned(), "marc@exemple.fr".to_owned())]);
    assert!(row.subject.starts_with("lettre-") && row.preview.as_deref().is_some_and(|p| p.starts_with("Bonjour")));
    assert_eq!(op.message_of_object(&row.email), Some(row.message));
    op.flush_traces().await.unwrap();
    for act in ["login.ok", "folder.opened", "message.listed"] {
        assert!(!h.0.traces(act).await.is_empty(), "{act}");
    }
    // Another BAL's folder is none here.
    let service = h.sits("anne", SERVICE).await;
    assert_eq!(code(op.window(&service, &view(folder, Filter::All)).await), "folder.unknown");
}

/// A letter that answers another one, with an attachment or to a patient where that is said.
fn reply(id: &str, root: &str, to: &str, attached: bool) -> String {
    let body = match attached {
        false => "\r\nTexte\r\n".to_owned(),
        true => "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nTexte\r\n--b\r\n\
             Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=bilan.pdf\r\n\r\n%PDF\r\n--b--\r\n"
            .to_owned(),
    };
    format!(
        "From: Marc <marc@exemple.fr>\r\nTo: {to}\r\nSubject: Suite\r\nMessage-ID: <{id}@exemple.fr>\r\n\
         References: <{root}@exemple.fr>\r\n{body}"
    )
}

async fn a_list_knows_attachments_patients_and_conversations(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let (inbox, none) = (h.place(&anne, "INBOX").await, FlagSet::default);
    let root = h.files(&anne, "INBOX", 0, FlagSet::of(Flags::SEEN), &letter("a@exemple.fr", "racine")).await;
    let alone = h.files(&anne, "INBOX", 1, none(), &letter("b@exemple.fr", "seule")).await;
    let with = h.files(&anne, "INBOX", 2, none(), &reply("deux", "racine", ANNE, true)).await;
    h.files(&anne, "Sent", 3, FlagSet::of(Flags::SEEN), &reply("trois", "racine", "x@patient.mssante.fr", false)).await;
    let shown = async |filter| uids(&op.window(&anne, &view(inbox, filter)).await.unwrap());
    assert_eq!(shown(Filter::Attached).await, [with]);
    assert_eq!(shown(Filter::Patient).await, [0_u32; 0]);
    assert_eq!(shown(Filter::All).await, [with, alone, root]);
    let sent = h.place(&anne, "Sent").await;
    let listing = op.window(&anne, &view(sent, Filter::Patient)).await.unwrap();
    assert!(listing.rows[0].patient && !listing.rows[0].attached);
    // In Sent it says to whom.
    assert_eq!(listing.rows[0].who[0].1, "x@patient.mssante.fr");
    // A conversation stands where its newest message does; the folder's messages alone count there.
    let threads = op.window(&anne, &View { threads: true, ..view(inbox, Filter::All) }).await.unwrap();
    let counted: Vec<_> = threads.rows.iter().map(|r| (r.uid, r.in_thread, r.unread_in_thread)).collect();
    assert_eq!(counted, [(with, 2, 1), (alone, 1, 1)]);
    let unread = op.window(&anne, &View { threads: true, ..view(inbox, Filter::Unread) }).await.unwrap();
    assert_eq!(uids(&unread), [with, alone]);
    let talk = op.conversation(&anne, threads.rows[0].message).await.unwrap();
    let talk: Vec<_> = talk.iter().map(|(folder, row)| (folder.name.as_str(), row.subject.as_str())).collect();
    assert_eq!(talk, [("Sent", "Suite"), ("INBOX", "Suite"), ("INBOX", "racine")]);
    // Copied and moved, a message is of the same conversation.
    op.move_entries(&anne, inbox, &[with], "Archive").await.unwrap();
    let threads = op.window(&anne, &View { threads: true, ..view(inbox, Filter::All) }).await.unwrap();
    assert_eq!(uids(&threads), [alone, root]);
    assert_eq!(op.conversation(&anne, threads.rows[1].message).await.unwrap().len(), 3);
}

async fn what_an_earlier_program_left_is_made_known(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let inbox = h.place(&anne, "INBOX").await;
    h.files(&anne, "INBOX", 0, FlagSet::default(), &letter("a@exemple.fr", "racine")).await;
    let with = h.files(&anne, "INBOX", 1, FlagSet::default(), &reply("deux", "racine", ANNE, true)).await;
    let known = op.window(&anne, &view(inbox, Filter::All)).await.unwrap();
    let forget = h.0.store.write(move |tx| tx.execute("UPDATE entries SET thread = 0, traits = 0", &[]).map(drop));
    forget.await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    let listing = op.window(&anne, &view(inbox, Filter::Attached)).await.unwrap();
    assert!(!listing.complete && listing.rows.is_empty());
    op.run_due_jobs().await.unwrap();
    let listing = op.window(&anne, &view(inbox, Filter::Attached)).await.unwrap();
    assert!(listing.complete);
    assert_eq!(uids(&listing), [with]);
    let again = op.window(&anne, &view(inbox, Filter::All)).await.unwrap();
    let threads = |l: &Listing| l.rows.iter().map(|r| r.thread).collect::<Vec<_>>();
    assert_eq!(threads(&again), threads(&known));
    assert!(again.rows[0].thread == again.rows[1].thread && again.rows[0].thread > 0);
}

async fn what_is_kept_from_somebody_is_not_listed(h: House) {
    let op = &h.0.op;
    let (anne, bruno) = (h.sits("anne", SERVICE).await, h.sits("bruno", SERVICE).await);
    let inbox = h.place(&anne, "INBOX").await;
    let marked = || FlagSet { keywords: [MARK].into_iter().collect(), ..FlagSet::default() };
    let mut open = Vec::new();
    for n in 0..6 {
        let text = letter("a@exemple.fr", &format!("lettre-{n}"));
        let flags = if n % 2 == 0 { marked() } else { FlagSet::default() };
        let uid = h.files(&anne, "INBOX", n, flags, &text).await;
        if n % 2 == 1 {
            open.insert(0, uid);
        }
    }
    let all = op.window(&anne, &view(inbox, Filter::All)).await.unwrap();
    assert_eq!((all.rows.len(), all.status.messages), (6, 6));
    let theirs = op.window(&bruno, &view(inbox, Filter::All)).await.unwrap();
    assert_eq!((uids(&theirs), theirs.status.messages, theirs.status.unseen), (open.clone(), 3, 3));
    // By pages too: nothing is left out and nothing is twice.
    let mut asked = View { limit: 2, threads: true, ..view(inbox, Filter::All) };
    let first = op.window(&bruno, &asked).await.unwrap();
    asked.from = first.more;
    let second = op.window(&bruno, &asked).await.unwrap();
    assert_eq!([uids(&first), uids(&second)].concat(), open);
    let bals = op.desk_bals(&bruno).await.unwrap();
    let service = bals.iter().find(|bal| bal.address.to_string() == SERVICE).unwrap();
    assert_eq!((service.unread, service.shut), (3, None));
    assert_eq!(op.bal_of_object(&service.code), Some(service.id));
    assert!(!bals.iter().any(|bal| bal.address.to_string() == ANNE));
}

async fn whom_one_may_look_for(h: House) {
    let op = &h.0.op;
    let (anne, bruno) = (h.sits("anne", SERVICE).await, h.sits("bruno", SERVICE).await);
    let (none, seen) = (FlagSet::default, || FlagSet::of(Flags::SEEN));
    for (day, from) in ["\"Durand, Élodie\" <e.durand@exemple.fr>", "Marc <marc.durand@exemple.fr>"].iter().enumerate()
    {
        h.files(&anne, "INBOX", day as i64, none(), &letter(from, &format!("lettre-{day}"))).await;
    }
    h.files(&anne, "Archive", 3, seen(), &letter("Marc Durand <Marc.Durand@exemple.fr>", "rangee")).await;
    h.files(&anne, "Sent", 4, seen(), &reply("partie", "partie", "Dupont <x.dupont@patient.mssante.fr>", false)).await;
    let marked = FlagSet { keywords: [MARK].into_iter().collect(), ..FlagSet::default() };
    h.files(&anne, "INBOX", 5, marked, &letter("Dubois <dubois@exemple.fr>", "privee")).await;
    let known = async |who: &Actor, begin: &str| {
        let found = op.known_people(who, begin, 5).await.unwrap();
        found.into_iter().map(|one| one.address).collect::<Vec<_>>()
    };
    // Whoever is met more often comes first, under one address however it is written; accents do not matter.
    assert_eq!(known(&anne, "DUR").await, ["marc.durand@exemple.fr", "e.durand@exemple.fr"]);
    assert_eq!(known(&anne, "elo").await, ["e.durand@exemple.fr"]);
    assert_eq!(known(&anne, "dupont").await, ["x.dupont@patient.mssante.fr"], "to whom one wrote");
    assert_eq!(known(&anne, "dubois").await, ["dubois@exemple.fr"]);
    assert!(known(&bruno, "dubois").await.is_empty(), "what is kept from him names nobody");
    assert!(known(&anne, "d").await.is_empty());
    assert_eq!(op.known_people(&anne, "du", 2).await.unwrap().len(), 2);
    let other = h.sits("anne", ANNE).await;
    assert!(known(&other, "durand").await.is_empty(), "another BAL");
}

async fn a_list_of_what_has_a_label(h: House) {
    let op = &h.0.op;
    let (anne, bruno) = (h.sits("anne", SERVICE).await, h.sits("bruno", SERVICE).await);
    let inbox = h.place(&anne, "INBOX").await;
    let label = keyword_of("À rappeler").unwrap();
    let with = |words: &[&str]| FlagSet { keywords: words.iter().copied().collect(), ..FlagSet::default() };
    let mut labelled = Vec::new();
    for n in 0..9_i64 {
        let words = match n % 3 {
            0 => vec![label.as_str()],
            1 => vec!["$Forwarded"],
            _ => Vec::new(),
        };
        let uid = h.files(&anne, "INBOX", n, with(&words), &letter("a@exemple.fr", &format!("lettre-{n}"))).await;
        if n % 3 == 0 {
            labelled.insert(0, uid);
        }
    }
    h.files(&anne, "Archive", 1, with(&[label.as_str(), "urgent"]), &letter("a@exemple.fr", "rangee")).await;
    h.files(&anne, "INBOX", 20, with(&[label.as_str(), MARK]), &letter("a@exemple.fr", "a-part")).await;
    let mut asked = View { label: Some(label.clone()), threads: true, limit: 2, ..view(inbox, Filter::All) };
    let first = op.window(&bruno, &asked).await.unwrap();
    asked.from = first.more;
    let second = op.window(&bruno, &asked).await.unwrap();
    assert_eq!([uids(&first), uids(&second)].concat(), labelled, "by pages, without what is kept from him");
    assert!(second.more.is_none() && first.rows[0].flags.keywords.iter().any(|word| word == label));
    asked.from = None;
    assert_eq!(op.window(&anne, &View { limit: 50, ..asked.clone() }).await.unwrap().rows.len(), 4);
    let unread = View { label: Some("inconnue".into()), ..view(inbox, Filter::Unread) };
    assert!(uids(&op.window(&anne, &unread).await.unwrap()).is_empty());
    // Where messages have which.
    let counted = async |who: &Actor| {
        let found = op.labels(who).await.unwrap().into_iter().filter(|l| label_of(&l.keyword).is_some());
        let places =
            |l: LabelView| l.places.into_iter().map(|(folder, count)| (folder.name, count)).collect::<Vec<_>>();
        found.map(|l| (label_of(&l.keyword).unwrap(), places(l))).collect::<Vec<_>>()
    };
    let place = |name: &str, count: u64| (name.to_owned(), count);
    let urgent = ("urgent".to_owned(), vec![place("Archive", 1)]);
    let call = |count| ("À rappeler".to_owned(), vec![place("Archive", 1), place("INBOX", count)]);
    assert_eq!(counted(&bruno).await, [call(3), urgent.clone()]);
    assert_eq!(counted(&anne).await, [call(4), urgent]);
    // All that the list shows, and nothing else, at once.
    let whole = Chosen { folder: inbox, uids: Vec::new(), whole_view: Some(Filter::All), label: Some(label.clone()) };
    let done = op.act_on(&bruno, &whole, Act::Label(label.clone(), false)).await.unwrap();
    assert_eq!((done.count, done.more), (3, false));
    assert_eq!(counted(&anne).await[0], call(1));
    op.undo(&bruno, done.undo.unwrap()).await.unwrap();
    assert_eq!(counted(&anne).await[0], call(4));
}

async fn what_is_kept_from_somebody_names_him_no_keyword_and_no_folder(h: House) {
    let op = &h.0.op;
    let (anne, bruno) = (h.sits("anne", SERVICE).await, h.sits("bruno", SERVICE).await);
    let with = |words: &[&str]| FlagSet { keywords: words.iter().copied().collect(), ..FlagSet::default() };
    h.files(&anne, "INBOX", 1, with(&["grossesse", MARK]), &letter("a@exemple.fr", "une")).await;
    h.files(&anne, "INBOX", 2, with(&["labo"]), &letter("a@exemple.fr", "deux")).await;
    let (inbox, hidden) = (h.place(&anne, "INBOX").await, op.create_folder(&anne, "Privé", None).await.unwrap().id);
    let uid = h.files(&anne, "Privé", 3, with(&["avocat"]), &letter("a@exemple.fr", "trois")).await;
    let known = op.keywords_known(&anne).await.unwrap();
    assert!(["avocat", "grossesse", "labo"].iter().all(|word| known.iter().any(|k| k == word)), "{known:?}");
    assert_eq!(op.keywords_known(&bruno).await.unwrap(), ["labo"]);
    // Whatever a form names, what lies there is not his to bring elsewhere.
    let one = Chosen { folder: hidden, uids: vec![uid], whole_view: None, label: None };
    for act in [Act::Move(inbox), Act::Seen(true), Act::Archive, Act::Remove] {
        assert_eq!(code(op.act_on(&bruno, &one, act.clone()).await), "folder.unknown", "{act:?}");
    }
    assert_eq!(op.act_on(&anne, &one, Act::Move(inbox)).await.unwrap().count, 1);
}
