//! A person's particulars, changed from the version that was read.
//!
//! Identity traits and habilitation are for administrators; support and the person change means of contact alone (F097).
use super::views::{PersonChange, PersonView};
use super::{check_codes, check_national_id, cleared, conflict, for_operator, known, shown_name, view};
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator, Who};
use sceau_domain::person::national_id;
use sceau_domain::{Refusal, RefusalCode, UseCase, plain};
use sceau_store::{Tx, accounts as rows, bindings, register, web_sessions};
use serde_json::json;

impl Operator {
    /// Changes a person who is still of this version. A change of an identity trait takes the certification with it. `edit.conflict`,
    /// `admin.not_found`, `admin.invalid`, `admin.exists`, `naming.too_long`, `identifier.*`.
    #[boxed]
    pub async fn edit_person(
        &self,
        actor: &Actor,
        login: &str,
        version: i64,
        change: PersonChange,
    ) -> Result<PersonView, Refusal> {
        self.require(actor, UseCase::PersonEdit, On::Anywhere).await?;
        let change = checked(change)?;
        let (login, actor, now) = (login.to_ascii_lowercase(), actor.clone(), self.now().0);
        let fact = self.fact("person.changed", &By::actor(&actor), None, "ok", json!({}));
        let edit = move |tx: &mut dyn Tx| {
            let before = known(tx, &actor, UseCase::PersonEdit, &login)?;
            if change.of_identity {
                // Who may add people here may say who they are; support and the person may not.
                permit(tx, &actor, UseCase::PersonAdd, On::Person(before.id))?;
            }
            let own = matches!(&actor.who, Who::Person(me) if me.id == before.id);
            if own && change.habilitated == Some(true) && !for_operator(tx, &actor, UseCase::PersonEdit) {
                // As with the certification: nobody who speaks for a structure says it of himself.
                let name = UseCase::PersonEdit.as_str();
                return Err(Refusal::new(RefusalCode::RightMissing).with("name", name).into());
            }
            if before.version != version {
                return Err(conflict(&login));
            }
            let mut after = change.applied(before.clone());
            let traits =
                |p: &rows::Person| (p.given_name.clone(), p.family_name.clone(), p.national_id.clone(), p.name.clone());
            let decertified = traits(&before) != traits(&after) && before.identity != "none";
            if decertified {
                (after.identity, after.identity_at, after.identity_by) = ("none".into(), None, None);
            }
            let mut ended = None;
            if traits(&before) != traits(&after) {
                // Cards and providers named somebody else then: they show anew who this is. What stood for that one goes with it, or it would open this
                // person's mail again as soon as he is recognised himself.
                bindings::remove(tx, before.id, None)?;
                let stood = rows::forget_standing(tx, before.id)? > 0;
                // Under another number it was perhaps somebody else who signed in.
                let other = before.national_id.is_some() && before.national_id != after.national_id;
                let left = other && !web_sessions::end_others(tx, before.id, None, now)?.is_empty();
                ended = (stood || left).then_some(before.id);
                register::settle_mismatch(tx, before.id)?;
            }
            if after.national_id.is_some() {
                (after.local_id, after.local_id_reason, after.local_id_until) = (None, None, None);
            }
            check_codes(tx, &after)?;
            check_national_id(tx, &actor, &after)?;
            if !rows::update_person(tx, &after)? {
                return Err(conflict(&login));
            }
            let mut fact = fact.clone();
            fact.saying(&json!({ "login": login, "fields": change.fields, "decertified": decertified }));
            fact.write(tx)?;
            let stored = rows::person_by_id(tx, after.id)?.ok_or(RefusalCode::NotFound)?;
            Ok::<_, Fail>((view(tx, &actor, stored, now)?, ended))
        };
        let (shown, ended) = self.0.store.write(edit).await?;
        ended.into_iter().for_each(|id| self.rights_changed_of(id));
        Ok(shown)
    }
}

/// A text that may be cleared, or stays.
type Text = Option<Option<String>>;

/// A change with every value in its one form.
#[derive(Debug, Clone)]
struct Checked {
    name: Option<String>,
    given_name: Text,
    family_name: Text,
    national_id: Text,
    profession: Text,
    speciality: Text,
    habilitated: Option<bool>,
    phone: Text,
    of_identity: bool,
    /// Which fields, for the trace: never their values.
    fields: Vec<&'static str>,
}

fn checked(c: PersonChange) -> Result<Checked, Refusal> {
    let of_identity = c.is_of_identity();
    let mut fields = Vec::new();
    let mut text = |field: &'static str, value: Option<String>, check: &dyn Fn(&str) -> Result<String, Refusal>| {
        let Some(value) = value else { return Ok(None) };
        fields.push(field);
        cleared(&value, check).map(Some)
    };
    let given_name = text("given_name", c.given_name, &|t| plain::name(t, "given_name"))?;
    let family_name = text("family_name", c.family_name, &|t| plain::name(t, "family_name"))?;
    let national_id = text("national_id", c.national_id, &national_id)?;
    let profession = text("profession", c.profession, &|t| plain::reference_code(t, "profession"))?;
    let speciality = text("speciality", c.speciality, &|t| plain::reference_code(t, "speciality"))?;
    let phone = text("phone", c.phone, &plain::phone)?;
    let name = c.name.map(|n| shown_name(&n)).transpose()?;
    fields.extend(name.iter().map(|_| "name"));
    fields.extend(c.habilitated.iter().map(|_| "habilitated"));
    let habilitated = c.habilitated;
    Ok(Checked {
        name,
        given_name,
        family_name,
        national_id,
        profession,
        speciality,
        habilitated,
        phone,
        of_identity,
        fields,
    })
}

impl Checked {
    fn applied(&self, mut p: rows::Person) -> rows::Person {
        let set = |into: &mut Option<String>, value: &Text| {
            if let Some(value) = value {
                into.clone_from(value);
            }
        };
        set(&mut p.given_name, &self.given_name);
        set(&mut p.family_name, &self.family_name);
        set(&mut p.national_id, &self.national_id);
        set(&mut p.profession, &self.profession);
        set(&mut p.speciality, &self.speciality);
        set(&mut p.phone, &self.phone);
        if let Some(name) = &self.name {
            p.name.clone_from(name);
        }
        p.habilitated = self.habilitated.unwrap_or(p.habilitated);
        p
    }
}
