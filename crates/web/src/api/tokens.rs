//! Tokens: for mail programs (`device`) and for REST (`api`). A person makes, sees and revokes their own; administrators those of their people.
use crate::{Asker, Created, Id, Json, Page, Path, Problem, Query, Refusals, Secret, State, located, schema};
use axum::extract::State as AxumState;
use axum::http::StatusCode;
use axum::{Extension, response::IntoResponse, response::Response};
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use sceau_operator::Who;
use sceau_operator::accounts::TokenView;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, revoke))
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
    /// Whose; the asker's own when absent.
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
#[serde(deny_unknown_fields)]
struct Which {
    /// Only this person's.
    login: Option<String>,
    /// From after this one: the `next` of the page before.
    after: Option<Id>,
    /// How many, at most 1,000; 100 when absent.
    #[param(minimum = 1, maximum = 1000)]
    #[serde(default, deserialize_with = "crate::page::within")]
    limit: Option<u32>,
}

/// Tokens, oldest first, without their secrets.
#[utoipa::path(get, path = "/tokens", tag = "tokens", params(Which),
    responses((status = 200, description = "The tokens", body = Page<TokenView>), Refusals),
    extensions(("x-sceau-use-case" = json!("token.list"))))]
async fn list(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(which): Query<Which>,
) -> Result<Json<Page<TokenView>>, Problem> {
    let (after, limit) = (which.after.map_or(0, |id| id.0), which.limit.unwrap_or(100));
    let tokens = op.tokens(&actor, which.login.as_deref(), after, limit).await?;
    Ok(Json(Page::new(tokens, limit, |t| t.id.to_string())))
}

/// Makes a token. Its secret is in this answer and nowhere else.
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
        (None, Who::System) => return Err(Refusal::new(RefusalCode::Invalid).with("name", "login").into()),
    };
    let (token, secret) = match (new.purpose, new.bal) {
        (Purpose::Api, None) => op.create_api_token(&actor, &login, &new.label, new.expires).await?,
        (Purpose::Api, Some(_)) => return Err(Refusal::new(RefusalCode::Invalid).with("name", "bal").into()),
        (Purpose::Device, bal) => op.create_token(&actor, &login, bal.as_deref(), &new.label, new.expires).await?,
    };
    let place = located(&["tokens", &token.id.to_string()]);
    Ok((Extension(Secret), Created(place, Json(CreatedToken { token, secret }))).into_response())
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
