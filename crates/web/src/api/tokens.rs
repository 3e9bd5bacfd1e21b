//! Tokens: for mail programs (`device`) and for REST (`api`). A person makes, sees and revokes their own; administrators see and revoke those of
//! their people, and have a link sent behind which the person makes one.
use crate::route::routes;
use crate::{Asker, Created, Id, IdPage, Json, Page, Path, Problem, Query, Refusals, Secret, State, located, schema};
use axum::extract::State as AxumState;
use axum::http::StatusCode;
use axum::{Extension, response::IntoResponse, response::Response};
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use sceau_operator::Who;
use sceau_operator::accounts::{NewTokenLink, TokenLinkView, TokenView};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(send)).routes(routes!(show, revoke))
}

/// What a token opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Purpose {
    Device,
    Api,
}

/// A token to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewToken {
    /// Whose; the asker's own when absent. Or that of a machine, by somebody responsible for its BAL, which `bal` names then.
    #[schema(example = "anne", max_length = 64)]
    login: Option<String>,
    /// `device`: mail programs; `api`: REST.
    #[schema(schema_with = schema::token_purpose)]
    purpose: Purpose,
    /// Only for this BAL; for mail programs.
    #[schema(max_length = 320)]
    bal: Option<String>,
    /// What it is for.
    #[schema(example = "Poste du secrétariat", min_length = 1, max_length = 120)]
    label: String,
    /// Until, milliseconds since 1970; without end when absent. A token that has an end makes none that lives longer.
    #[schema(value_type = Option<i64>)]
    expires: Option<Timestamp>,
}

/// A link to send.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewLink {
    /// Whose token.
    #[schema(example = "anne", min_length = 1, max_length = 64)]
    login: String,
    /// `device`: mail programs; `api`: REST.
    #[schema(schema_with = schema::token_purpose)]
    purpose: Purpose,
    /// Only for this BAL; for mail programs.
    #[schema(max_length = 320)]
    bal: Option<String>,
    /// What it is for.
    #[schema(example = "Poste du secrétariat", min_length = 1, max_length = 120)]
    label: String,
    /// Until when the token is good, milliseconds since 1970; without end when absent.
    #[schema(value_type = Option<i64>)]
    expires: Option<Timestamp>,
    /// For a machine, and only then: login of somebody responsible for the BAL, who gets the link.
    #[schema(max_length = 64)]
    to: Option<String>,
}

/// A token that was made. The secret is shown this once.
#[derive(Debug, Serialize, ToSchema)]
struct CreatedToken {
    #[serde(flatten)]
    token: TokenView,
    /// What a program gives.
    secret: String,
}

/// Which tokens.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only this person's.
    login: Option<String>,
}

/// Tokens, oldest first, without their secrets.
#[utoipa::path(get, path = "/tokens", tag = "tokens", params(Which, IdPage),
    responses((status = 200, description = "The tokens", body = Page<TokenView>), Refusals),
    extensions(("x-sceau-use-case" = json!("token.list"))))]
async fn list(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(which): Query<Which>,
    Query(page): Query<IdPage>,
) -> Result<Json<Page<TokenView>>, Problem> {
    let (after, limit) = (page.after().unwrap_or(0), page.limit());
    let tokens = op.tokens(&actor, which.login.as_deref(), after, limit).await?;
    Ok(Json(Page::new(tokens, limit, |t| t.id.to_string())))
}

/// Makes a token, the asker's own. Its secret is in this answer and nowhere else.
///
/// Nobody is shown the secret of somebody else's: `token.other`. `POST /tokens/links` has a link sent.
#[utoipa::path(post, path = "/tokens", tag = "tokens", request_body = NewToken,
    responses((status = 201, description = "Made", body = CreatedToken, headers(("Location" = String, description = "Where it is"))), Refusals),
    extensions(("x-sceau-use-case" = json!("token.create"))))]
async fn create(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(new): Json<NewToken>,
) -> Result<Response, Problem> {
    let login = match (new.login, &actor.who) {
        (Some(login), _) => login,
        (None, Who::Person(person)) => person.login.clone(),
        (None, _) => return Err(Refusal::new(RefusalCode::Invalid).with("name", "login").into()),
    };
    let (token, secret) = match (new.purpose, new.bal) {
        (Purpose::Api, None) => op.create_api_token(&actor, &login, &new.label, new.expires).await?,
        (Purpose::Api, Some(_)) => return Err(Refusal::new(RefusalCode::Invalid).with("name", "bal").into()),
        (Purpose::Device, bal) => op.create_token(&actor, &login, bal.as_deref(), &new.label, new.expires).await?,
    };
    let place = located(&["tokens", &token.id.to_string()]);
    Ok((Extension(Secret), Created(place, Json(CreatedToken { token, secret }))).into_response())
}

/// Sends a person a one-time link, to the verified notification address, behind which the person makes the token and alone sees it.
///
/// For a machine it goes to somebody responsible for its BAL. Whoever typed the address in does not send there (`token.setter`).
#[utoipa::path(post, path = "/tokens/links", tag = "tokens", request_body = NewLink,
    responses((status = 200, description = "Sent; neither the link nor a token is shown", body = TokenLinkView), Refusals),
    extensions(("x-sceau-use-case" = json!("token.create"))))]
async fn send(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(new): Json<NewLink>,
) -> Result<Json<TokenLinkView>, Problem> {
    let api = matches!(new.purpose, Purpose::Api);
    let NewLink { login, bal, label, expires, to, .. } = new;
    Ok(Json(op.send_token_link(&actor, NewTokenLink { login, api, bal, label, expires, to }).await?))
}

/// One token, without its secret.
#[utoipa::path(get, path = "/tokens/{id}", tag = "tokens", params(("id" = Id, Path, description = "Id of the token")),
    responses((status = 200, description = "The token", body = TokenView), Refusals),
    extensions(("x-sceau-use-case" = json!("token.list"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
) -> Result<Json<TokenView>, Problem> {
    Ok(Json(op.token(&actor, id.0).await?))
}

/// Revokes a token: no login with it from now on, and sessions opened with it end at their next command.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens", params(("id" = Id, Path, description = "Id of the token")),
    responses((status = 204, description = "Revoked"), Refusals),
    extensions(("x-sceau-use-case" = json!("token.revoke"))))]
async fn revoke(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
) -> Result<StatusCode, Problem> {
    op.revoke_token(&actor, id.0).await?;
    Ok(StatusCode::NO_CONTENT)
}
