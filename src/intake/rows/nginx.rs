//! nginx: what its variables about the upstream say, for the preset `nginx-json`.

use super::raw_row::{LogValue, RawRow, UPSTREAM_CONNECT, UPSTREAM_HEADER};
use crate::config::Field;
use crate::facts::Symptom;

/// Returns the last element of nginx's list of tries; `-` is no value.
fn last_try<'v>(value: &'v LogValue<'_>) -> Option<&'v [u8]> {
    match value {
        LogValue::Text(text) => {
            let last = text.rsplit(|b| matches!(b, b',' | b':')).next().unwrap_or_default().trim_ascii();
            (!last.is_empty() && last != b"-").then_some(last)
        }
        LogValue::Int(_) | LogValue::Float(_) => Some(b"number"),
        _ => None,
    }
}

/// Returns the status of the last try, if it is the upstream's and not a client's departure.
pub fn upstream_result(row: &RawRow<'_>) -> Option<u16> {
    let status = match row.get(Field::UpstreamStatus) {
        LogValue::Int(n) => u16::try_from(*n).ok()?,
        value => std::str::from_utf8(last_try(value)?).ok()?.parse().ok()?,
    };
    ((100..=999).contains(&status) && !matches!(status, 460 | 499)).then_some(status)
}

pub fn has_upstream_status(row: &RawRow<'_>) -> bool {
    last_try(row.get(Field::UpstreamStatus)).is_some()
}

/// Derives a symptom from nginx's variables about the upstream connection.
///
/// See the module docs of `ngx_http_upstream_module` and `ngx_http_log_module`. A variable that is
/// not logged proves nothing; `-` proves that the step was not reached.
pub fn nginx_symptom(row: &RawRow<'_>, http_status: u16) -> Symptom {
    let was_skipped = |value: &LogValue<'_>| !value.is_missing() && last_try(value).is_none();
    let was_reached = |value: &LogValue<'_>| last_try(value).is_some();
    let (connect, header) = (row.at(UPSTREAM_CONNECT), row.at(UPSTREAM_HEADER));
    match http_status {
        0 | 408 => Symptom::ClientAbortEarly,
        499 => Symptom::ClientAbortWaiting,
        444 => Symptom::ProxyLocal,
        502 | 504 if was_skipped(connect) => Symptom::Connect,
        502 if was_reached(connect) && was_skipped(header) => Symptom::Reset,
        504 if was_reached(connect) && was_skipped(header) => Symptom::Timeout,
        500.. if was_skipped(row.get(Field::UpstreamStatus)) => Symptom::ProxyLocal,
        _ => Symptom::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symptom_of(fields: &[(usize, &'static str)], status: u16) -> Symptom {
        let mut row = RawRow::new();
        for (field, text) in fields {
            row.set(*field, 0, LogValue::text(text.as_bytes()));
        }
        nginx_symptom(&row, status)
    }

    #[test]
    fn nginx_variables_that_are_not_logged_prove_nothing() {
        for status in [500, 502, 503, 504] {
            assert_eq!(symptom_of(&[], status), Symptom::None);
        }
        let upstream = Field::UpstreamStatus as usize;
        assert_eq!(symptom_of(&[(UPSTREAM_CONNECT, "-")], 502), Symptom::Connect);
        assert_eq!(symptom_of(&[(UPSTREAM_CONNECT, "0.001, -")], 504), Symptom::Connect);
        assert_eq!(symptom_of(&[(UPSTREAM_CONNECT, "0.001"), (UPSTREAM_HEADER, "-")], 502), Symptom::Reset);
        assert_eq!(symptom_of(&[(UPSTREAM_CONNECT, "0.001"), (UPSTREAM_HEADER, "-")], 504), Symptom::Timeout);
        assert_eq!(symptom_of(&[(upstream, "-")], 503), Symptom::ProxyLocal);
        assert_eq!(symptom_of(&[(upstream, "503")], 503), Symptom::None);
        assert_eq!(symptom_of(&[(upstream, "502, 200")], 200), Symptom::None);
    }

    #[test]
    fn a_client_that_hung_up_leaves_the_result_of_the_last_try() {
        let result = |upstream: &'static str| {
            let mut row = RawRow::new();
            row.set(Field::UpstreamStatus as usize, 0, LogValue::text(upstream.as_bytes()));
            upstream_result(&row)
        };
        assert_eq!(["200", "502, 200", "502 : 503"].map(result), [Some(200), Some(200), Some(503)]);
        assert_eq!(["-", "200, -", "499", "soon"].map(result), [None; 4]);
    }
}
