//! Rows of proofs of identity, the same on both engines: what several tests begin with.
mod attempts;
mod sessions;

use sceau_store::accounts::{self, Person, Token};
use sceau_store::attempts::Attempt;
use sceau_store::factors::Factor;
use sceau_store::oauth::{self, Grant};
use sceau_store::web_sessions::Session;
use sceau_store::{Id, Store, StoreError, Tx, one_time_codes};

type Result<T = ()> = std::result::Result<T, StoreError>;

pub async fn write<T: Send + 'static>(s: &Store, f: impl FnMut(&mut dyn Tx) -> Result<T> + Send + 'static) -> T {
    s.write(f).await.unwrap()
}

/// Three people.
pub async fn people(s: &Store) {
    write(s, |tx| {
        for (id, login) in [(1, "camille"), (2, "dominique"), (3, "alix")] {
            accounts::insert_person(tx, &Person::new(id, login, login, 5))?;
        }
        Ok(())
    })
    .await;
}

pub fn factor(id: Id, person_id: Id, kind: &str) -> Factor {
    Factor {
        id,
        person_id,
        kind: kind.into(),
        label: "Clé d'étagère".into(),
        credential: (kind == "passkey").then(|| id.to_be_bytes().to_vec()),
        public: "{}".into(),
        sealed: (kind != "passkey").then(|| vec![0, 7]),
        counter: 0,
        enrolled: 10,
        enrolled_with: "card".into(),
        last_used: None,
        last_place: None,
        removed: None,
        version: 1,
    }
}

pub fn attempt(id: Id) -> Attempt {
    Attempt {
        id,
        digest: id.to_be_bytes().to_vec(),
        kind: "sign_in".into(),
        person_id: None,
        sealed: vec![1],
        at: 10,
        expires: 100,
        used: None,
        tries: 0,
        version: 1,
    }
}

pub fn code(id: Id, attempt_id: Id) -> one_time_codes::Code {
    one_time_codes::Code { id, person_id: 1, attempt_id, digest: vec![9], at: 10, expires: 100 }
}

pub fn grant(id: Id) -> Grant {
    let token = Token { scope: Some(3), ..Token::new(id, 1, (oauth::PURPOSE, "Logiciel"), &id.to_be_bytes(), 10) };
    Grant { token, client_id: "logiciel".into(), generation: 0, rotated: 10, until: 1_000 }
}

fn session(id: Id, person_id: Id) -> Session {
    Session {
        id,
        person_id,
        login: if person_id == 1 { "camille" } else { "dominique" }.into(),
        begun: 10,
        expires: 500,
        proof: "[]".into(),
        agent: "Firefox".into(),
        provider: Some("https://psc.example".into()),
        provider_sid: Some(vec![4]),
        seen: 10,
        last_place: Some("cabinet".into()),
    }
}
