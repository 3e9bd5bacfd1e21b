//! What is asked, before anything of it is read: may the asker do this at all, and is each parameter of the query one that the operation knows?
//!
//! Who may not is told so, whatever else is wrong with the request: of paths, queries, versions and bodies nobody learns anything by their mistakes.
//! The operation asks again, for the place, in its own transaction. A parameter that is not known is refused: a filter that is misspelt must not show
//! everything. Use case and parameters of an operation are what its description says, so that the two cannot part.
use crate::Problem;
use crate::asker::Found;
use crate::client_error::invalid;
use axum::extract::{MatchedPath, Query, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sceau_domain::UseCase;
use std::collections::HashMap;
use std::sync::Arc;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{OpenApi, PathItem, RefOr};

/// What the description says of an operation.
#[derive(Debug)]
struct What {
    /// By which the asker is judged; none: public.
    use_case: Option<UseCase>,
    /// Names of the query.
    names: Vec<String>,
}

/// Each operation, by method and pattern of the path.
#[derive(Debug, Clone)]
pub(crate) struct Known(Arc<HashMap<(Method, String), What>>);

impl Known {
    /// From the description.
    pub fn of(description: &OpenApi) -> Self {
        let mut known = HashMap::new();
        for (path, item) in &description.paths.paths {
            for (method, operation) in operations(item) {
                // Parameters are written out where they are taken: none is a reference.
                let names = operation.parameters.iter().flatten().filter_map(|p| match p {
                    RefOr::T(p) if matches!(p.parameter_in, ParameterIn::Query) => Some(p.name.clone()),
                    _ => None,
                });
                let said = operation.extensions.as_ref().and_then(|e| e.get("x-sceau-use-case")?.as_str());
                let use_case = UseCase::ALL.iter().copied().find(|u| Some(u.as_str()) == said);
                let what = What { use_case, names: names.collect() };
                known.insert((method, format!("{}{path}", crate::api::PREFIX)), what);
            }
        }
        Self(Arc::new(known))
    }

    /// The same, without the rights.
    pub fn unjudged(self) -> Self {
        let unjudged =
            |(of, what): (&(Method, String), &What)| (of.clone(), What { use_case: None, names: what.names.clone() });
        Self(Arc::new(self.0.iter().map(unjudged).collect()))
    }

    fn of_request(&self, request: &Request) -> Option<&What> {
        let path = request.extensions().get::<MatchedPath>()?.as_str().to_owned();
        let method = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
        self.0.get(&(method, path))
    }

    fn stranger(&self, request: &Request) -> Option<String> {
        let names = &self.of_request(request)?.names;
        // What cannot be read at all is refused by whoever reads it, or by nobody's need.
        let Query(given) = Query::<Vec<(String, String)>>::try_from_uri(request.uri()).ok()?;
        given.into_iter().map(|(name, _)| name).find(|name| !names.contains(name))
    }
}

fn operations(item: &PathItem) -> impl Iterator<Item = (Method, &Operation)> {
    let all = [
        (Method::GET, &item.get),
        (Method::POST, &item.post),
        (Method::PUT, &item.put),
        (Method::PATCH, &item.patch),
        (Method::DELETE, &item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

/// The layer of the right. A stranger is refused by the operation.
pub(crate) async fn allowed(
    State((state, known)): State<(crate::State, Known)>,
    request: Request,
    next: Next,
) -> Response {
    let use_case = known.of_request(&request).and_then(|what| what.use_case);
    if let (Some(use_case), Some(Found(Ok(actor)))) = (use_case, request.extensions().get::<Found>()) {
        let actor = actor.clone();
        if let Err(refusal) = state.0.may(&actor, use_case).await {
            return Problem(refusal).into_response();
        }
    }
    next.run(request).await
}

/// The layer. Nothing is said to a stranger, whom the operation refuses anyway.
pub(crate) async fn only_known(State(known): State<Known>, request: Request, next: Next) -> Response {
    let somebody = matches!(request.extensions().get::<Found>(), Some(Found(Ok(_))));
    if somebody
        && request.uri().query().is_some_and(|q| !q.is_empty())
        && let Some(name) = known.stranger(&request)
    {
        return invalid("query", &name).into_response();
    }
    next.run(request).await
}
