//! Drafts and their files.
use super::{ANNE, House, SERVICE};
use sceau_operator::Actor;
use sceau_operator::desk::letters::{Draft, DraftState, DraftView, How, Start};
use sceau_operator::desk::sources::Quoted;
use sceau_operator::desk::writings::{Kind, Writing};
use sceau_operator::mailbox::entries::FlagSet;
use sceau_store::desk::uploads::{self, Piece};
use sceau_store::{StoreError, Tx};
use sceau_testkit::world::{code, letter};

each_engine!(
    a_draft_is_its_writers,
    a_change_says_from_which_version_it_starts,
    mail_programs_see_what_is_kept_on_purpose,
    mail_programs_see_a_draft_once_nothing_is_typed,
    what_is_written_with_form_has_a_plain_twin,
    an_answer_begins_with_what_it_answers,
    what_is_sent_on_takes_its_pieces_along,
    files_come_piece_by_piece,
    a_file_is_of_so_many_pieces_at_most,
    what_is_taken_over_is_cut_into_few_pieces,
    a_mail_programs_draft_is_written_on,
    what_cannot_be_taken_over_whole_stays_where_it_is,
    signatures_and_templates_are_ones_own_or_the_bals,
);

pub(super) const BRUNO: &str = "bruno.petit@alpha.mssante.fr";

/// What somebody types.
pub(super) fn typed(to: &str, subject: &str) -> Draft {
    Draft { to: to.into(), subject: subject.into(), text: "Bonjour\n".into(), ..Draft::default() }
}

impl House {
    /// A draft that starts with nothing.
    pub(super) async fn writes(&self, actor: &Actor, draft: Draft) -> DraftView {
        self.starts(actor, &Start::Blank { to: String::new() }, draft).await
    }
    pub(super) async fn starts(&self, actor: &Actor, start: &Start, draft: Draft) -> DraftView {
        let op = &self.0.op;
        let id = op.draft_of_object(&op.new_draft_object()).unwrap();
        op.new_draft(actor, id, start, draft).await.unwrap()
    }
    /// Files a letter into the INBOX: its EMAILID.
    pub(super) async fn email(&self, actor: &Actor, text: &str) -> String {
        let uid = self.files(actor, "INBOX", 0, FlagSet::default(), text).await;
        let inbox = self.place(actor, "INBOX").await;
        self.0.op.email_object(self.0.op.message_at(actor, inbox, uid).await.unwrap())
    }
    /// Messages of a folder, whole.
    async fn whole(&self, actor: &Actor, folder: &str) -> Vec<String> {
        let messages = sceau_testkit::folder(&self.0.op, actor, folder).await;
        messages.into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect()
    }
}

async fn a_draft_is_its_writers(h: House) {
    let op = &h.0.op;
    let (anne, bruno) = (h.sits("anne", SERVICE).await, h.sits("bruno", SERVICE).await);
    let own = h.sits("anne", ANNE).await;
    let draft = typed(BRUNO, "Dossier confidentiel");
    let view = h.writes(&anne, draft.clone()).await;
    assert_eq!((view.state, view.version, op.draft_of_object(&view.code)), (DraftState::Open, 1, Some(view.id)));
    assert_eq!(op.read_draft(&anne, view.id).await.unwrap().draft, draft);
    assert_eq!(op.drafts(&anne).await.unwrap().len(), 1);
    assert!(!h.0.on_disk("confidentiel"), "sealed");
    // Neither a colleague's, nor one's own elsewhere.
    for other in [&bruno, &own] {
        assert_eq!(code(op.read_draft(other, view.id).await), "admin.not_found");
        assert_eq!(code(op.save_draft(other, view.id, 1, draft.clone()).await), "admin.not_found");
        assert_eq!(code(op.drop_draft(other, view.id).await), "admin.not_found");
        assert_eq!(code(op.send_draft(other, view.id, 1, None).await), "admin.not_found");
        assert!(op.drafts(other).await.unwrap().is_empty());
    }
    // What is sent twice makes one.
    let start = Start::Blank { to: String::new() };
    assert_eq!(code(op.new_draft(&anne, view.id, &start, draft.clone()).await), "edit.conflict");
    assert_eq!(code(op.new_draft(&bruno, view.id, &start, draft.clone()).await), "admin.not_found");
    op.drop_draft(&anne, view.id).await.unwrap();
    assert_eq!(code(op.read_draft(&anne, view.id).await), "admin.not_found");
    let long = Draft { text: "é".repeat(300 << 10), ..Draft::default() };
    assert_eq!(code(op.new_draft(&anne, view.id, &start, long).await), "admin.invalid");
    // Whoever may no longer send writes no more.
    op.end_access(&h.0.admin, SERVICE, "bruno", None).await.unwrap();
    assert_eq!(code(op.new_draft(&bruno, view.id, &start, draft).await), "right.missing");
}

async fn a_change_says_from_which_version_it_starts(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let view = h.writes(&anne, typed(BRUNO, "un")).await;
    let second = op.save_draft(&anne, view.id, 1, typed(BRUNO, "deux")).await.unwrap();
    assert_eq!((second.version, second.draft.subject.as_str()), (2, "deux"));
    assert_eq!(code(op.save_draft(&anne, view.id, 1, typed(BRUNO, "autre fenêtre")).await), "edit.conflict");
    assert_eq!(op.save_draft(&anne, view.id, 2, typed(BRUNO, "deux")).await.unwrap().version, 2, "nothing changed");
    assert_eq!(code(op.send_draft(&anne, view.id, 1, None).await), "edit.conflict");
}

async fn mail_programs_see_what_is_kept_on_purpose(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let draft = Draft { bcc: "zoe@beta.mssante.fr, à moitié".into(), ..typed(BRUNO, "premier") };
    let view = h.writes(&anne, draft.clone()).await;
    assert!(h.whole(&anne, "Drafts").await.is_empty(), "saving alone files nothing");
    op.file_draft(&anne, view.id).await.unwrap();
    op.file_draft(&anne, view.id).await.unwrap();
    let filed = h.whole(&anne, "Drafts").await;
    assert_eq!(filed.len(), 1, "{filed:?}");
    for field in
        ["Subject: premier\r\n", &format!("To: {BRUNO}\r\n"), "Bcc: zoe@beta.mssante.fr\r\n", "\r\nBonjour\r\n"]
    {
        assert!(filed[0].contains(field), "{field} {}", filed[0]);
    }
    op.save_draft(&anne, view.id, 1, Draft { subject: "second".into(), ..draft.clone() }).await.unwrap();
    op.file_draft(&anne, view.id).await.unwrap();
    let filed = h.whole(&anne, "Drafts").await;
    assert!(filed.len() == 1 && filed[0].contains("Subject: second\r\n"), "{filed:?}");
    // Removed by another program: what is kept on purpose comes back.
    let drafts = h.place(&anne, "Drafts").await;
    let uid = op.open_folder(&anne, "Drafts", true).await.unwrap().entries[0].uid;
    let deleted = FlagSet::of(sceau_operator::mailbox::entries::Flags::DELETED);
    let add = sceau_operator::mailbox::entries::FlagChange::Add;
    op.change_flags(&anne, drafts, &[uid], add, deleted, None).await.unwrap();
    op.expunge(&anne, drafts, None).await.unwrap();
    op.save_draft(&anne, view.id, 2, draft).await.unwrap();
    op.file_draft(&anne, view.id).await.unwrap();
    assert_eq!(h.whole(&anne, "Drafts").await.len(), 1);
    op.drop_draft(&anne, view.id).await.unwrap();
    assert!(h.whole(&anne, "Drafts").await.is_empty());
}

async fn mail_programs_see_a_draft_once_nothing_is_typed(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let passes = async |seconds| {
        h.0.advance(seconds);
        op.run_due_jobs().await.unwrap();
    };
    let view = h.writes(&anne, typed(BRUNO, "premier")).await;
    passes(15).await;
    let view = op.save_draft(&anne, view.id, view.version, typed(BRUNO, "second")).await.unwrap();
    // Its time comes, but somebody types.
    passes(10).await;
    assert!(h.whole(&anne, "Drafts").await.is_empty());
    passes(10).await;
    let filed = h.whole(&anne, "Drafts").await;
    assert!(filed.len() == 1 && filed[0].contains("Subject: second\r\n"), "{filed:?}");
    assert_eq!(op.read_draft(&anne, view.id).await.unwrap().version, view.version, "the page goes on from where it is");
    // Once, and anew after a change.
    passes(60).await;
    assert_eq!(h.whole(&anne, "Drafts").await, filed);
    let view = op.save_draft(&anne, view.id, view.version, typed(BRUNO, "troisième")).await.unwrap();
    passes(21).await;
    let filed = h.whole(&anne, "Drafts").await;
    assert!(filed.len() == 1 && filed[0].contains("Bonjour"), "{filed:?}");
    // Two at once leave one.
    op.save_draft(&anne, view.id, view.version, typed(BRUNO, "quatrième")).await.unwrap();
    let (one, two) = tokio::join!(op.file_draft(&anne, view.id), op.file_draft(&anne, view.id));
    assert!(one.is_ok() || two.is_ok(), "{one:?} {two:?}");
    assert_eq!(h.whole(&anne, "Drafts").await.len(), 1);
    // What is thrown away is not shown again; nor what somebody wrote who may not write there any more.
    op.drop_draft(&anne, view.id).await.unwrap();
    passes(60).await;
    assert!(h.whole(&anne, "Drafts").await.is_empty());
    let bruno = h.sits("bruno", SERVICE).await;
    h.writes(&bruno, typed(ANNE, "plus tard")).await;
    op.end_access(&h.0.admin, SERVICE, "bruno", None).await.unwrap();
    passes(60).await;
    let responsible = h.sits("anne", SERVICE).await;
    assert!(h.whole(&responsible, "Drafts").await.is_empty());
}

async fn what_is_written_with_form_has_a_plain_twin(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let html = "<div>Bonjour <b onclick=x()>Bruno</b><script>x()</script></div><ul><li>à jeun</li></ul>";
    let view =
        h.writes(&anne, Draft { html: html.into(), text: "autre chose".into(), ..typed(BRUNO, "consignes") }).await;
    assert_eq!(view.draft.html, "<div>Bonjour <b>Bruno</b></div><ul><li>à jeun</li></ul>");
    assert_eq!(view.draft.text, "Bonjour Bruno\n- à jeun\n", "made by us");
    // The same again is no change; nothing written is nothing.
    assert_eq!(op.save_draft(&anne, view.id, view.version, view.draft.clone()).await.unwrap().version, view.version);
    let empty = Draft { html: "<div><br></div>".into(), ..Draft::default() };
    assert_eq!(empty.settled().unwrap(), Draft::default());
    op.send_draft(&anne, view.id, view.version, None).await.unwrap();
    h.0.advance(10);
    op.run_due_jobs().await.unwrap();
    let inbox = h.0.inbox("bruno", BRUNO).await;
    for part in ["multipart/alternative", "text/plain", "text/html", "Bonjour <b>Bruno</b>", "- =C3=A0 jeun"] {
        assert!(inbox[0].contains(part), "{part} in {}", inbox[0]);
    }
}

async fn an_answer_begins_with_what_it_answers(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let text = letter("\"Bruno Petit\" <bruno.petit@alpha.mssante.fr>", "bilan");
    let email = h.email(&anne, &text).await;
    let head = |quoted: &Quoted| format!("{} a écrit :", quoted.name);
    let start = Start::Answer { email: email.clone(), all: false };
    let draft = op.begin_letter(&anne, &start, &head).await.unwrap();
    assert_eq!(draft.to, format!("\"Bruno Petit\" <{BRUNO}>"));
    assert_eq!(
        (draft.subject.as_str(), draft.text.as_str()),
        ("Re: bilan", "\n\nBruno Petit a écrit :\n> Bonjour bilan\n")
    );
    assert!(op.drafts(&anne).await.unwrap().is_empty(), "looking keeps nothing");
    let view = h.starts(&anne, &start, draft).await;
    assert_eq!(view.source, Some((email.clone(), How::Answer)));
    // A message of another BAL, one that is not there.
    let bruno = h.sits("bruno", BRUNO).await;
    assert_eq!(code(op.begin_letter(&bruno, &start, &head).await), "entry.unknown");
    let none = Start::Forward { email: op.email_object(7) };
    assert_eq!(code(op.begin_letter(&anne, &none, &head).await), "entry.unknown");
    op.flush_traces().await.unwrap();
    assert!(!h.0.traces("message.read").await.is_empty(), "it was read to be quoted");
}

async fn what_is_sent_on_takes_its_pieces_along(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let text = "From: zoe@beta.mssante.fr\r\nSubject: analyses\r\nMessage-ID: <1@beta.fr>\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nVoici\r\n--b\r\nContent-Type: application/pdf; name=a.pdf\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjcKw6k=\r\n--b--\r\n";
    let email = h.email(&anne, text).await;
    let start = Start::Forward { email };
    assert_eq!(op.pieces_to_carry(&anne, &start).await.unwrap()[0].0, "a.pdf");
    let view = h.starts(&anne, &start, typed(BRUNO, "Fwd: analyses")).await;
    assert_eq!((view.carried.len(), view.carried[0].0.as_str()), (1, "a.pdf"));
    op.file_draft(&anne, view.id).await.unwrap();
    let filed = h.whole(&anne, "Drafts").await.remove(0);
    assert!(filed.contains("References: <1@beta.fr>\r\n") && !filed.contains("In-Reply-To"), "{filed}");
    assert!(filed.contains("filename=a.pdf") && filed.contains("\r\n\r\nJVBERi0xLjcKw6k=\r\n"), "{filed}");
}

async fn files_come_piece_by_piece(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let view = h.writes(&anne, typed(BRUNO, "avec pièce")).await;
    let file = op.begin_upload(&anne, view.id, "C:\\secret.txt", "text/plain", Some(14)).await.unwrap();
    assert_eq!((file.name.as_str(), file.is_whole()), ("secret.txt", false));
    assert_eq!(op.push_piece(&anne, file.id, 0, b"contenu-").await.unwrap(), 8);
    for at in [0, 7, 9] {
        assert_eq!(code(op.push_piece(&anne, file.id, at, b"x").await), "upload.gap");
    }
    assert_eq!(code(op.push_piece(&anne, file.id, 8, b"excessif").await), "message.too_big");
    assert_eq!(code(op.send_draft(&anne, view.id, 1, None).await), "upload.gap", "it has not arrived");
    assert_eq!(op.push_piece(&anne, file.id, 8, b"secret").await.unwrap(), 14);
    let other = op.begin_upload(&anne, view.id, "b.bin", "x/y z", None).await.unwrap();
    op.push_piece(&anne, other.id, 0, &[7; 70_000]).await.unwrap();
    op.end_upload(&anne, other.id).await.unwrap();
    assert_eq!(code(op.begin_upload(&anne, view.id, "c", "x/y", Some(200_000)).await), "message.too_big");
    let bruno = h.sits("bruno", BRUNO).await;
    assert_eq!(code(op.push_piece(&bruno, file.id, 14, b"x").await), "admin.not_found");
    assert_eq!(code(op.remove_upload(&bruno, view.id, file.id).await), "admin.not_found");
    assert!(!h.0.on_disk("secret.txt") && !h.0.on_disk("contenu-"), "sealed");
    op.file_draft(&anne, view.id).await.unwrap();
    let filed = h.whole(&anne, "Drafts").await.remove(0);
    // `contenu-secret`, of two pieces; an unusable type is none.
    assert!(
        filed.contains("\r\n\r\nY29udGVudS1zZWNyZXQ=\r\n") && filed.contains("Content-Type: application/octet-stream"),
        "{filed}"
    );
    op.remove_upload(&anne, view.id, file.id).await.unwrap();
    assert_eq!(op.read_draft(&anne, view.id).await.unwrap().uploads.len(), 1);
    op.drop_draft(&anne, view.id).await.unwrap();
    assert_eq!((h.0.count("uploads").await, h.0.count("upload_pieces").await), (0, 0));
}

/// A blob for each byte would be millions. What is there goes on to be told, and other files come as before.
async fn a_file_is_of_so_many_pieces_at_most(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let view = h.writes(&anne, typed(BRUNO, "avec pièces")).await;
    let file = op.begin_upload(&anne, view.id, "a.txt", "text/plain", Some(5_000)).await.unwrap();
    assert_eq!(op.push_piece(&anne, file.id, 0, b"x").await.unwrap(), 1);
    let (id, bal) = (file.id, anne.bal.as_ref().unwrap().id);
    // As a program would that sends byte by byte, in less time.
    let bytes = move |tx: &mut dyn Tx| {
        let piece = |first| Piece { upload: id, first, size: 1, blob: [7; 16], blob_key: vec![7] };
        (1..1_023).try_for_each(|first| uploads::add(tx, bal, &piece(first)))
    };
    h.0.store.write(bytes).await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    assert_eq!(op.push_piece(&anne, file.id, 1_023, b"x").await.unwrap(), 1_024);
    assert_eq!(code(op.push_piece(&anne, file.id, 1_024, b"x").await), "admin.invalid");
    assert_eq!(code(op.push_piece(&anne, file.id, 7, b"x").await), "upload.gap", "where to go on is told all the same");
    let other = op.begin_upload(&anne, view.id, "b.txt", "text/plain", Some(1)).await.unwrap();
    assert_eq!(op.push_piece(&anne, other.id, 0, b"x").await.unwrap(), 1);
}

/// What we cut ourselves is not cut as it is read.
async fn what_is_taken_over_is_cut_into_few_pieces(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let lines = format!("{}\r\n", "QUJD".repeat(19)).repeat(1_000);
    let text = format!(
        "From: anne.martin@alpha.mssante.fr\r\nSubject: images\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nVoici\r\n--b\r\n\
         Content-Type: image/x; name=a.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n{lines}--b--\r\n"
    );
    let uid = h.files(&anne, "Drafts", 0, FlagSet::default(), &text).await;
    let drafts = h.place(&anne, "Drafts").await;
    let start = Start::Edit { email: op.email_object(op.message_at(&anne, drafts, uid).await.unwrap()) };
    let draft = op.begin_letter(&anne, &start, &|_| String::new()).await.unwrap();
    let view = h.starts(&anne, &start, draft).await;
    assert_eq!((view.uploads.len(), view.uploads[0].size), (1, 57_000));
    assert_eq!(h.0.count("upload_pieces").await, 1, "it is read in more than one");
}

async fn a_mail_programs_draft_is_written_on(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let text = "From: anne.martin@alpha.mssante.fr\r\nTo: Bruno <bruno.petit@alpha.mssante.fr>\r\nBcc: zoe@beta.mssante.fr\r\nSubject: =?utf-8?q?r=C3=A9ponse?=\r\n\
        References: <0@beta.fr>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nCommenc\r\n--b\r\n\
        Content-Type: text/csv; name=a.csv\r\n\r\n1;2\r\n--b--\r\n";
    let uid = h.files(&anne, "Drafts", 0, FlagSet::default(), text).await;
    let drafts = h.place(&anne, "Drafts").await;
    let email = op.email_object(op.message_at(&anne, drafts, uid).await.unwrap());
    assert_eq!(op.draft_of_message(&anne, &email).await.unwrap(), None);
    let start = Start::Edit { email: email.clone() };
    let mut draft = op.begin_letter(&anne, &start, &|_| String::new()).await.unwrap();
    assert_eq!(
        (draft.to.as_str(), draft.bcc.as_str()),
        ("\"Bruno\" <bruno.petit@alpha.mssante.fr>", "zoe@beta.mssante.fr")
    );
    assert_eq!((draft.subject.as_str(), draft.text.trim_end()), ("réponse", "Commenc"));
    draft.text = "Commencé ailleurs".into();
    let view = h.starts(&anne, &start, draft).await;
    assert_eq!((view.uploads.len(), view.uploads[0].name.as_str(), view.uploads[0].size), (1, "a.csv", 3));
    assert_eq!(op.draft_of_message(&anne, &email).await.unwrap(), Some(view.code.clone()));
    op.file_draft(&anne, view.id).await.unwrap();
    let filed = h.whole(&anne, "Drafts").await;
    // It stands in the place of the other.
    assert!(
        filed.len() == 1 && filed[0].contains("ailleurs") && filed[0].contains("References: <0@beta.fr>"),
        "{filed:?}"
    );
    op.send_draft(&anne, view.id, view.version, None).await.unwrap();
    h.0.advance(10);
    op.run_due_jobs().await.unwrap();
    assert!(h.whole(&anne, "Drafts").await.is_empty());
    assert!(h.0.inbox("bruno", BRUNO).await[0].contains("filename=a.csv"));
    let received = h.email(&anne, &letter("x@beta.mssante.fr", "reçu")).await;
    assert_eq!(
        code(op.new_draft(&anne, view.id, &Start::Edit { email: received }, typed(BRUNO, "x")).await),
        "entry.unknown"
    );
}

async fn what_cannot_be_taken_over_whole_stays_where_it_is(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let text = "From: anne.martin@alpha.mssante.fr\r\nSubject: courrier\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\n\r\nTexte\r\n--b\r\nContent-Type: text/csv; name=petit.csv\r\n\r\n1;2\r\n--b\r\n\
        Content-Type: text/csv; name=grand.csv\r\n\r\n1;2;3;4;5;6;7;8;9\r\n--b--\r\n";
    let uid = h.files(&anne, "Drafts", 0, FlagSet::default(), text).await;
    let drafts = h.place(&anne, "Drafts").await;
    let email = op.email_object(op.message_at(&anne, drafts, uid).await.unwrap());
    let start = Start::Edit { email: email.clone() };
    let room = async |quota: &'static str| {
        let sql = format!("UPDATE bals SET quota_bytes = {quota} WHERE address_key LIKE 'anne.%'");
        h.0.store.write(move |tx| tx.execute(&sql, &[])).await.unwrap_or_else(|e: StoreError| panic!("{e}"))
    };
    let id = op.draft_of_object(&op.new_draft_object()).unwrap();
    // For the first piece, not for the second.
    room("used_bytes + 10").await;
    let refused = code(op.new_draft(&anne, id, &start, typed(BRUNO, "courrier")).await);
    assert_eq!(refused, "message.too_big");
    assert_eq!((h.0.count("drafts").await, h.0.count("uploads").await, h.0.count("upload_pieces").await), (0, 0, 0));
    room("1000000000").await;
    h.0.advance(60);
    op.run_due_jobs().await.unwrap();
    let filed = h.whole(&anne, "Drafts").await;
    assert!(filed.len() == 1 && filed[0].contains("name=grand.csv"), "{filed:?}");
    // Tried again it is whole, and stands in its place.
    let view = op.new_draft(&anne, id, &start, typed(BRUNO, "courrier")).await.unwrap();
    assert_eq!(view.uploads.len(), 2);
    h.0.advance(60);
    op.run_due_jobs().await.unwrap();
    let filed = h.whole(&anne, "Drafts").await;
    assert!(filed.len() == 1 && filed[0].contains("name=grand.csv") && filed[0].contains("Bonjour"), "{filed:?}");
}

async fn signatures_and_templates_are_ones_own_or_the_bals(h: House) {
    let op = &h.0.op;
    let (anne, bruno) = (h.sits("anne", SERVICE).await, h.sits("bruno", SERVICE).await);
    let writing = |text: &str| Writing { name: "Convocation".into(), text: text.into() };
    let begins = async |actor: &Actor, start: Start| op.begin_letter(actor, &start, &|_| String::new()).await.unwrap();
    let blank = || Start::Blank { to: String::new() };
    assert_eq!(begins(&anne, blank()).await.text, "");
    let shared = op.new_writing(&bruno, Kind::Signature, true, &writing("Le service")).await;
    assert_eq!(code(shared), "right.missing", "everybody's is whoever manages'");
    op.new_writing(&anne, Kind::Signature, true, &writing("Le service")).await.unwrap();
    op.new_writing(&bruno, Kind::Signature, false, &writing("Bruno Petit\n")).await.unwrap();
    op.new_writing(&anne, Kind::Template, true, &writing("Vous êtes attendu.")).await.unwrap();
    assert_eq!(begins(&anne, blank()).await.text, "\n\nLe service");
    assert_eq!(begins(&bruno, blank()).await.text, "\n\nBruno Petit");
    let seen = op.writings(&bruno).await.unwrap();
    let whose: Vec<(bool, bool)> = seen.iter().map(|w| (w.shared, w.open)).collect();
    assert_eq!(whose, [(false, true), (true, false), (true, false)]);
    assert_eq!(op.writings(&anne).await.unwrap().len(), 2, "another one's own is not seen");
    let (own, service, template) = (&seen[0], &seen[1], &seen[2]);
    let draft = begins(&bruno, Start::Template { id: template.id }).await;
    assert_eq!((draft.subject.as_str(), draft.text.as_str()), ("Convocation", "Vous êtes attendu.\n\n\nBruno Petit"));
    let none = op.begin_letter(&bruno, &Start::Template { id: own.id }, &|_| String::new()).await;
    assert_eq!(code(none), "admin.not_found", "a signature is no template");
    assert_eq!(code(op.set_writing(&bruno, service.id, 1, &writing("x")).await), "right.missing");
    assert_eq!(code(op.remove_writing(&anne, own.id).await), "admin.not_found");
    op.set_writing(&bruno, own.id, 1, &writing("Dr Petit")).await.unwrap();
    assert_eq!(code(op.set_writing(&bruno, own.id, 1, &writing("y")).await), "edit.conflict");
    assert_eq!(
        code(op.set_writing(&bruno, own.id, 2, &Writing { name: " ".into(), text: "y".into() }).await),
        "admin.invalid"
    );
    op.remove_writing(&bruno, own.id).await.unwrap();
    assert_eq!(begins(&bruno, blank()).await.text, "\n\nLe service");
    assert!(!h.0.on_disk("Convocation"), "sealed");
    // What stands under everybody's letters changes with a trace that says nothing of it; one's own is one's own.
    op.set_writing(&anne, service.id, 1, &writing("Le service, en mieux")).await.unwrap();
    op.remove_writing(&anne, service.id).await.unwrap();
    let traces = h.0.traces("writing.changed").await;
    let told: Vec<_> = traces.iter().map(|t| (t.actor.as_str(), t.bal.as_deref(), t.data["what"].as_str())).collect();
    let all = ["made", "made", "set", "removed"].map(|what| ("anne", Some(SERVICE), Some(what)));
    assert_eq!(told, all);
    assert_eq!(traces[3].data["writing"], service.id);
}
