//! A browser's session sits down at BALs: at those that its person has access to, and at no other.
use super::{ANNE, House, SERVICE};
use sceau_identity::factor::Factor;
use sceau_testkit::browser::signed_in;
use sceau_testkit::world::code;

each_engine!(one_sits_where_one_has_access, a_session_that_ended_sits_nowhere);

async fn one_sits_where_one_has_access(h: House) {
    let (op, store) = (&h.0.op, &h.0.store);
    let anne = signed_in(op, store, "anne", &[Factor::Card]).await.1;
    let bruno = signed_in(op, store, "bruno", &[Factor::Card]).await.1;
    let (own, shared) = (h.id(ANNE).await, h.id(SERVICE).await);
    for (actor, bal, role) in [(&anne, own, "holder"), (&anne, shared, "responsible"), (&bruno, shared, "member")] {
        let seated = op.sit(actor, bal).await.unwrap();
        let at = seated.bal.as_ref().unwrap();
        assert_eq!((at.id, at.chair.as_ref().unwrap().role.as_str()), (bal, role));
        op.still_allowed(&seated).await.unwrap();
        assert_eq!(op.bal_of_object(&op.bal_object(bal)), Some(bal));
        assert_eq!(seated.origin.session, actor.origin.session, "one session, whatever it asks for");
    }
    // What is not there and what is not one's own are told alike.
    let unknown = code(op.sit(&bruno, own + 1).await);
    assert_eq!((code(op.sit(&bruno, own).await), unknown), ("admin.not_found", "admin.not_found"));
    for wrong in ["", "B", "abc", &op.email_object(own), &op.mailbox_object(own)] {
        assert_eq!(op.bal_of_object(wrong), None, "{wrong}");
    }
}

async fn a_session_that_ended_sits_nowhere(h: House) {
    let op = &h.0.op;
    let anne = signed_in(op, &h.0.store, "anne", &[Factor::Card]).await.1;
    let own = h.id(ANNE).await;
    op.sit(&anne, own).await.unwrap();
    op.end_session(&anne, None).await.unwrap();
    assert_eq!(code(op.sit(&anne, own).await), "login.required");
}
