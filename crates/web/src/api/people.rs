//! People: identity, exemptions, ordinary address, where they work.
use crate::route::routes;
use crate::{
    Asker, Created, IfMatch, Json, Page, PageQuery, Path, Problem, Query, Refusals, State, Versioned, located,
};
use axum::extract::State as AxumState;
use sceau_operator::accounts::people::views::{Exemption, NewPerson, PersonChange, PersonView};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(show, edit))
        .routes(routes!(own))
        .routes(routes!(certify))
        .routes(routes!(exempt, end_exemption))
        .routes(routes!(join))
        .routes(routes!(set_email, clear_email))
}

type Shown = Result<Versioned<PersonView>, Problem>;

fn shown(person: PersonView) -> Shown {
    Ok(Versioned(person.version, person))
}

/// Which people.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Those who work in this structure (code) now.
    structure: Option<String>,
}

/// People, by login, as far as the asker may see.
#[utoipa::path(get, path = "/people", tag = "people", params(Which, PageQuery),
    responses((status = 200, description = "The people", body = Page<PersonView>), Refusals),
    extensions(("x-sceau-use-case" = json!("person.list"))))]
async fn list(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(which): Query<Which>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<PersonView>>, Problem> {
    let limit = page.limit();
    let found = op.people_of(&actor, which.structure.as_deref(), page.after.as_deref(), limit).await?;
    Ok(Json(Page::new(found, limit, |p| p.login.clone())))
}

/// Adds a person; with a structure, as somebody who works there.
#[utoipa::path(post, path = "/people", tag = "people",
    request_body(content = NewPerson, example = json!({ "login": "claire.exemple", "name": "Dr Claire Exemple", "given_name": "Claire",
        "family_name": "Exemple", "national_id": "10000000017", "profession": "10", "speciality": "SM04", "habilitated": true,
        "structure": "chu-exemple", "function": "Praticien hospitalier" })),
    responses((status = 201, description = "Added", body = PersonView, headers(("Location" = String, description = "Where it is"),
        ("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("person.add"))))]
async fn add(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(new): Json<NewPerson>,
) -> Result<Created<Versioned<PersonView>>, Problem> {
    let added = op.add_person(&actor, new).await?;
    Ok(Created(located(&["people", &added.login]), Versioned(added.version, added)))
}

/// One person.
#[utoipa::path(get, path = "/people/{login}", tag = "people",
    params(("login" = String, Path, description = "Login", example = "claire.exemple")),
    responses((status = 200, description = "The person", body = PersonView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("person.list"))))]
async fn show(AxumState(State(op)): AxumState<State>, Asker(actor): Asker, Path(login): Path<String>) -> Shown {
    shown(op.person(&actor, &login).await?)
}

/// The asker, as the base has him or her.
#[utoipa::path(get, path = "/me/person", tag = "me",
    responses((status = 200, description = "The asker", body = PersonView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("own.show"))))]
async fn own(AxumState(State(op)): AxumState<State>, Asker(actor): Asker) -> Shown {
    shown(op.own_person(&actor).await?)
}

/// Changes a person's particulars. A change of name or identifier takes the certification with it.
#[utoipa::path(patch, path = "/people/{login}", tag = "people",
    params(("login" = String, Path, description = "Login", example = "claire.exemple"),
        ("If-Match" = String, Header, description = "Version that the change starts from, as its ETag", example = "\"v1\"")),
    request_body(content = PersonChange, example = json!({ "phone": "+33199001234" })),
    responses((status = 200, description = "Changed", body = PersonView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("person.edit"))))]
async fn edit(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(login): Path<String>,
    IfMatch(version): IfMatch,
    Json(change): Json<PersonChange>,
) -> Shown {
    shown(op.edit_person(&actor, &login, version, change).await?)
}

/// Certifies the identity: the asker compared given and family name with an official document or register.
#[utoipa::path(post, path = "/people/{login}/certification", tag = "people",
    params(("login" = String, Path, description = "Login", example = "claire.exemple"),
        ("If-Match" = String, Header, description = "Version that the asker certifies, as its ETag", example = "\"v1\"")),
    responses((status = 200, description = "Certified", body = PersonView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("person.certify"))))]
async fn certify(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(login): Path<String>,
    IfMatch(version): IfMatch,
) -> Shown {
    shown(op.certify_person(&actor, &login, version).await?)
}

/// Exempts the person from the national identifier, where no registration authority exists.
#[utoipa::path(put, path = "/people/{login}/exemption", tag = "people",
    params(("login" = String, Path, description = "Login", example = "claire.exemple"),
        ("If-Match" = String, Header, description = "Version that the change starts from, as its ETag", example = "\"v1\"")),
    request_body(content = Exemption, example = json!({ "identifier": "CHU-00042",
        "reason": "Secrétaire médicale : aucune autorité d'enregistrement", "until": 1_830_000_000_000_i64 })),
    responses((status = 200, description = "Exempted", body = PersonView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("person.certify"))))]
async fn exempt(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(login): Path<String>,
    IfMatch(version): IfMatch,
    Json(exemption): Json<Exemption>,
) -> Shown {
    shown(op.exempt_person(&actor, &login, version, exemption).await?)
}

/// Ends the exemption; without a national identifier the certification goes with it.
#[utoipa::path(delete, path = "/people/{login}/exemption", tag = "people",
    params(("login" = String, Path, description = "Login", example = "claire.exemple"),
        ("If-Match" = String, Header, description = "Version that the change starts from, as its ETag", example = "\"v1\"")),
    responses((status = 200, description = "Ended", body = PersonView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("person.certify"))))]
async fn end_exemption(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(login): Path<String>,
    IfMatch(version): IfMatch,
) -> Shown {
    shown(op.end_exemption(&actor, &login, version).await?)
}

/// Work in a structure.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct Work {
    /// As what.
    #[schema(max_length = 120, example = "Praticien hospitalier")]
    function: String,
    /// National identifier of a person whom the asker does not see yet: shows that this person is meant.
    #[schema(example = "10000000017")]
    national_id: Option<String>,
}

/// The person works in the structure from now on, or has another function there. Who leaves departs: see `/people/{login}/departure`.
#[utoipa::path(put, path = "/people/{login}/memberships/{structure}", tag = "people",
    params(("login" = String, Path, description = "Login", example = "claire.exemple"),
        ("structure" = String, Path, description = "Code of the structure", example = "chu-exemple")),
    request_body(content = Work, example = json!({ "function": "Praticien hospitalier" })),
    responses((status = 200, description = "The person", body = PersonView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("membership.edit"))))]
async fn join(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path((login, structure)): Path<(String, String)>,
    Json(work): Json<Work>,
) -> Shown {
    shown(op.join_structure(&actor, &login, &structure, &work.function, work.national_id.as_deref()).await?)
}

/// An ordinary address.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewEmail {
    /// Address outside the trust space.
    #[schema(min_length = 3, max_length = 254, example = "claire@exemple.fr")]
    address: String,
}

/// Sets the ordinary address, unverified, and sends a one-time link to it. The same address again: another link.
#[utoipa::path(put, path = "/people/{login}/email", tag = "people",
    params(("login" = String, Path, description = "Login", example = "claire.exemple")),
    request_body(content = NewEmail, example = json!({ "address": "claire@exemple.fr" })),
    responses((status = 200, description = "Set", body = PersonView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("person.edit"))))]
async fn set_email(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(login): Path<String>,
    Json(new): Json<NewEmail>,
) -> Shown {
    shown(op.set_email(&actor, &login, &new.address).await?)
}

/// Takes the ordinary address away.
#[utoipa::path(delete, path = "/people/{login}/email", tag = "people",
    params(("login" = String, Path, description = "Login", example = "claire.exemple")),
    responses((status = 200, description = "Taken away", body = PersonView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("person.edit"))))]
async fn clear_email(AxumState(State(op)): AxumState<State>, Asker(actor): Asker, Path(login): Path<String>) -> Shown {
    shown(op.clear_email(&actor, &login).await?)
}
