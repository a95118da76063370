//! Services: endpoints grouped by the paths that a log has.

use std::collections::BTreeMap;

use super::path_template::segments;

/// Paths of calls that are no part of a service, without the first slash.
pub const IGNORED: [&str; 12] = [
    "health",
    "healthz",
    "healthcheck",
    "livez",
    "readyz",
    "ready",
    "live",
    "ping",
    "metrics",
    "favicon.ico",
    "robots.txt",
    "nginx_status",
];
/// Services that are made from paths.
const MOST_SERVICES: usize = 12;
/// Services of the Cloud API by the last part of their paths, as data/services.md has them.
const CLOUD: [(&str, &[&str]); 7] = [
    ("messages", &["messages"]),
    ("media", &["media"]),
    ("marketing", &["marketing_messages"]),
    ("calling", &["calls", "call_permissions"]),
    ("management", &["message_templates", "phone_numbers", "subscribed_apps", "settings", "username"]),
    ("routing", &["thread_control"]),
    ("groups", &["groups"]),
];

/// A service that is proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftService {
    pub name: String,
    /// Patterns; empty if the log names its services.
    pub endpoints: Vec<String>,
    pub why: String,
}

/// Groups paths into services, those with most calls first; `total` is the number of all calls.
///
/// Paths shaped like those of the Cloud API become its services, all others belong to the service
/// of their first part. Less than one call in a hundred makes no service of its own.
pub fn from_paths(templates: &BTreeMap<String, u64>, total: u64) -> Vec<DraftService> {
    let mut groups: BTreeMap<String, (u64, Vec<String>)> = BTreeMap::new();
    for (path, calls) in templates {
        let parts = segments(path);
        if path == "other" || IGNORED.contains(&parts.join("/").as_str()) {
            continue;
        }
        let (name, endpoint) = match parts.as_slice() {
            ["{id}", last] if cloud(last).is_some() => {
                (cloud(last).unwrap_or_default().to_owned(), format!("/{{id}}/{last}"))
            }
            [] | ["{id}", ..] => ("other".to_owned(), "/*".to_owned()),
            // `/api/v2/orders` is of the orders.
            [first, rest @ ..] => {
                let deeper: Vec<&str> =
                    rest.iter().copied().take_while(|_| is_prefix(first)).take(2).collect();
                let named = deeper.iter().rev().find(|part| **part != "{id}" && !is_prefix(part));
                match (named, deeper.iter().position(|part| Some(part) == named)) {
                    (Some(name), Some(at)) => {
                        let before = deeper[..at].iter().map(|part| format!("/{part}")).collect::<String>();
                        (slug(name), format!("/{first}{before}/{name}/*"))
                    }
                    _ => (slug(first), format!("/{first}/*")),
                }
            }
        };
        let group = groups.entry(name).or_default();
        group.0 += calls;
        if !group.1.contains(&endpoint) {
            group.1.push(endpoint);
        }
    }
    let mut all: Vec<_> = groups.into_iter().collect();
    all.sort_by_key(|(name, (calls, _))| (name == "other", std::cmp::Reverse(*calls)));
    let is_large = |calls: u64| calls * 100 >= total;
    let mut rest = 0;
    let mut services = Vec::new();
    for (name, (calls, endpoints)) in all {
        if name == "other" || !is_large(calls) || services.len() == MOST_SERVICES {
            rest += calls;
        } else {
            let why = format!("{} of the calls", percent(calls, total));
            services.push(DraftService { name, endpoints, why });
        }
    }
    if rest > 0 && (is_large(rest) || services.is_empty()) {
        let why = format!("{} of the calls: all other paths", percent(rest, total));
        services.push(DraftService { name: "other".to_owned(), endpoints: vec!["/*".to_owned()], why });
    }
    services
}

/// Returns the share as text, `< 1 %` for the smallest.
pub fn percent(n: u64, of: u64) -> String {
    match n * 100 / of.max(1) {
        0 => "< 1 %".to_owned(),
        percent => format!("{percent} %"),
    }
}

fn cloud(last: &str) -> Option<&'static str> {
    CLOUD.iter().find(|(_, parts)| parts.contains(&last)).map(|(name, _)| *name)
}

/// Returns whether a first part says nothing of the service.
fn is_prefix(part: &str) -> bool {
    let is_version =
        part.strip_prefix('v').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    is_version || matches!(part, "api" | "rest" | "graphql-api")
}

fn slug(part: &str) -> String {
    let slug: String =
        part.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
    let slug = slug.trim_matches('-').to_ascii_lowercase();
    if slug.is_empty() || slug == "webhooks" {
        format!("path-{slug}").trim_end_matches('-').to_owned()
    } else {
        slug
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_cloud_api_become_its_services_and_others_go_by_their_first_part() {
        let paths = [
            ("/v21.0/{id}/messages", 600),
            ("/{id}/media", 100),
            ("/v21.0/{id}", 20),
            ("/orders/{id}/items", 150),
            ("/orders", 50),
            ("/api/v2/users/{id}", 70),
            ("/wp-login.php", 2),
            ("/healthz", 500),
        ];
        let paths = paths.iter().map(|(path, n)| ((*path).to_owned(), *n)).collect();
        let found = from_paths(&paths, 992);
        let shown: Vec<String> =
            found.iter().map(|one| format!("{} {} {}", one.name, one.endpoints.join(" "), one.why)).collect();
        assert_eq!(
            shown,
            [
                "messages /{id}/messages 60 % of the calls",
                "orders /orders/* 20 % of the calls",
                "media /{id}/media 10 % of the calls",
                "users /api/v2/users/* 7 % of the calls",
                "other /* 2 % of the calls: all other paths",
            ]
        );
        assert_eq!(from_paths(&BTreeMap::new(), 1), []);
    }
}
