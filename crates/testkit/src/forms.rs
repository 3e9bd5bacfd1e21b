//! Every page and every form of a room, found in its source files: a route that nobody thought of is tried as the others are.
use crate::pages::{HERE, House, Room};
use axum::http::{Method, StatusCode};
use sceau_domain::RefusalCode;
use std::path::Path;

/// What a room's files name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Routes {
    /// The paths that are looked at, something in the place of what they name. Those named by a constant are for everybody, and not here.
    pub pages: Vec<String>,
    /// The paths that take something.
    pub forms: Vec<String>,
    /// Routes that take something and whose path is not written where they are, as they stand: they could not be tried.
    pub hidden: Vec<String>,
}

impl Routes {
    /// Those of every file below a folder.
    pub fn below(folder: &Path) -> Self {
        let mut routes = Self::default();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                let more = Self::below(&path);
                routes.pages.extend(more.pages);
                routes.forms.extend(more.forms);
                routes.hidden.extend(more.hidden);
            } else if path.extension().is_some_and(|e| e == "rs") {
                routes.read(&std::fs::read_to_string(&path).unwrap());
            }
        }
        routes
    }

    fn read(&mut self, source: &str) {
        for route in source.split(".route(").skip(1) {
            let (mut depth, mut end) = (1_usize, route.len());
            // As far as the bracket that ends it. (In a path there is none.)
            for (at, c) in route.char_indices() {
                match c {
                    '(' => depth += 1,
                    ')' => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    end = at;
                    break;
                }
            }
            let route = &route[..end];
            let path = route.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"')).map(|(path, _)| path);
            let word = |at: usize| !route[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            let called = |method: &str| route.match_indices(&format!("{method}(")).any(|(at, _)| word(at));
            let takes = ["post", "put", "patch", "delete", "any", "on"].into_iter().any(called);
            match (path, takes) {
                (Some(path), takes) => {
                    if takes {
                        self.forms.push(filled(path));
                    }
                    if called("get") {
                        self.pages.push(filled(path));
                    }
                }
                (None, true) => self.hidden.push(route.to_owned()),
                (None, false) => {}
            }
        }
    }
}

fn filled(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "abc" } else { part }).collect::<Vec<_>>().join("/")
}

impl<R: Room> House<R> {
    /// Sends each form without its word, with somebody else's, with another form's, from elsewhere: what was answered otherwise than by the refusal
    /// that it is for. Nothing: all of them were refused.
    pub async fn forged(&self, forms: &[String]) -> Vec<String> {
        let (anne, bruno) = (self.enters("anne").await, self.enters("bruno").await);
        let cookie = format!("__Host-sceau={anne}");
        let mut taken = Vec::new();
        for path in forms {
            let good = self.word(&anne, path);
            for (headers, form, code) in [
                (vec![("origin", HERE)], String::new(), RefusalCode::FormForged),
                (vec![], format!("jeton={good}"), RefusalCode::FormForged),
                (vec![("origin", "https://ailleurs.fr")], format!("jeton={good}"), RefusalCode::FormForged),
                (vec![("sec-fetch-site", "same-site")], format!("jeton={good}"), RefusalCode::FormForged),
                (vec![("origin", HERE)], format!("jeton={}", self.word(&bruno, path)), RefusalCode::FormOld),
                (vec![("origin", HERE)], format!("jeton={}", self.word(&anne, "/autre")), RefusalCode::FormOld),
            ] {
                let headers: Vec<_> = headers.into_iter().chain([("cookie", cookie.as_str())]).collect();
                let page = self.browse(Method::POST, path, &headers, &form).await;
                if page.status.as_u16() != code.http() || !page.says(code) {
                    taken.push(format!("{path} {headers:?} {form}: {} {}", page.status, page.text));
                }
            }
        }
        taken
    }

    /// Looks at each page, as a stranger and as somebody who is signed in: what is wrong with whom it is for, what it may load, and what it says.
    pub async fn odd_pages(&self, pages: &[String]) -> Vec<String> {
        let cookie = self.as_one("anne").await;
        let mut odd = Vec::new();
        for path in pages {
            let stranger = self.get(path, "").await;
            let to = stranger.header("location");
            if stranger.status != StatusCode::SEE_OTHER || !to.starts_with("/connexion?vers=") {
                odd.push(format!("{path}: a stranger gets {} {to}", stranger.status));
            }
            let page = self.get(path, &cookie).await;
            if page.status.is_server_error() {
                odd.push(format!("{path}: {} {}", page.status, page.text));
            }
            let policy = page.header("content-security-policy");
            if !policy.contains("default-src 'none'") || policy.contains("unsafe") {
                odd.push(format!("{path}: it may load {policy}"));
            }
            // The last ones: a key without its sentence shows itself.
            for never in
                [" style=", "<style", " onclick", "src=\"http", "href=\"http", ">page.desk.", ">common.", ">console."]
            {
                if page.text.contains(never) {
                    odd.push(format!("{path}: {never}"));
                }
            }
        }
        odd
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_found_however_they_are_written() {
        let mut routes = Routes::default();
        routes.read(
            r#"Router::new().route("/a", get(position(a))).route("/b/{id}/c", get(b::session).post(b::take).layer(many(9)))
                .route(
                    "/long/{d}",
                    post(long),
                )
                .route(SHEET, get(sheet)).route(HIDDEN, post(hidden))"#,
        );
        assert_eq!(routes.pages, ["/a", "/b/abc/c"]);
        assert_eq!(routes.forms, ["/b/abc/c", "/long/abc"]);
        assert_eq!(routes.hidden, ["HIDDEN, post(hidden)"]);
    }
}
