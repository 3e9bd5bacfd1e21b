//! What somebody else did with a means of a person's ends when the person takes it away.
use super::{House, browser, code, signed};
use sceau_domain::RefusalCode;
use sceau_operator::Door;
use sceau_testkit::world::origin;

each_engine!(a_lost_key_that_is_taken_away_ends_what_it_began);

/// Who finds a telephone unlocked signs in by the passkey in it, on whatever node.
async fn a_lost_key_that_is_taken_away_ends_what_it_began(h: House) {
    h.password_and_totp("anne").await;
    let mut key = h.passkey("anne").await;
    let (op, at) = (h.op(), origin(Door::Web));
    op.begin_passkey(&browser("voleur"), "/bal", None).await.unwrap();
    let options = op.passkey_options(&browser("voleur"), false, None).await.unwrap();
    let answer = key.get(&options);
    let stolen = signed(op.passkey_sign_in(&browser("voleur"), answer.as_bytes(), &at).await);
    let (bruno, anne) = (h.session("bruno").await, h.session("anne").await);
    let other = h.w.restarted().await;
    assert!(other.session_of(&stolen.cookie, &at).await.is_ok());
    let all = op.factors(&anne, None).await.unwrap();
    let passkey = all.iter().find(|f| f.kind == "passkey").expect("the key").id;
    op.remove_factor(&anne, passkey).await.unwrap();
    for node in [op, &other] {
        let dead = node.session_of(&stolen.cookie, &at).await;
        assert_eq!(code(dead), RefusalCode::LoginRequired);
    }
    // Her own, in which she did it, goes on; so do other people's.
    let open = op.sessions(&anne, "anne").await.unwrap();
    assert_eq!(open.iter().map(|s| (s.factors.as_str(), s.this)).collect::<Vec<_>>(), [("card", true)]);
    assert_eq!(op.sessions(&bruno, "bruno").await.unwrap().len(), 1);
}
