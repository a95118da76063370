//! Restrictions: areas without service (R17), and the days on which they have none.

use super::validity::Validity;
use crate::day::Day;
use crate::document::toml::TomlTable;

pub const KEYS: [&str; 5] = ["area", "scope", "valid_from", "valid_until", "because"];
/// Words for a recipient in relation to the restrictions.
pub const WORDS: [&str; 3] = ["restricted", "unrestricted", "unknown"];

/// All restricted areas.
#[derive(Debug, Clone, Default)]
pub struct Restrictions(Vec<Restriction>);

#[derive(Debug, Clone)]
struct Restriction {
    area: String,
    validity: Validity,
}

impl Restrictions {
    /// Reads the tables `[[restriction]]`.
    pub fn read(tables: &[TomlTable<'_>]) -> Self {
        let mut restrictions = Self::default();
        for table in tables {
            if let Some(scope) = table.get("scope") {
                scope.choice(&[("recipient", ())]);
            }
            if let Some(because) = table.need("because", "\"...\"") {
                because.text();
            }
            let validity = Validity::read(table);
            let Some(value) = table.need("area", "\"CU\"") else { continue };
            let Some(area) = value.text() else { continue };
            let overlaps = |other: &Restriction| other.area == area && other.validity.overlaps(&validity);
            if area == "UA" {
                let help = "name its restricted regions instead: UA-43, UA-14, UA-09";
                value.wrong("`UA` as a whole is never restricted (R17)", "the whole country", help);
            } else if !is_area(area) {
                let help = "write an ISO 3166 code such as \"CU\" or \"UA-43\"";
                value.wrong(format!("`{area}` is not an area"), "not understood", help);
            } else if restrictions.0.iter().any(overlaps) {
                let message = format!("area `{area}` is restricted twice on the same day");
                value.wrong(message, "the second one", "keep one of the two, or make their dates disjoint");
            } else {
                restrictions.0.push(Restriction { area: area.to_owned(), validity });
            }
        }
        restrictions
    }

    /// Returns the areas with the days on which they are restricted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Validity)> {
        self.0.iter().map(|restriction| (restriction.area.as_str(), &restriction.validity))
    }

    /// Judges a recipient's area on a day.
    ///
    /// `unknown` stands for no area, and for a country of which only some regions are restricted.
    /// Areas match exactly: `UA` is not `UA-43`.
    pub fn standing(&self, area: &str, day: Day) -> &'static str {
        let mut valid = self.0.iter().filter(|restriction| restriction.validity.holds(day));
        if area.is_empty() {
            "unknown"
        } else if valid.clone().any(|restriction| restriction.area == area) {
            "restricted"
        } else if valid.any(|r| r.area.strip_prefix(area).is_some_and(|region| region.starts_with('-'))) {
            "unknown"
        } else {
            "unrestricted"
        }
    }
}

fn is_area(text: &str) -> bool {
    let (country, region) =
        text.split_once('-').map_or((text, None), |(country, region)| (country, Some(region)));
    let is_region =
        |r: &str| matches!(r.len(), 1..=3) && r.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase()) && region.is_none_or(is_region)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    #[test]
    fn areas_match_exactly_and_on_the_day_of_the_event() {
        let policy = Policy::built_in();
        for (area, day, want) in [
            ("CU", "2026-11-20", "restricted"),
            ("SY", "2026-11-20", "restricted"),
            ("UA-43", "2026-11-20", "restricted"),
            ("UA-30", "2026-11-20", "unrestricted"),
            ("UA", "2026-11-20", "unknown"),
            ("TR", "2024-05-14", "restricted"),
            ("TR", "2024-05-15", "unrestricted"),
            ("DE", "2026-11-20", "unrestricted"),
            ("", "2026-11-20", "unknown"),
            ("cu", "2026-11-20", "unrestricted"),
        ] {
            assert_eq!(policy.restrictions.standing(area, day.parse().unwrap()), want, "{area} {day}");
        }
    }

    #[test]
    fn areas_are_iso_codes() {
        assert!(["CU", "UA-43", "FR-IDF"].into_iter().all(is_area));
        assert!(!["", "C", "cu", "CUB", "UA-", "UA-12345", "+380"].into_iter().any(is_area));
    }
}
