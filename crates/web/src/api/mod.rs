//! REST, one file a family of operations. Each operation is described where it is written; the description and the routes are made of the same lines.
//!
//! The house's ways: `snake_case` fields, as `--json` of the command line has them; instants in milliseconds since 1970-01-01T00:00:00Z; lists by pages;
//! each operation names its use case in `x-sceau-use-case`, which is what the rights are judged by. Ids of rows are decimal texts.
//!
//! A family is written as `domains.rs` is: `Asker` before whatever else is read from the request, so that nobody learns from a stranger's mistake;
//! `responses((status = 200, …), Refusals)`; what is added answers 201 with `Location` ([`crate::Created`]); what can be changed answers with its
//! version and takes `If-Match`; each field of a request's body has an `example` that the operation accepts, and as narrow a schema as its rules.
mod abuse;
mod access;
mod alarms;
mod antivirus;
mod bal_certificates;
mod bals;
mod bodies;
mod calendar;
mod care;
mod certificates;
mod connectors;
mod device_authority;
mod disclosures;
mod domain_moves;
mod domains;
mod eligibility;
mod factors;
mod holds;
mod identity;
mod imports;
mod life;
mod log;
mod me;
mod nodes;
mod notices;
mod oauth_clients;
mod openings;
mod peers;
mod people;
mod policies;
mod publication;
mod queue;
mod reference;
mod reports;
mod retention;
mod revocation;
mod roles;
mod sessions;
mod sso;
mod structures;
mod terms;
mod tokens;
mod traces;
mod usage;
mod white_list;

use crate::State;
use crate::route::get;
use axum::Router;
use axum::body::Bytes;
use std::sync::LazyLock;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;

/// Where REST begins.
pub const PREFIX: &str = "/api/v1";

/// Routes and their description.
pub fn described() -> (Router<State>, OpenApi) {
    let info = InfoBuilder::new()
        .title("Sceau")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(include_str!("description.md")))
        .build();
    let mut base = OpenApiBuilder::new().info(info).build();
    base.servers = Some(vec![utoipa::openapi::Server::new(PREFIX)]);
    let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    let components = base.components.get_or_insert_default();
    components.add_security_scheme("bearer", scheme);
    crate::refusals::describe(components);
    components.schemas.insert("Id".into(), <crate::Id as utoipa::PartialSchema>::schema());
    base.security = Some(vec![utoipa::openapi::security::SecurityRequirement::new("bearer", Vec::<String>::new())]);
    let (routes, mut description) = OpenApiRouter::with_openapi(base)
        .merge(access::routes())
        .merge(abuse::routes())
        .merge(alarms::routes())
        .merge(antivirus::routes())
        .merge(identity::routes())
        .merge(device_authority::routes())
        .merge(sso::routes())
        .merge(bals::routes())
        .merge(bal_certificates::routes())
        .merge(bodies::routes())
        .merge(calendar::routes())
        .merge(eligibility::routes())
        .merge(factors::routes())
        .merge(usage::routes())
        .merge(notices::routes())
        .merge(holds::routes())
        .merge(life::routes())
        .merge(retention::routes())
        .merge(revocation::routes())
        .merge(care::routes())
        .merge(connectors::routes())
        .merge(certificates::routes())
        .merge(disclosures::routes())
        .merge(domains::routes())
        .merge(domain_moves::routes())
        .merge(imports::routes())
        .merge(log::routes())
        .merge(me::routes())
        .merge(nodes::routes())
        .merge(oauth_clients::routes())
        .merge(openings::routes())
        .merge(peers::routes())
        .merge(people::routes())
        .merge(policies::routes())
        .merge(publication::routes())
        .merge(reports::routes())
        .merge(queue::routes())
        .merge(reference::routes())
        .merge(structures::routes())
        .merge(roles::routes())
        .merge(sessions::routes())
        .merge(terms::routes())
        .merge(tokens::routes())
        .merge(traces::routes())
        .merge(white_list::routes())
        .split_for_parts();
    name_operations(&mut description);
    crate::schema::one_object_each(&mut description);
    (routes, description)
}

/// Names each operation by its family and what it does: `tokens_list`. Programs that write clients want names, each once.
fn name_operations(description: &mut OpenApi) {
    let mut taken = std::collections::BTreeSet::new();
    for (path, item) in &mut description.paths.paths {
        let all = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        for operation in all.into_iter().flatten() {
            let family = operation.tags.iter().flatten().next().map(|tag| tag.replace('-', "_")).unwrap_or_default();
            let mut name = format!("{family}_{}", operation.operation_id.take().unwrap_or_default());
            if !taken.insert(name.clone()) {
                // Two files of one family: the end of the path tells them apart.
                let last = path.rsplit('/').find(|part| !part.starts_with('{')).unwrap_or_default();
                name = format!("{name}_{}", last.replace('-', "_"));
                taken.insert(name.clone());
            }
            operation.operation_id = Some(name);
        }
    }
}

/// The description as `docs/openapi.json` keeps it.
pub fn document() -> String {
    described().1.to_pretty_json().unwrap_or_default()
}

/// The description, for everybody.
pub(crate) fn description() -> Router<State> {
    // Written when somebody first asks: most programs never do. Shared: anybody may ask for it, many at once, and read slowly.
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| described().1.to_json().unwrap_or_default().into());
    let answer = async || ([(axum::http::header::CONTENT_TYPE, "application/json")], TEXT.clone());
    Router::new().route(&format!("{PREFIX}/openapi.json"), get(answer))
}
