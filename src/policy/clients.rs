//! Minimum client versions (R16): the versions from which on a client can receive.

use std::cmp::Ordering;

use crate::document::toml::TomlTable;

pub const KEYS: [&str; 2] = ["platform", "minimum"];
/// Words for a client in relation to the minimum of its platform.
pub const WORDS: [&str; 3] = ["below_minimum", "supported", "unknown"];

/// The minimum versions, inclusive, by platform.
#[derive(Debug, Clone, Default)]
pub struct Clients(Vec<(String, Version)>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Version(Vec<u64>);

impl Clients {
    /// Reads the tables `[[client]]`.
    pub fn read(tables: &[TomlTable<'_>]) -> Self {
        let mut clients = Self::default();
        for table in tables {
            let platform =
                table.need("platform", "\"android\"").and_then(|value| Some((value.text()?, value)));
            let minimum =
                table.need("minimum", "\"2.21.15.15\"").and_then(|value| Some((value.text()?, value)));
            let version = minimum.and_then(|(text, value)| {
                let version = Version::parse(text);
                if version.is_none() {
                    let help = "write numbers with dots between them, for example \"2.21.15.15\"";
                    value.wrong(format!("`{text}` is not a version"), "not understood", help);
                }
                version
            });
            let Some((platform, value)) = platform else { continue };
            if clients.minimum(platform).is_some() {
                let message = format!("platform `{platform}` stands twice");
                value.wrong(message, "the second one", "keep one minimum per platform");
            } else if let Some(version) = version {
                clients.0.push((platform.trim().to_lowercase(), version));
            }
        }
        clients
    }

    /// Compares a client with the minimum of its platform.
    ///
    /// `unknown` stands for a platform without a minimum and for a version that cannot be read: an
    /// unknown client is never called too old.
    pub fn standing(&self, platform: &str, version: &str) -> &'static str {
        match (self.minimum(platform), Version::parse(version)) {
            (Some(minimum), Some(version)) if version.order(minimum) == Ordering::Less => "below_minimum",
            (Some(_), Some(_)) => "supported",
            _ => "unknown",
        }
    }

    /// Returns the platforms with their minimum versions.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u64])> {
        self.0.iter().map(|(platform, minimum)| (platform.as_str(), minimum.0.as_slice()))
    }

    fn minimum(&self, platform: &str) -> Option<&Version> {
        let platform = platform.trim().to_lowercase();
        self.0.iter().find(|(name, _)| *name == platform).map(|(_, minimum)| minimum)
    }
}

impl Version {
    /// Parses numbers with dots between them; a suffix such as `-beta`, `+7` or ` (x)` is dropped.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let numbers = text.split(['-', '+', ' ', '(']).next().unwrap_or("");
        let part = |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok()).flatten();
        numbers.split('.').map(part).collect::<Option<Vec<u64>>>().map(Self)
    }

    /// Compares number by number from the left; a missing number is 0.
    fn order(&self, other: &Self) -> Ordering {
        let part = |version: &Self, at: usize| version.0.get(at).copied().unwrap_or(0);
        let parts = self.0.len().max(other.0.len());
        (0..parts)
            .map(|at| part(self, at).cmp(&part(other, at)))
            .find(|o| o.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;

    #[test]
    fn versions_are_compared_number_by_number_within_a_platform() {
        let policy = Policy::built_in();
        for (platform, version, want) in [
            ("android", "2.21.15.15", "supported"),
            ("android", "2.21.15.14", "below_minimum"),
            // As text, `.9` would come after `.15`.
            ("android", "2.21.9.1", "below_minimum"),
            ("Android", "2.21.15", "below_minimum"),
            ("SMBA", "02.21.015.15", "supported"),
            ("android", "2.21.15.15.0", "supported"),
            ("android", "2.21.15.15-beta", "supported"),
            ("android", "2.21.15.14 (x)", "below_minimum"),
            ("kaios", "2.2130.9", "below_minimum"),
            ("kaios", "2.2130.10", "supported"),
            ("web", "2.2132.6", "supported"),
            ("web", "2.2132.05", "below_minimum"),
            ("ios", "2.21.170.4", "supported"),
            ("smbi", "2.21.170.3", "below_minimum"),
            // The store drops the leading `2.`; numerically that is still above the minimum.
            ("ios", "23.20.79", "supported"),
            ("windows", "1.0", "unknown"),
            ("", "2.21.15.15", "unknown"),
            ("android", "", "unknown"),
            ("android", "latest", "unknown"),
            ("android", "2..1", "unknown"),
            ("android", "2.21.x", "unknown"),
        ] {
            assert_eq!(policy.clients.standing(platform, version), want, "{platform} {version}");
        }
    }
}
