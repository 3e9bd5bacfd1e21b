//! What a page or an operation of REST is reached by, as [`axum::routing`] has it, with handlers whose types say nothing.
//!
//! The future of a handler is made of all the futures of the use case behind it, thousands of types, and the compiler proves that it may go to another
//! thread for each of some twenty generic functions of the router that name it. With two hundred handlers that was a minute of one core at each build of
//! this crate. Here it is proved once for each.
use axum::extract::Request;
use axum::handler::Handler;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter};
use std::pin::Pin;
use std::sync::Arc;

type Answering = Pin<Box<dyn Future<Output = Response> + Send>>;

/// A handler without its type.
pub struct Erased<S>(Arc<dyn Fn(Request, S) -> Answering + Send + Sync>);

impl<S> Clone for Erased<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Send + Sync + 'static> Handler<(), S> for Erased<S> {
    type Future = Answering;

    fn call(self, request: Request, state: S) -> Answering {
        (self.0)(request, state)
    }
}

/// A handler without its type.
pub fn erased<H: Handler<T, S>, T: 'static, S: Send + Sync + 'static>(handler: H) -> Erased<S> {
    Erased(Arc::new(move |request, state| Box::pin(handler.clone().call(request, state))))
}

/// What is asked for by this method; [`axum::routing::on`].
pub fn on<H: Handler<T, S>, T: 'static, S: Clone + Send + Sync + 'static>(
    method: MethodFilter,
    handler: H,
) -> MethodRouter<S> {
    axum::routing::on(method, erased(handler))
}

/// What is asked for by GET (and HEAD).
pub fn get<H: Handler<T, S>, T: 'static, S: Clone + Send + Sync + 'static>(handler: H) -> MethodRouter<S> {
    on(MethodFilter::GET, handler)
}

/// What is asked for by POST. Two of one path: `get(show).merge(post(change))`.
pub fn post<H: Handler<T, S>, T: 'static, S: Clone + Send + Sync + 'static>(handler: H) -> MethodRouter<S> {
    on(MethodFilter::POST, handler)
}

/// Operations of one path with their description, as `utoipa_axum::routes!` has them.
macro_rules! routes {
    ($($handler:ident),+ $(,)?) => {{
        let mut paths = utoipa::openapi::path::Paths::new();
        let mut schemas = Vec::new();
        let mut router = axum::routing::MethodRouter::new();
        $(utoipa_axum::paste! {
            let mut operation = <[<__path_ $handler>] as utoipa::Path>::operation();
            let tags = <[<__path_ $handler>] as utoipa::__dev::Tags>::tags();
            if !tags.is_empty() {
                operation.tags.get_or_insert_default().extend(tags.iter().map(ToString::to_string));
            }
            let methods = <[<__path_ $handler>] as utoipa::Path>::methods();
            for method in &methods {
                router = router.merge($crate::route::on(utoipa_axum::PathItemExt::to_method_filter(method), $handler));
            }
            <[<__path_ $handler>] as utoipa::__dev::SchemaReferences>::schemas(&mut schemas);
            paths.add_path_operation(<[<__path_ $handler>] as utoipa::Path>::path(), methods, operation);
        })+
        (schemas, paths, router)
    }};
}
pub(crate) use routes;
