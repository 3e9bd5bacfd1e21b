//! BALs: opened by whoever may ask and decide, shown, changed, chosen for; addresses proposed.
use crate::route::routes;
use crate::{
    Asker, Created, Id, IfMatch, Json, Page, PageQuery, Path, Problem, Query, Refusals, State, Versioned, located,
    schema,
};
use axum::extract::State as AxumState;
use sceau_domain::{BalKind, DomainName, Refusal, RefusalCode, UseCase};
use sceau_operator::accounts::{BalChoices, BalEdit, BalQuery, BalView, ChoiceStep, NewBal, SuggestFor, Suggested};
use sceau_operator::openings::OpeningView;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(suggest))
        .routes(routes!(show, edit))
        .routes(routes!(choices, choose))
}

/// Which BALs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Of this domain.
    #[param(value_type = Option<String>, example = "hopital.mssante.fr")]
    domain: Option<DomainName>,
    /// Of the structure with this code.
    structure: Option<String>,
    /// Of this kind.
    #[param(value_type = schema::BalKindWord, inline, required = false)]
    kind: Option<BalKind>,
    /// In this state: `active`, `suspended`, `blocked`, `closing` or `closed`.
    #[param(value_type = schema::BalStateWord, inline, required = false)]
    state: Option<String>,
    /// With this in the address or the name.
    #[param(max_length = 120)]
    text: Option<String>,
    /// Only open ones for which somebody stands (the holder, one of those responsible) whose ordinary address is missing, unconfirmed or wrong.
    lacks_notification_address: Option<bool>,
}

/// BALs by address, of the asker's place and the asker's own. Never anything of their content.
#[utoipa::path(get, path = "/bals", tag = "bals", params(Which, PageQuery),
    responses((status = 200, description = "The BALs", body = Page<BalView>), Refusals),
    extensions(("x-sceau-use-case" = json!("bal.list"))))]
async fn list(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(which): Query<Which>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<BalView>>, Problem> {
    let limit = page.limit();
    let query = BalQuery {
        domain: which.domain.map(|d| d.to_string()),
        structure: which.structure,
        kind: which.kind,
        state: which.state,
        text: which.text,
        lacks_notification_address: which.lacks_notification_address.unwrap_or_default(),
    };
    let found = op.bals(&actor, query, page.after.as_deref(), limit).await?;
    Ok(Json(Page::new(found, limit, |b| b.address.clone())))
}

/// Asks for a BAL and verifies the request in one act. The answer is the request: `state` says `opened`, or `waits_for` what is missing.
#[utoipa::path(post, path = "/bals", tag = "bals", request_body = NewBal,
    responses((status = 201, description = "Verified; opened, or waiting", body = OpeningView,
        headers(("Location" = String, description = "Where the request is"))), Refusals),
    extensions(("x-sceau-use-case" = json!("opening.decide"))))]
async fn add(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(new): Json<NewBal>,
) -> Result<Created<Versioned<OpeningView>>, Problem> {
    let view = op.add_bal(&actor, new).await?;
    Ok(Created(located(&["openings", &view.id]), Versioned(view.version, view)))
}

/// For whom an address is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// First names of a person.
    #[param(max_length = 120, example = "Jean-François")]
    given: Option<String>,
    /// Family name of a person.
    #[param(max_length = 120, example = "Le Goff")]
    family: Option<String>,
    /// Code of a structure.
    structure: Option<String>,
    /// In this domain; the structure's first one when absent.
    #[param(value_type = Option<String>, example = "hopital.mssante.fr")]
    domain: Option<DomainName>,
}

/// Proposes an address that is free at this moment: `prenom.nom` (homonyms are numbered), or the structure's name.
#[utoipa::path(get, path = "/bals/suggestions", tag = "bals", params(Wanted),
    responses((status = 200, description = "The address", body = Suggested), Refusals),
    extensions(("x-sceau-use-case" = json!("opening.ask"))))]
async fn suggest(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Suggested>, Problem> {
    op.may(&actor, UseCase::OpeningAsk).await?;
    let whom = match (wanted.given, wanted.family, wanted.structure) {
        (Some(given), Some(family), None) => SuggestFor::Person { given, family },
        (None, None, Some(code)) => SuggestFor::Structure(code),
        _ => return Err(Refusal::new(RefusalCode::Invalid).with("name", "given, family | structure").into()),
    };
    Ok(Json(op.suggest_address(&actor, whom, wanted.domain).await?))
}

/// One BAL.
#[utoipa::path(get, path = "/bals/{address}", tag = "bals", params(("address" = String, Path, description = "Address of the BAL")),
    responses((status = 200, description = "The BAL", body = BalView, headers(("ETag" = String, description = "Version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("bal.list"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
) -> Result<Versioned<BalView>, Problem> {
    let bal = op.bal(&actor, &address).await?;
    Ok(Versioned(bal.version, bal))
}

/// Changes what is published of a BAL. Its address and kind never change.
#[utoipa::path(patch, path = "/bals/{address}", tag = "bals", request_body = BalEdit,
    params(("address" = String, Path, description = "Address of the BAL"), ("If-Match" = String, Header, description = "ETag that the change starts from")),
    responses((status = 200, description = "The BAL", body = BalView, headers(("ETag" = String, description = "Version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("bal.edit"))))]
async fn edit(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
    IfMatch(version): IfMatch,
    Json(change): Json<BalEdit>,
) -> Result<Versioned<BalView>, Problem> {
    let bal = op.edit_bal(&actor, &address, version, change).await?;
    Ok(Versioned(bal.version, bal))
}

/// Which choices.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct WhichChoices {
    /// From after this one, in the order of the list: the `next` of the page before.
    after: Option<Id>,
    /// How many, at most 1,000; 100 when absent.
    #[param(minimum = 1, maximum = 1000)]
    #[serde(default, deserialize_with = "crate::page::within")]
    limit: Option<u32>,
}

/// What was chosen about a BAL, newest first: each with who chose, when and as what.
#[utoipa::path(get, path = "/bals/{address}/choices", tag = "bals", params(("address" = String, Path, description = "Address of the BAL"), WhichChoices),
    responses((status = 200, description = "The choices", body = Page<ChoiceStep>), Refusals),
    extensions(("x-sceau-use-case" = json!("bal.list"))))]
async fn choices(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
    Query(which): Query<WhichChoices>,
) -> Result<Json<Page<ChoiceStep>>, Problem> {
    let limit = which.limit.unwrap_or(100);
    let found = op.choices_of_bal(&actor, &address, which.after.map(|id| id.0), limit).await?;
    let Page { items, next } = Page::new(found, limit, |(id, _)| id.to_string());
    Ok(Json(Page { items: items.into_iter().map(|(_, choice)| choice).collect(), next }))
}

/// Makes choices about a BAL: liste rouge, telephone published, zéro papier. None is ever preset.
#[utoipa::path(patch, path = "/bals/{address}/choices", tag = "bals", request_body = BalChoices,
    params(("address" = String, Path, description = "Address of the BAL"), ("If-Match" = String, Header, description = "ETag that the change starts from")),
    responses((status = 200, description = "The BAL", body = BalView, headers(("ETag" = String, description = "Version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("bal.choices"))))]
async fn choose(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
    IfMatch(version): IfMatch,
    Json(choices): Json<BalChoices>,
) -> Result<Versioned<BalView>, Problem> {
    let bal = op.choose_for_bal(&actor, &address, version, choices).await?;
    Ok(Versioned(bal.version, bal))
}
