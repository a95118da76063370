//! Path template: a path without what differs from call to call, such as `/v21.0/{id}/messages`.

/// Longest part of a path that is a word.
const LONGEST_WORD: usize = 40;
/// Digits from which on a part of letters and digits is an id.
const DIGITS_OF_ID: usize = 4;

/// Returns the template of a path; numbers, UUIDs, hashes and the like become `{id}`.
pub fn template(path: &str) -> String {
    let path = path.split(['?', '#', ';']).next().unwrap_or_default();
    if !path.starts_with('/') {
        return "other".to_owned();
    }
    let parts = path.split('/').map(|part| if is_id(part) { "{id}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// Returns the parts of a template without its version (`v21.0`).
pub fn segments(template: &str) -> Vec<&str> {
    let parts = template.split('/').filter(|part| !part.is_empty());
    let mut parts: Vec<&str> = parts.collect();
    if parts.first().is_some_and(|part| is_version(part)) {
        parts.remove(0);
    }
    parts
}

fn is_version(part: &str) -> bool {
    let Some((whole, fraction)) = part.strip_prefix('v').and_then(|rest| rest.split_once('.')) else {
        return false;
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number(whole) && is_number(fraction)
}

fn is_id(part: &str) -> bool {
    if part.is_empty() || is_version(part) {
        return false;
    }
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    let is_hex = part.len() >= 8 && digits > 0 && part.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    digits == part.len()
        || is_hex
        || digits >= DIGITS_OF_ID
        || part.len() > LONGEST_WORD
        || part.contains(['@', '%', '=', ':', '+'])
        || !part.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_words() {
        for (path, want) in [
            ("/v21.0/100519337945310/messages?access_token=x", "/v21.0/{id}/messages"),
            ("/orders/3f2504e0-4f89-11d3-9a0c-0305e82c3301/items", "/orders/{id}/items"),
            ("/blobs/deadbeef01", "/blobs/{id}"),
            ("/api/v2/users/jane@example.org", "/api/v2/users/{id}"),
            ("/", "/"),
            ("*", "other"),
        ] {
            assert_eq!(template(path), want);
        }
        assert_eq!(segments("/v21.0/{id}/messages"), ["{id}", "messages"]);
        assert_eq!(segments("/v1/chat"), ["v1", "chat"]);
    }
}
