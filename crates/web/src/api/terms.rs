//! Terms of use: versions and texts for everybody; publishing; who accepted what. One's own acceptance is under `/me`.
use crate::route::routes;
use crate::{Asker, Created, Json, Page, PageQuery, Path, Problem, Query, Refusals, State, Via, located};
use axum::extract::{Extension, State as AxumState};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use sceau_domain::{Lang, Timestamp};
use sceau_operator::terms::{
    AcceptanceFilter, AcceptanceView, ClauseDifference, NewTerms, OwnTerms, Read, TermsText, TermsView, UnacceptedView,
};
use sceau_operator::{Door, Origin};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use zeroize::Zeroizing;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list, publish))
        .routes(routes!(in_force))
        .routes(routes!(in_force_text))
        .routes(routes!(acceptances, accept_with_token))
        .routes(routes!(missing))
        .routes(routes!(show))
        .routes(routes!(show_text))
        .routes(routes!(withdraw))
        .routes(routes!(differences))
        .routes(routes!(own, accept))
}

/// Language of a text.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Language {
    /// French: the text that counts.
    #[default]
    Fr,
    /// English: its reading copy.
    En,
}

impl From<Language> for Lang {
    fn from(l: Language) -> Self {
        match l {
            Language::Fr => Self::Fr,
            Language::En => Self::En,
        }
    }
}

/// In which language.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct InLanguage {
    /// `fr` (the text that counts) or `en` (its reading copy); `fr` when absent.
    #[serde(default)]
    #[param(inline)]
    lang: Language,
}

/// A version to publish. Without texts, Sceau's own template is taken.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewVersion {
    /// Its name: letters, digits, `.`, `-`, `_`.
    #[schema(min_length = 1, max_length = 40, pattern = "^[A-Za-z0-9._-]+$", example = "2026-11")]
    version: String,
    /// The French text, Markdown with a mark before each clause; the template when both texts are absent.
    #[schema(example = json!(null))]
    text_fr: Option<String>,
    /// Its reading copy in English.
    #[schema(example = json!(null))]
    text_en: Option<String>,
    /// What changed since the version before, in French. Not needed for the first one.
    #[serde(default)]
    #[schema(max_length = 20000, example = "Le délai d'inactivité est précisé.")]
    changes_fr: String,
    /// The same in English.
    #[serde(default)]
    #[schema(max_length = 20000, example = "The time of inactivity is made precise.")]
    changes_en: String,
    /// From when it is in force; at once when absent.
    #[schema(value_type = Option<i64>, example = json!(null))]
    from: Option<Timestamp>,
    /// What the text's placeholders stand for, over what the configuration says.
    #[serde(default)]
    #[schema(example = json!({
        "adresse": "1 rue de l'Exemple, 59000 Lille", "representant": "sa directrice générale", "contact": "contact@exemple.fr",
        "support": "01 00 00 00 00", "dpo": "dpo@exemple.fr", "hebergeur": "Exemple Hébergement"
    }))]
    values: BTreeMap<String, String>,
}

/// What the asker accepts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Acceptance {
    /// Name of the version that was read.
    #[schema(min_length = 1, max_length = 40, example = "2026-11")]
    version: String,
    /// SHA-256 of its French text, hexadecimal.
    #[schema(
        min_length = 64,
        max_length = 64,
        pattern = "^[0-9a-fA-F]{64}$",
        example = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )]
    digest: String,
    /// In which language it was shown; `fr` when absent.
    #[serde(default)]
    lang: Language,
}

/// What a person accepts, and the person's own proof of who it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AcceptanceWithToken {
    /// Login, or the address of the person's BAL.
    #[schema(min_length = 1, max_length = 320, example = "marie.martin")]
    login: String,
    /// A token of the person, for mail programs or for REST.
    #[serde(deserialize_with = "crate::pages::secret")]
    #[schema(value_type = String, format = Password, min_length = 1, max_length = 500, example = "sceau_0000")]
    token: Zeroizing<String>,
    /// Name of the version that was read.
    #[schema(min_length = 1, max_length = 40, example = "2026-11")]
    version: String,
    /// SHA-256 of its French text, hexadecimal.
    #[schema(
        min_length = 64,
        max_length = 64,
        pattern = "^[0-9a-fA-F]{64}$",
        example = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )]
    digest: String,
    /// In which language it was shown; `fr` when absent.
    #[serde(default)]
    lang: Language,
}

/// Why a version is taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TermsWithdrawal {
    /// Why, in one line.
    #[schema(example = "Date erronée", min_length = 1, max_length = 500)]
    reason: String,
}

/// An acceptance that was kept.
#[derive(Debug, Serialize, ToSchema)]
struct Accepted {
    /// What was accepted.
    version: String,
    /// When: the first time, when it was accepted before.
    #[schema(value_type = i64)]
    accepted: Timestamp,
}

/// Which acceptances.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct WhichAcceptances {
    /// Of this version only.
    version: Option<String>,
    /// Of this person only: login.
    person: Option<String>,
}

/// Every version, newest first. For everybody.
#[utoipa::path(get, path = "/terms", tag = "terms", security(()),
    responses((status = 200, description = "The versions, without their texts", body = Page<TermsView>), Refusals),
    extensions(("x-sceau-use-case" = json!("public"))))]
async fn list(AxumState(State(op)): AxumState<State>) -> Result<Json<Page<TermsView>>, Problem> {
    Ok(Json(Page::whole(op.terms_versions().await?)))
}

/// Publishes a version. From its instant on, no BAL opens for whoever has not accepted it.
#[utoipa::path(post, path = "/terms", tag = "terms", request_body = NewVersion,
    responses((status = 201, description = "Published", body = TermsText, headers(("Location" = String, description = "Where it is"))), Refusals),
    extensions(("x-sceau-use-case" = json!("terms.publish"))))]
async fn publish(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(new): Json<NewVersion>,
) -> Result<Created<Json<TermsText>>, Problem> {
    let texts = match (new.text_fr, new.text_en) {
        (None, None) => None,
        // One alone lacks every clause of the other.
        (fr, en) => Some((fr.unwrap_or_default(), en.unwrap_or_default())),
    };
    let new = NewTerms {
        version: new.version,
        texts,
        changes_fr: new.changes_fr,
        changes_en: new.changes_en,
        from: new.from,
        values: new.values,
    };
    let published = op.publish_terms(&actor, new).await?;
    Ok(Created(located(&["terms", "versions", &published.version.version]), Json(published)))
}

/// The version in force, with its texts. For everybody.
#[utoipa::path(get, path = "/terms/in-force", tag = "terms", security(()),
    responses((status = 200, description = "The version in force", body = TermsText), Refusals),
    extensions(("x-sceau-use-case" = json!("public"))))]
async fn in_force(AxumState(State(op)): AxumState<State>) -> Result<Json<TermsText>, Problem> {
    Ok(Json(op.terms_in_force().await?))
}

/// The text in force, as Markdown. For everybody.
#[utoipa::path(get, path = "/terms/in-force/text", tag = "terms", security(()), params(InLanguage),
    responses((status = 200, description = "The text", body = String, content_type = "text/markdown"), Refusals),
    extensions(("x-sceau-use-case" = json!("public"))))]
async fn in_force_text(
    AxumState(State(op)): AxumState<State>,
    Query(asked): Query<InLanguage>,
) -> Result<Response, Problem> {
    Ok(markdown(op.terms_in_force().await?, asked.lang))
}

/// A version, with its texts. For everybody.
#[utoipa::path(get, path = "/terms/versions/{version}", tag = "terms", security(()), params(("version" = String, Path, description = "Name of the version")),
    responses((status = 200, description = "The version", body = TermsText), Refusals),
    extensions(("x-sceau-use-case" = json!("public"))))]
async fn show(AxumState(State(op)): AxumState<State>, Path(version): Path<String>) -> Result<Json<TermsText>, Problem> {
    Ok(Json(op.terms_version(&version).await?))
}

/// The text of a version, as Markdown. For everybody.
#[utoipa::path(get, path = "/terms/versions/{version}/text", tag = "terms", security(()),
    params(("version" = String, Path, description = "Name of the version"), InLanguage),
    responses((status = 200, description = "The text", body = String, content_type = "text/markdown"), Refusals),
    extensions(("x-sceau-use-case" = json!("public"))))]
async fn show_text(
    AxumState(State(op)): AxumState<State>,
    Path(version): Path<String>,
    Query(asked): Query<InLanguage>,
) -> Result<Response, Problem> {
    Ok(markdown(op.terms_version(&version).await?, asked.lang))
}

fn markdown(terms: TermsText, lang: Language) -> Response {
    let (text, tag) = match lang {
        Language::Fr => (terms.fr, "fr"),
        Language::En => (terms.en, "en"),
    };
    ([(header::CONTENT_TYPE, "text/markdown; charset=utf-8"), (header::CONTENT_LANGUAGE, tag)], text).into_response()
}

/// Takes back a version that is not in force yet. Its text stays to be read, marked. What is in force is replaced by publishing another version.
#[utoipa::path(post, path = "/terms/versions/{version}/withdraw", tag = "terms", request_body = TermsWithdrawal,
    params(("version" = String, Path, description = "Name of the version")),
    responses((status = 200, description = "Taken back", body = TermsText), Refusals),
    extensions(("x-sceau-use-case" = json!("terms.publish"))))]
async fn withdraw(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(version): Path<String>,
    Json(why): Json<TermsWithdrawal>,
) -> Result<Json<TermsText>, Problem> {
    Ok(Json(op.withdraw_terms(&actor, &version, &why.reason).await?))
}

/// What differs between two versions, clause by clause. For everybody.
#[utoipa::path(get, path = "/terms/versions/{version}/differences/{other}", tag = "terms", security(()),
    params(("version" = String, Path, description = "Name of the earlier version"), ("other" = String, Path, description = "Name of the later one"), InLanguage),
    responses((status = 200, description = "The differences", body = Page<ClauseDifference>), Refusals),
    extensions(("x-sceau-use-case" = json!("public"))))]
async fn differences(
    AxumState(State(op)): AxumState<State>,
    Path((version, other)): Path<(String, String)>,
    Query(asked): Query<InLanguage>,
) -> Result<Json<Page<ClauseDifference>>, Problem> {
    Ok(Json(Page::whole(op.terms_differences(&version, &other, asked.lang.into()).await?)))
}

/// Who accepted what, newest version first. Administrators of a structure see their own people.
#[utoipa::path(get, path = "/terms/acceptances", tag = "terms", params(WhichAcceptances, PageQuery),
    responses((status = 200, description = "The acceptances", body = Page<AcceptanceView>), Refusals),
    extensions(("x-sceau-use-case" = json!("terms.acceptances"))))]
async fn acceptances(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(which): Query<WhichAcceptances>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<AcceptanceView>>, Problem> {
    let limit = page.limit();
    let filter = AcceptanceFilter { version: which.version, person: which.person, after: page.after, limit };
    let found = op.acceptances(&actor, filter).await?;
    Ok(Json(Page::new(found, limit, |a| a.place.clone())))
}

/// A person accepts the version in force with the token of a mail program, for programs that show the terms themselves. What the page `/conditions`
/// does; held back like a login.
#[utoipa::path(post, path = "/terms/acceptances", tag = "terms", request_body = AcceptanceWithToken, security(()),
    responses((status = 200, description = "Accepted", body = Accepted), Refusals),
    extensions(("x-sceau-use-case" = json!("public"))))]
async fn accept_with_token(
    AxumState(State(op)): AxumState<State>,
    via: Option<Extension<Via>>,
    Json(what): Json<AcceptanceWithToken>,
) -> Result<Json<Accepted>, Problem> {
    let origin = Origin { door: Door::Api, ..crate::pages::origin(via.as_ref().map(|Extension(via)| via)) };
    let read = Read { version: &what.version, digest: &what.digest, lang: what.lang.into() };
    let accepted = op.accept_terms_with((what.login.trim(), what.token.as_str()), read, &origin).await?;
    Ok(Json(Accepted { version: what.version, accepted }))
}

/// People with a BAL who have not accepted the version in force: their BALs stay shut until they do.
#[utoipa::path(get, path = "/terms/missing", tag = "terms", params(PageQuery),
    responses((status = 200, description = "The people", body = Page<UnacceptedView>), Refusals),
    extensions(("x-sceau-use-case" = json!("terms.acceptances"))))]
async fn missing(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<UnacceptedView>>, Problem> {
    let found = op.unaccepted(&actor, page.after.as_deref(), page.limit()).await?;
    Ok(Json(Page::new(found, page.limit(), |u| u.place.clone())))
}

/// Where the asker stands with the terms of use.
#[utoipa::path(get, path = "/me/terms", tag = "me", responses((status = 200, description = "Where the asker stands", body = OwnTerms), Refusals),
    extensions(("x-sceau-use-case" = json!("own.show"))))]
async fn own(AxumState(State(op)): AxumState<State>, Asker(actor): Asker) -> Result<Json<OwnTerms>, Problem> {
    Ok(Json(op.own_terms(&actor).await?))
}

/// The asker, and nobody else, accepts the version in force. Again is harmless.
#[utoipa::path(post, path = "/me/terms", tag = "me", request_body = Acceptance,
    responses((status = 200, description = "Accepted", body = Accepted), Refusals),
    extensions(("x-sceau-use-case" = json!("terms.accept"))))]
async fn accept(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(what): Json<Acceptance>,
) -> Result<Json<Accepted>, Problem> {
    let read = Read { version: &what.version, digest: &what.digest, lang: what.lang.into() };
    let accepted = op.accept_terms_read(&actor, read).await?;
    Ok(Json(Accepted { version: what.version, accepted }))
}
