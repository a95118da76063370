//! Fields: reads single values of a row as words, numbers and names, or says why it cannot.

use super::interner::{Lexicon, Names};
use super::raw_row::{LogValue, RawRow, whole};
use crate::config::Field;
use crate::facts::{Admission, Reached, Symptom};

/// Name of all regions together in reports, which no row may use.
const ALL_REGIONS: &str = "*";
/// Distinct names in one field of a work item; a column with more is an id mapped by mistake.
const MAX_NAMES: usize = 4_096;
/// Limit on bytes of such a name.
const LONGEST_NAME: usize = 256;
/// Exclusive limit on error codes.
///
/// Codes of the platform have up to seven digits; longer numbers are phone numbers or ids.
const MAX_CODE: u64 = 100_000_000;

/// Reads the region of a row; `-` if the log does not say.
///
/// Another spelling of a declared name is that name.
pub fn region(row: &RawRow<'_>, names: &mut Lexicon, declared: &[String]) -> Result<u32, String> {
    let region = name(row, Field::Region, &mut names.regions, declared)?;
    if region == 0 {
        return Ok(names.regions.id(b"-", usize::MAX).unwrap_or(0));
    }
    if names.regions.text(region) == ALL_REGIONS {
        return Err(format!("region is `{ALL_REGIONS}`, which stands for all regions together"));
    }
    Ok(region)
}

/// Returns the declared name that a name is in another case, or with blanks around it.
fn spelled<'t>(name: &'t [u8], declared: &'t [String]) -> &'t [u8] {
    if declared.iter().any(|known| known.as_bytes() == name) {
        return name;
    }
    let is = |known: &&String| known.as_bytes().eq_ignore_ascii_case(name.trim_ascii());
    declared.iter().find(is).map_or(name, |known| known.as_bytes())
}

/// Reads a name as its number; 0 if it is missing.
///
/// A name that differs from a declared one only in case or in blanks around it is that one.
pub fn name(row: &RawRow<'_>, field: Field, names: &mut Names, declared: &[String]) -> Result<u32, String> {
    let digits;
    let bytes: &[u8] = match row.get(field) {
        LogValue::Missing => return Ok(0),
        LogValue::Text(text) => text,
        LogValue::Int(n) => {
            digits = n.to_string();
            digits.as_bytes()
        }
        other => return Err(format!("{} is {}, expected text", field.column(), other.excerpt())),
    };
    if bytes.len() > LONGEST_NAME {
        return Err(format!(
            "{} has {} bytes, more than {LONGEST_NAME}; is this column a text?",
            field.column(),
            bytes.len()
        ));
    }
    names.id(spelled(bytes, declared), MAX_NAMES).ok_or_else(|| {
        format!(
            "{} has more than {MAX_NAMES} different values, the next is {}; is this column an id?",
            field.column(),
            row.get(field).excerpt()
        )
    })
}

/// Reads a name that may say something about a person, and refuses long numbers.
///
/// A phone number there was mapped by mistake and is not kept.
pub fn label(row: &RawRow<'_>, field: Field, names: &mut Names) -> Result<u32, String> {
    let is_number = match row.get(field) {
        LogValue::Int(n) => n.unsigned_abs() >= 1_000_000,
        LogValue::Text(text) => {
            let digits = text.strip_prefix(b"+").unwrap_or(text);
            digits.len() >= 7 && digits.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    };
    if is_number {
        let found = row.get(field).excerpt();
        return Err(format!(
            "{} is {found}, a number of seven digits or more; is this column an id?",
            field.column()
        ));
    }
    name(row, field, names, &[])
}

/// Reads the area of a recipient; of a business-scoped user id, only its country is looked at.
///
/// # Errors
/// As for [`label`]; a business-scoped user id is never one.
pub fn area(row: &RawRow<'_>, is_bsuid: bool, areas: &mut Names) -> Result<u32, String> {
    if !is_bsuid {
        return label(row, Field::RecipientArea, areas);
    }
    let LogValue::Text(id) = row.get(Field::RecipientArea) else { return Ok(0) };
    Ok(country_of_bsuid(id).and_then(|country| areas.id(country, MAX_NAMES)).unwrap_or(0))
}

/// Returns the letters before the point of a business-scoped user id (`BR.1349120865530274`).
fn country_of_bsuid(id: &[u8]) -> Option<&[u8]> {
    let (country, rest) = id.split_at_checked(2)?;
    let is_rest = |rest: &[u8]| !rest.is_empty() && rest.iter().all(u8::is_ascii_alphanumeric);
    let is_bsuid = country.iter().all(u8::is_ascii_uppercase) && rest.strip_prefix(b".").is_some_and(is_rest);
    is_bsuid.then_some(country)
}

/// Reads the error code of an answer; 0 is one only at its documented status, 401.
///
/// Loggers write the zero value of a number for no code, but with another status.
pub fn answer_code(row: &RawRow<'_>, codes: &mut Names) -> Result<Option<i64>, String> {
    let found = code(row, Field::ErrorCode, codes)?;
    let is_zero = found.is_none() && integer(row, Field::ErrorCode)? == Some(0);
    if is_zero && status(row)? == 401 && codes.id(b"0", MAX_NAMES).is_some() {
        return Ok(Some(0));
    }
    Ok(found)
}

/// Reads a whole number; `None` if it is missing, `-` or not a number (`NaN`).
///
/// Tools that keep a column of numbers with gaps as floats write NaN into the gaps.
pub fn integer(row: &RawRow<'_>, field: Field) -> Result<Option<i64>, String> {
    let value = row.get(field);
    let found = match value {
        LogValue::Missing => return Ok(None),
        LogValue::Int(n) => Some(*n),
        LogValue::Float(x) if x.is_nan() => return Ok(None),
        LogValue::Float(x) => whole(*x),
        LogValue::Text(text) if text.as_ref() == b"-" || is_nan(text) => return Ok(None),
        LogValue::Text(text) => std::str::from_utf8(text).ok().and_then(|text| {
            let text = text.trim();
            // Tools that keep a column of numbers with gaps as floats write 200 as `200.0`.
            text.parse().ok().or_else(|| text.parse().ok().and_then(whole))
        }),
        _ => None,
    };
    found
        .map(Some)
        .ok_or_else(|| format!("{} is {}, expected a whole number", field.column(), value.excerpt()))
}

/// Returns whether a text is written for a float that is not a number.
pub fn is_nan(text: &[u8]) -> bool {
    text.len() == 3 && text.eq_ignore_ascii_case(b"nan")
}

/// Reads an error code or subcode; 0 is no code.
///
/// Few codes are in use, so a column with very many is an id mapped by mistake.
pub fn code(row: &RawRow<'_>, field: Field, codes: &mut Names) -> Result<Option<i64>, String> {
    // Loggers write the zero value of a number for no code.
    let found = integer(row, field)?.filter(|code| *code != 0);
    if found.is_some_and(|code| code.unsigned_abs() >= MAX_CODE) {
        let found = row.get(field).excerpt();
        return Err(format!("{} is {found}, expected a code of at most eight digits", field.column()));
    }
    if let Some(code) = found
        && codes.id(code.to_string().as_bytes(), MAX_NAMES).is_none()
    {
        return Err(format!(
            "{} has more than {MAX_NAMES} different values; is this column an id?",
            field.column()
        ));
    }
    Ok(found)
}

/// Reads a truth value; `None` if it is missing or `-`.
pub fn boolean(row: &RawRow<'_>, field: Field) -> Result<Option<bool>, String> {
    let value = row.get(field);
    match value {
        LogValue::Missing => Ok(None),
        LogValue::Bool(b) => Ok(Some(*b)),
        LogValue::Int(n @ 0..=1) => Ok(Some(*n == 1)),
        LogValue::Text(text) => match text.as_ref() {
            b"true" | b"True" | b"TRUE" | b"1" => Ok(Some(true)),
            b"false" | b"False" | b"FALSE" | b"0" => Ok(Some(false)),
            b"-" => Ok(None),
            _ => Err(format!("{} is {}, expected true or false", field.column(), value.excerpt())),
        },
        _ => Err(format!("{} is {}, expected true or false", field.column(), value.excerpt())),
    }
}

/// Reads the HTTP status; 0 for none.
///
/// Proxies write `0`, `000`, `-` or `-1` if no answer was sent.
pub fn status(row: &RawRow<'_>) -> Result<u16, String> {
    let wrong = || {
        Err(format!(
            "http_status is {}, expected 100 to 999 or nothing",
            row.get(Field::HttpStatus).excerpt()
        ))
    };
    match integer(row, Field::HttpStatus) {
        Ok(None | Some(0 | -1)) => Ok(0),
        Ok(Some(n @ 100..=999)) => Ok(n as u16),
        Ok(Some(_)) | Err(_) => wrong(),
    }
}

pub fn symptom(row: &RawRow<'_>) -> Result<Symptom, String> {
    let value = row.get(Field::Symptom);
    Ok(match value {
        LogValue::Missing => Symptom::None,
        LogValue::Text(text) => match text.as_ref() {
            b"none" | b"-" => Symptom::None,
            b"dns" => Symptom::Dns,
            b"connect" => Symptom::Connect,
            b"tls" => Symptom::Tls,
            b"proxy_local" => Symptom::ProxyLocal,
            b"client_abort_early" => Symptom::ClientAbortEarly,
            b"client_abort_waiting" => Symptom::ClientAbortWaiting,
            b"reset" => Symptom::Reset,
            b"timeout" => Symptom::Timeout,
            b"cut_off" => Symptom::CutOff,
            _ => return Err(unknown_symptom(value)),
        },
        _ => return Err(unknown_symptom(value)),
    })
}

fn unknown_symptom(value: &LogValue<'_>) -> String {
    format!(
        "symptom is {}, expected none, dns, connect, tls, proxy_local, client_abort_early, client_abort_waiting, \
         reset, timeout or cut_off",
        value.excerpt()
    )
}

/// Reads whether the call reached the platform; `None` if the log does not say.
pub fn reached(row: &RawRow<'_>) -> Result<Option<Reached>, String> {
    let value = row.get(Field::Reached);
    match value {
        LogValue::Missing => Ok(None),
        LogValue::Bool(yes) => Ok(Some(if *yes { Reached::Yes } else { Reached::No })),
        LogValue::Text(text) => match text.as_ref() {
            b"yes" | b"true" => Ok(Some(Reached::Yes)),
            b"no" | b"false" => Ok(Some(Reached::No)),
            b"unknown" | b"-" => Ok(Some(Reached::Unknown)),
            _ => Err(format!("reached is {}, expected yes, no or unknown", value.excerpt())),
        },
        _ => Err(format!("reached is {}, expected yes, no or unknown", value.excerpt())),
    }
}

/// Reads how the call admitted a message, if it names one.
pub fn admission(row: &RawRow<'_>) -> Admission {
    if row.get(Field::MessageId).is_missing() {
        return Admission::None;
    }
    match row.get(Field::MessageStatus) {
        LogValue::Text(text) if text.as_ref() == b"held_for_quality_assessment" => Admission::Held,
        LogValue::Text(text) if text.as_ref() == b"paused" => Admission::Paused,
        _ => Admission::Admitted,
    }
}

/// Scopes of calls that are not part of the service.
pub const SCOPES: [&str; 2] = ["test", "localized"];

/// Reads the scope of a row, and whether it is a word that nobody knows.
///
/// Such a word never moves a call out of the service: the call counts as if it had none.
pub fn scope(row: &RawRow<'_>, names: &mut Lexicon) -> Result<(u32, bool), String> {
    let scope = label(row, Field::Scope, &mut names.scopes)?;
    let word = names.scopes.text(scope).trim();
    if word.is_empty() {
        return Ok((0, false));
    }
    match SCOPES.iter().find(|known| known.eq_ignore_ascii_case(word)) {
        Some(known) => Ok((names.scopes.id(known.as_bytes(), usize::MAX).unwrap_or(scope), false)),
        None => Ok((0, true)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_business_scoped_user_id_begins_with_its_country() {
        assert_eq!(country_of_bsuid(b"BR.13491208655302741918"), Some(b"BR".as_slice()));
        assert_eq!(country_of_bsuid(b"US.ENT506847293015824"), Some(b"US".as_slice()));
        for other in ["", "B", "BR", "BR.", "br.1", "BRA.1", "1555010032", "BR.1 2", "\u{e9}.1"] {
            assert_eq!(country_of_bsuid(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn zero_is_a_code_where_it_is_documented() {
        let code = |code: LogValue<'static>, status: i64| {
            let mut row = RawRow::new();
            row.set(Field::ErrorCode as usize, 0, code);
            row.set(Field::HttpStatus as usize, 0, LogValue::Int(status));
            answer_code(&row, &mut Lexicon::new().codes)
        };
        assert_eq!(code(LogValue::Int(0), 401), Ok(Some(0)));
        assert_eq!(code(LogValue::text(b"0"), 401), Ok(Some(0)));
        for status in [200, 400, 403, 500] {
            assert_eq!(code(LogValue::Int(0), status), Ok(None), "{status}");
        }
        assert_eq!(code(LogValue::Missing, 401), Ok(None));
        assert_eq!(code(LogValue::Int(190), 401), Ok(Some(190)));
    }

    #[test]
    fn only_scopes_of_the_list_move_a_call_out_of_the_service() {
        let scope_of = |text: &'static str| {
            let (mut row, mut names) = (RawRow::new(), Lexicon::new());
            row.set(Field::Scope as usize, 0, LogValue::text(text.as_bytes()));
            let (scope, is_odd) = scope(&row, &mut names).unwrap();
            (names.scopes.text(scope).to_owned(), is_odd)
        };
        assert_eq!(scope_of("test"), ("test".to_owned(), false));
        assert_eq!(scope_of(" Localized"), ("localized".to_owned(), false));
        assert_eq!(scope_of("whatsapp_business_messaging"), (String::new(), true));
        assert_eq!(scope_of(""), (String::new(), false));
    }
}
