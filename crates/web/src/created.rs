//! `201 Created`, with where the new thing is.
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stays as it is in a part of a path.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@');

/// An answer (`Json`, `Versioned`) with status 201 and `Location`, which [`located`] makes.
#[derive(Debug)]
pub struct Created<T>(pub String, pub T);

/// Where a thing is, from the parts of its path below the API's prefix: `["structures", code]`. Each is written as it must be.
pub fn located(parts: &[&str]) -> String {
    let mut location = String::from(crate::api::PREFIX);
    for part in parts {
        location.push('/');
        location.extend(utf8_percent_encode(part, PLAIN));
    }
    location
}

impl<T: IntoResponse> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let mut response = self.1.into_response();
        *response.status_mut() = StatusCode::CREATED;
        // Percent-encoded above: always a header's value.
        if let Ok(location) = HeaderValue::from_str(&self.0) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}
