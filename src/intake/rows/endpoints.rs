//! Endpoints: finds the service that a request path belongs to.

use serde::{Deserialize, Serialize};

use crate::config::{Config, Service, WEBHOOK_SERVICE};
use crate::facts::{IGNORED, UNASSIGNED};

/// Service of every request, if the config names no service.
pub const ALL: &str = "all";

/// Names that the config declares.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Declared {
    /// Of `[[service]]`, and the one of notifications; empty if the config has no services.
    pub services: Vec<String>,
    pub regions: Vec<String>,
}

impl Declared {
    pub fn of(config: &Config) -> Self {
        let named = config.services.iter().map(|service| service.name.clone());
        let services = match config.services.as_slice() {
            [] => Vec::new(),
            _ => named.chain([WEBHOOK_SERVICE.to_owned()]).collect(),
        };
        Self { services, regions: config.regions.clone() }
    }

    /// Returns the declared services, and those that intake itself names.
    pub fn all_services(&self) -> Vec<&str> {
        let own = [ALL, UNASSIGNED, IGNORED, WEBHOOK_SERVICE];
        self.services.iter().map(String::as_str).chain(own).collect()
    }

    /// Returns the declared regions, and the one of rows without a region.
    pub fn all_regions(&self) -> Vec<&str> {
        self.regions.iter().map(String::as_str).chain(["-"]).collect()
    }
}

/// Patterns of all services, in the order of the config; the first match wins.
#[derive(Debug, Clone)]
pub struct Endpoints {
    patterns: Vec<(Vec<Segment>, String)>,
    fallback: &'static str,
}

#[derive(Debug, Clone, PartialEq)]
enum Segment {
    Exact(String),
    Any,
    /// `media*`: a segment with this beginning, and any rest of the path.
    Rest(String),
}

impl Endpoints {
    /// Takes the patterns of all services; a path that matches one of `ignored` belongs to none.
    pub fn of(services: &[Service], ignored: &[String]) -> Self {
        let pattern = |text: &str| -> Vec<Segment> {
            segments(bare_path(text.as_bytes()))
                .map(|s| match s {
                    [start @ .., b'*'] => Segment::Rest(String::from_utf8_lossy(start).into_owned()),
                    _ if s.starts_with(b"{") => Segment::Any,
                    _ => Segment::Exact(String::from_utf8_lossy(s).into_owned()),
                })
                .collect()
        };
        let of_services =
            services.iter().flat_map(|s| s.endpoints.iter().map(move |e| (pattern(e), s.name.clone())));
        let ignored = ignored.iter().map(|e| (pattern(e), IGNORED.to_owned()));
        let patterns = ignored.chain(of_services).collect();
        Self { patterns, fallback: if services.is_empty() { ALL } else { UNASSIGNED } }
    }

    /// Returns the service of a path or URL; query, host and version (`/v21.0`) do not matter.
    pub fn service(&self, path: &[u8]) -> &str {
        let path = bare_path(path);
        let hit = self.patterns.iter().find(|(pattern, _)| matches(pattern, path));
        hit.map_or(self.fallback, |(_, service)| service)
    }

    /// Returns the service of a request without a matching path.
    pub const fn fallback(&self) -> &'static str {
        self.fallback
    }
}

fn matches(pattern: &[Segment], path: &[u8]) -> bool {
    let mut found = segments(path);
    for wanted in pattern {
        match (wanted, found.next()) {
            (Segment::Rest(start), segment) => {
                return start.is_empty() || segment.is_some_and(|s| s.starts_with(start.as_bytes()));
            }
            (Segment::Any, Some(_)) => {}
            (Segment::Exact(text), Some(segment)) if text.as_bytes() == segment => {}
            _ => return false,
        }
    }
    found.next().is_none()
}

/// Returns a path without scheme, host and query.
fn bare_path(url: &[u8]) -> &[u8] {
    let path = match url {
        [b'/', ..] => url,
        _ => match memchr::memmem::find(url, b"://") {
            Some(at) => {
                let host = &url[at + 3..];
                &host[memchr::memchr(b'/', host).unwrap_or(host.len())..]
            }
            None => url,
        },
    };
    &path[..memchr::memchr2(b'?', b'#', path).unwrap_or(path.len())]
}

/// Splits a path without a query into its segments, without the version.
fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut parts = path.split(|b| *b == b'/').filter(|s| !s.is_empty()).peekable();
    let is_version =
        |s: &&[u8]| s.len() > 1 && s[0] == b'v' && s[1..].iter().all(|b| b.is_ascii_digit() || *b == b'.');
    let _ = parts.next_if(is_version);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_find_their_service() {
        let service = |name: &str, endpoints: &[&str]| Service {
            name: name.into(),
            endpoints: endpoints.iter().map(|e| (*e).into()).collect(),
        };
        let endpoints = Endpoints::of(
            &[
                service("messages", &["/{id}/messages"]),
                service("media", &["/{id}/media", "/{media-id}"]),
                service("flows", &["/flows/*", "/{id}/flow*"]),
            ],
            &[],
        );
        for (path, want) in [
            ("/v21.0/106540352242922/messages", "messages"),
            ("/106540352242922/messages?access_token=x", "messages"),
            ("https://graph.example/v19.0/1/media", "media"),
            ("/v2/99", "media"),
            ("/flows/1/2/3", "flows"),
            ("/7/flow_assets/9", "flows"),
            ("/1/messages/2", UNASSIGNED),
            ("", UNASSIGNED),
        ] {
            assert_eq!(endpoints.service(path.as_bytes()), want, "{path}");
        }
        assert_eq!(Endpoints::of(&[], &[]).service(b"/x"), ALL);
        let ignored = ["/healthz".to_owned(), "/metrics*".to_owned()];
        let endpoints = Endpoints::of(&[], &ignored);
        assert_eq!(
            ["/healthz", "/metrics/x", "/x"].map(|path| endpoints.service(path.as_bytes())),
            [IGNORED, IGNORED, ALL]
        );
    }
}
