//! One's own BAL: which one has, what was asked for, and opening it oneself by card or what is worth one (F006).
use super::settings::LiberalOpening;
use crate::accounts::NewBal;
use crate::accounts::bals::suggest::for_person;
use crate::boxed;
use crate::openings::{NewOpening, OpeningQuery, OpeningView, facts};
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator, Who};
use sceau_domain::opening::{self, Lack, State, Task};
use sceau_domain::structure::Opening;
use sceau_domain::{BalKind, Refusal, RefusalCode, UseCase};
use sceau_identity::factor::{Factor, Need};
use sceau_store::{Id, Tx, access, accounts, roles, structures};

/// Most requests shown.
const REQUESTS: u32 = 20;

/// What somebody has, asked for, and may open.
#[derive(Debug, Clone, Default)]
pub struct OwnMail {
    /// BALs to which the person has an access.
    pub bals: Vec<OwnBal>,
    /// The person's requests that are under way.
    pub asked: Vec<OpeningView>,
    /// Where a BAL of one's own may be asked for.
    pub places: Vec<OwnPlace>,
    /// What one's ordinary address lacks for that, by the operator's rule (F063).
    pub address: Option<Lack>,
}

/// A BAL to which somebody has an access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnBal {
    /// What names it in an address.
    pub code: String,
    /// Address as displayed.
    pub address: String,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: BalKind,
    /// As what: `holder`, `member`…
    pub role: String,
    /// Its state: `active`, `suspended`…
    pub state: String,
}

/// Where a BAL of one's own may be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnPlace {
    /// The address that it would have.
    pub address: String,
    /// Name of the structure; none: no structure's.
    pub structure: Option<String>,
    /// Its code.
    pub code: Option<String>,
    /// The person decides alone; else somebody verifies the request.
    pub decides: bool,
}

impl Operator {
    /// Does the actor come with what the State issued: a card, or Pro Santé Connect where the operator takes it as one?
    pub(crate) fn opens_own(&self, actor: &Actor) -> bool {
        let identity = &self.config().identity;
        let by = |factor: Factor| actor.proof.proven().iter().any(|p| p.factor == factor);
        let fresh = identity.meets(&actor.proof, Need::Fresh, self.now()).is_ok();
        fresh && (by(Factor::Card) || (identity.psc_opens_bal && by(Factor::Psc)))
    }

    /// The actor's BALs, requests, and where one's own may be opened.
    #[boxed]
    pub async fn own_mail(&self, actor: &Actor) -> Result<OwnMail, Refusal> {
        let Who::Person(person) = &actor.who else { return Err(RefusalCode::RightMissing.into()) };
        let (id, asker, op, moment) = (person.id, actor.clone(), self.clone(), self.moment());
        let find = move |tx: &mut dyn Tx| {
            permit(tx, &asker, UseCase::OwnShow, On::Anywhere)?;
            let mut bals = Vec::new();
            for a in access::of_person(tx, id)? {
                let Some(bal) = accounts::bal_by_id(tx, a.bal_id)? else { continue };
                let Ok(kind) = bal.kind.parse() else { continue };
                let code = op.bal_object(bal.id);
                bals.push(OwnBal { code, address: bal.address, name: bal.label, kind, role: a.role, state: bal.state });
            }
            let places = op.own_places(tx, id, &bals)?;
            let address = match accounts::person_by_id(tx, id)? {
                Some(row) => facts::address_lack(tx, &row, &moment)?,
                None => None,
            };
            Ok::<_, Fail>((bals, places, address))
        };
        let (bals, mut places, address) = self.0.store.read(find).await?;
        let query = OpeningQuery { task: Some(Task::Open), ..OpeningQuery::default() };
        let mut asked = self.openings(actor, query, None, REQUESTS).await?;
        let mine = |o: &OpeningView| o.people.iter().any(|p| p.login == person.login);
        asked.retain(|o| matches!(o.state, State::Requested | State::Verified) && mine(o));
        let domain = |address: &str| address.rsplit_once('@').map(|(_, domain)| domain.to_owned());
        places.retain(|p| !asked.iter().any(|o| o.kind == BalKind::Per && domain(&o.address) == domain(&p.address)));
        Ok(OwnMail { bals, asked, places, address })
    }

    /// Where a person may ask for a BAL of his own: in each structure that leaves it to its professionals and where he works; without a structure, as
    /// the operator decided. Not where he holds one.
    fn own_places(&self, tx: &mut dyn Tx, person: Id, bals: &[OwnBal]) -> Result<Vec<OwnPlace>, Fail> {
        let Some(row) = accounts::person_by_id(tx, person)? else { return Ok(Vec::new()) };
        let (Some(given), Some(family)) = (&row.given_name, &row.family_name) else { return Ok(Vec::new()) };
        let mut places: Vec<(String, Option<structures::Structure>, bool)> = Vec::new();
        let works = roles::structures_of_person(tx, person)?;
        for id in &works {
            let Some(structure) = structures::by_id(tx, *id)?.filter(|s| s.blocked.is_none()) else { continue };
            let policy: Option<Opening> = structure.opening.parse().ok();
            if opening::may_ask_own(policy, BalKind::Per) {
                let domains = structures::domains(tx, *id)?;
                places.extend(domains.into_iter().map(|d| (d, Some(structure.clone()), true)));
            }
        }
        let liberal = self.config().identity.liberal_opening;
        if works.is_empty() && liberal != LiberalOpening::Closed {
            let decides = liberal == LiberalOpening::Own;
            places.extend(structures::domains_of_none(tx)?.into_iter().map(|d| (d, None, decides)));
        }
        let mut out = Vec::new();
        for (domain, structure, decides) in places {
            let end = format!("@{domain}");
            if bals.iter().any(|b| b.kind == BalKind::Per && b.role == "holder" && b.address.ends_with(&end)) {
                continue;
            }
            let Some(address) = for_person(tx, (given, family), &domain)? else { continue };
            let decides = decides && row.national_id.is_some();
            let (code, structure) = structure.map(|s| (s.code, s.name)).unzip();
            out.push(OwnPlace { address, structure, code, decides });
        }
        Ok(out)
    }

    /// Asks for the actor's own BAL at one of the places of [`Operator::own_mail`], by its address; where the person decides, it is verified at once,
    /// and opens when the terms are accepted. `ordinary`: the ordinary address for notifications, where it is still to be given (F063).
    ///
    /// # Errors
    /// `auth.issuer`, `auth.fresh`; `admin.not_found`: there is no such place (any more); what [`Operator::ask_opening`] refuses.
    #[boxed]
    pub async fn open_own_bal(
        &self,
        actor: &Actor,
        address: &str,
        ordinary: Option<&str>,
    ) -> Result<OpeningView, Refusal> {
        self.needs(actor, Need::Issuer)?;
        self.needs(actor, Need::Fresh)?;
        let Who::Person(person) = &actor.who else { return Err(RefusalCode::RightMissing.into()) };
        let found = self.own_mail(actor).await?.places.into_iter().find(|p| p.address == address);
        let place = found.ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", address))?;
        let address = place.address.parse().map_err(|_| Refusal::new(RefusalCode::RcptSyntax))?;
        let new = NewBal {
            structure: place.code,
            notification_address: ordinary.map(str::to_owned),
            ..NewBal::new(address, BalKind::Per, &person.name, &[&person.login])
        };
        self.ask_opening(actor, NewOpening::Open(new)).await
    }
}
