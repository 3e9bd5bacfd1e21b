//! What every operation may answer besides its success, for the description: `responses((status = 200, …), Refusals)`.
//!
//! The answers stand once, in the description's components, and operations refer to them. What an operation answers and this list does not name
//! is a defect that the contract tests find.
use crate::problem::ProblemBody;
use std::collections::BTreeMap;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::{Components, Ref, RefOr};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

/// Status, name among the components, meaning.
const TABLE: [(&str, &str, &str); 16] = [
    ("400", "Invalid", "Something in the request is not as it must be; `detail_en` names it."),
    ("401", "NotSignedIn", "No token, or one that is not valid."),
    ("403", "NotAllowed", "The asker may not do this here, or accept the terms of use first."),
    ("404", "NotFound", "There is no such thing (told only to those who may see everything of its kind)."),
    ("408", "TooSlow", "The body did not come in time."),
    ("409", "Conflict", "The thing is not in a state in which this can be done, or is there already."),
    ("410", "Gone", "The BAL is closed."),
    ("412", "Changed", "Somebody changed it since: read it again."),
    ("413", "TooBig", "The request's body is too big."),
    ("415", "NotThisType", "The body is not of the type that the operation takes."),
    ("422", "Unprocessable", "A name or an identifier breaks its rules, or a key was used for another request."),
    ("428", "Unconditional", "Say in `If-Match` which version the change starts from."),
    ("429", "TooMany", "Too many requests or failed logins: wait as `Retry-After` says."),
    ("500", "Defect", "A fault of the program; see whether the act took place before repeating it."),
    ("503", "Unavailable", "A part is away for a moment: try again."),
    ("507", "Full", "No more room."),
];

/// The refusals that any operation may answer.
#[derive(Debug)]
pub struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let named =
            |(status, name, _): (&str, &str, &str)| (status.to_owned(), RefOr::Ref(Ref::from_response_name(name)));
        TABLE.into_iter().map(named).collect()
    }
}

/// Puts the answers and their body into the description.
pub(crate) fn describe(components: &mut Components) {
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemBody::name()))).build();
    for (_, name, meaning) in TABLE {
        let response =
            ResponseBuilder::new().description(meaning).content("application/problem+json", body.clone()).build();
        components.responses.insert(name.to_owned(), response.into());
    }
    components.schemas.insert(ProblemBody::name().into_owned(), ProblemBody::schema());
}
