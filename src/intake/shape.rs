//! Shape: the low-cardinality side of one row as small numbers, cheap to copy, hash and compare.

use super::endpoints::Endpoints;
use super::instant;
use super::mapping::Mapping;
use super::names::{Lexicon, Names};
use super::value::{RawRow, UPSTREAM_CONNECT, UPSTREAM_HEADER, Value};
use super::{Admission, Kind, Outcome, Reached, Stream, Symptom, Timing, Vantage};
use crate::config::{Field, Preset, Source, TimeBasis};

/// What reports call all regions together.
const ALL_REGIONS: &str = "*";
/// More different callers of failures in one chunk of a log than any log has: what lies beyond is booked without caller.
const MAX_CALLERS: usize = 1 << 20;
/// More different names than this in one field, and the column is an id that was mapped by mistake.
const MAX_NAMES: usize = 4_096;

/// What rows of one kind share, with names as numbers of a [`Lexicon`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    pub source: u32,
    service: u32,
    region: u32,
    scope: u32,
    area: u32,
    platform: u32,
    version: u32,
    /// 0 when there was no answer.
    http_status: u16,
    reached: Reached,
    symptom: Symptom,
    admission: Admission,
    is_transient: Option<bool>,
    is_success: Option<bool>,
    error_code: Option<i64>,
    error_subcode: Option<i64>,
}

impl Shape {
    /// A cheap mix of the fields that tell shapes of ordinary traffic apart, for a cache.
    pub const fn mix(&self) -> u32 {
        let traffic =
            self.service.wrapping_mul(31) ^ self.region.wrapping_mul(7) ^ self.source.wrapping_mul(61);
        let outcome = (self.http_status as u32).wrapping_mul(13) ^ (self.admission as u32).wrapping_mul(3);
        traffic ^ outcome
    }

    /// The twin of [`Kind::is_plainly_good`], before names are looked up.
    pub fn is_plainly_good(&self) -> bool {
        self.error_code.is_none()
            && self.symptom == Symptom::None
            && self.is_success != Some(false)
            && self.reached != Reached::No
            && (100..400).contains(&self.http_status)
            && self.scope == 0
    }

    pub const fn is_answered(&self) -> bool {
        self.http_status != 0
    }

    pub const fn service(&self) -> u32 {
        self.service
    }

    pub const fn region(&self) -> u32 {
        self.region
    }

    /// The same with names spelled out.
    pub fn kind(&self, desks: &[Desk], names: &Lexicon) -> Kind {
        let desk = &desks[self.source as usize];
        Kind {
            stream: Stream::Request,
            source: desk.name.clone(),
            vantage: desk.vantage,
            service: names.services.text(self.service).into(),
            region: names.regions.text(self.region).into(),
            http_status: (self.http_status != 0).then_some(self.http_status),
            reached: self.reached,
            symptom: self.symptom,
            error_code: self.error_code,
            error_subcode: self.error_subcode,
            is_transient: self.is_transient,
            is_success: self.is_success,
            admission: self.admission,
            outcome: Outcome::None,
            timing: Timing::None,
            scope: names.scopes.text(self.scope).into(),
            recipient_area: names.areas.text(self.area).into(),
            client_platform: names.platforms.text(self.platform).into(),
            client_version: names.versions.text(self.version).into(),
        }
    }
}

/// What a row says once it is read.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// Start of the event, microseconds since 1970.
    pub start_us: i64,
    pub duration_us: Option<u64>,
    pub shape: Shape,
    /// Number of the business in [`Lexicon::callers`]; 0 for plainly good events.
    pub caller: u32,
}

/// Everything needed to read the rows of one source.
#[derive(Debug, Clone)]
pub struct Desk {
    pub name: String,
    pub vantage: Vantage,
    pub mapping: Mapping,
    number: u32,
    source: Source,
    endpoints: Endpoints,
}

impl Desk {
    pub fn new(number: u32, source: &Source, endpoints: &Endpoints) -> Self {
        Self {
            name: source.name.clone(),
            vantage: source.vantage,
            mapping: Mapping::of(source),
            number,
            source: source.clone(),
            endpoints: endpoints.clone(),
        }
    }

    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// Start of the event; rows outside the day need no more than this.
    ///
    /// # Errors
    /// What is wrong with timestamp or duration.
    pub fn time(&self, row: &RawRow<'_>) -> Result<(i64, Option<u64>), String> {
        let ts = instant::instant(row.get(Field::Ts), &self.mapping.ts_cast, self.source.zone)?;
        let duration = instant::duration(row.get(Field::Duration), &self.mapping.duration_cast)?;
        let start = match (self.source.time_basis, duration) {
            (TimeBasis::End, Some(us)) => ts.saturating_sub_unsigned(us),
            _ => ts,
        };
        Ok((start, duration))
    }

    /// Reads what rules may look at.
    ///
    /// # Errors
    /// Which field is wrong, what was found and what is expected.
    pub fn read(
        &self,
        row: &RawRow<'_>,
        time: (i64, Option<u64>),
        names: &mut Lexicon,
    ) -> Result<Reading, String> {
        let error_code = code(row, Field::ErrorCode, &mut names.codes)?;
        let mut shape = Shape {
            source: self.number,
            service: self.service(row, names)?,
            region: name(row, Field::Region, &mut names.regions)?,
            scope: name(row, Field::Scope, &mut names.scopes)?,
            area: 0,
            platform: 0,
            version: 0,
            http_status: status(row)?,
            reached: Reached::Unknown,
            symptom: Symptom::None,
            admission: admission(row),
            is_transient: boolean(row, Field::IsTransient)?,
            is_success: boolean(row, Field::IsSuccess)?,
            error_code,
            error_subcode: code(row, Field::ErrorSubcode, &mut names.codes)?,
        };
        if names.regions.text(shape.region) == ALL_REGIONS {
            return Err(format!("region is `{ALL_REGIONS}`, which stands for all regions together"));
        }
        if shape.region == 0 {
            shape.region = names.regions.id(b"-", usize::MAX).unwrap_or(0);
        }
        shape.symptom = match symptom(row)? {
            Symptom::None if self.source.preset == Preset::NginxJson => nginx_symptom(row, shape.http_status),
            told => told,
        };
        let has_evidence = shape.error_code.is_some()
            || !row.get(Field::TraceId).is_missing()
            || !row.get(Field::MessageId).is_missing();
        shape.reached = if has_evidence {
            Reached::Yes
        } else {
            reached(row)?.unwrap_or_else(|| self.guess(&shape, row))
        };

        let mut caller = 0;
        if !shape.is_plainly_good() {
            shape.area = name(row, Field::RecipientArea, &mut names.areas)?;
            shape.platform = name(row, Field::ClientPlatform, &mut names.platforms)?;
            shape.version = name(row, Field::ClientVersion, &mut names.versions)?;
            caller = self.caller(row, names)?;
        }
        Ok(Reading { start_us: time.0, duration_us: time.1, shape, caller })
    }

    fn service(&self, row: &RawRow<'_>, names: &mut Lexicon) -> Result<u32, String> {
        if !row.get(Field::Service).is_missing() {
            return name(row, Field::Service, &mut names.services);
        }
        let service = match row.get(Field::Endpoint) {
            Value::Text(path) => {
                // nginx's `$request` is the whole request line: `POST /v21.0/1/messages HTTP/1.1`.
                let path = match memchr::memchr(b' ', path) {
                    Some(at) if self.source.preset == Preset::NginxJson => {
                        path[at + 1..].split(|b| *b == b' ').next().unwrap_or_default()
                    }
                    _ => path,
                };
                self.endpoints.service(path)
            }
            _ => self.endpoints.fallback(),
        };
        Ok(names.services.id(service.as_bytes(), usize::MAX).unwrap_or(0))
    }

    fn caller(&self, row: &RawRow<'_>, names: &mut Lexicon) -> Result<u32, String> {
        let digits;
        let bytes: &[u8] = match row.get(Field::BusinessId) {
            Value::Missing => return Ok(0),
            Value::Text(text) => text,
            Value::Int(n) => {
                digits = n.to_string();
                digits.as_bytes()
            }
            other => return Err(format!("business_id is {}, expected text", other.excerpt())),
        };
        std::str::from_utf8(bytes).map_err(|_| not_utf8("business_id"))?;
        Ok(names.callers.id(bytes, MAX_CALLERS).unwrap_or(0))
    }

    /// Without evidence and without a word of the log: by where the source stands and what the network did.
    fn guess(&self, shape: &Shape, row: &RawRow<'_>) -> Reached {
        match (shape.symptom, self.vantage) {
            (Symptom::ClientAbortEarly, _) => Reached::No,
            (_, Vantage::FirstLayer) => Reached::Yes,
            (Symptom::Dns | Symptom::Connect | Symptom::Tls | Symptom::ProxyLocal, _) => Reached::No,
            (Symptom::None, Vantage::EdgeIngress) if has_upstream_status(row) => Reached::Yes,
            _ => Reached::Unknown,
        }
    }
}

fn not_utf8(field: &str) -> String {
    format!("{field} is not valid UTF-8")
}

fn name(row: &RawRow<'_>, field: Field, names: &mut Names) -> Result<u32, String> {
    let digits;
    let bytes: &[u8] = match row.get(field) {
        Value::Missing => return Ok(0),
        Value::Text(text) => text,
        Value::Int(n) => {
            digits = n.to_string();
            digits.as_bytes()
        }
        other => return Err(format!("{} is {}, expected text", field.column(), other.excerpt())),
    };
    names.id(bytes, MAX_NAMES).ok_or_else(|| match std::str::from_utf8(bytes) {
        Ok(_) => format!(
            "{} has more than {MAX_NAMES} different values, the next is {}; is this column an id?",
            field.column(),
            row.get(field).excerpt()
        ),
        Err(_) => not_utf8(field.column()),
    })
}

fn integer(row: &RawRow<'_>, field: Field) -> Result<Option<i64>, String> {
    let value = row.get(field);
    let found = match value {
        Value::Missing => return Ok(None),
        Value::Int(n) => Some(*n),
        Value::Float(x) if x.fract() == 0.0 && x.abs() < 9e15 => Some(*x as i64),
        Value::Text(text) if text.as_ref() == b"-" => return Ok(None),
        Value::Text(text) => std::str::from_utf8(text).ok().and_then(|t| t.trim().parse().ok()),
        _ => None,
    };
    found
        .map(Some)
        .ok_or_else(|| format!("{} is {}, expected a whole number", field.column(), value.excerpt()))
}

/// An error code or subcode; few are in use, so very many are an id that was mapped by mistake.
fn code(row: &RawRow<'_>, field: Field, codes: &mut Names) -> Result<Option<i64>, String> {
    let found = integer(row, field)?;
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

fn boolean(row: &RawRow<'_>, field: Field) -> Result<Option<bool>, String> {
    let value = row.get(field);
    match value {
        Value::Missing => Ok(None),
        Value::Bool(b) => Ok(Some(*b)),
        Value::Int(n @ 0..=1) => Ok(Some(*n == 1)),
        Value::Text(text) => match text.as_ref() {
            b"true" | b"True" | b"TRUE" | b"1" => Ok(Some(true)),
            b"false" | b"False" | b"FALSE" | b"0" => Ok(Some(false)),
            b"-" => Ok(None),
            _ => Err(format!("{} is {}, expected true or false", field.column(), value.excerpt())),
        },
        _ => Err(format!("{} is {}, expected true or false", field.column(), value.excerpt())),
    }
}

/// The HTTP status, or 0 for none: proxies write `0`, `000`, `-` and `-1` when no answer was sent.
fn status(row: &RawRow<'_>) -> Result<u16, String> {
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

fn symptom(row: &RawRow<'_>) -> Result<Symptom, String> {
    let value = row.get(Field::Symptom);
    Ok(match value {
        Value::Missing => Symptom::None,
        Value::Text(text) => match text.as_ref() {
            b"none" | b"-" => Symptom::None,
            b"dns" => Symptom::Dns,
            b"connect" => Symptom::Connect,
            b"tls" => Symptom::Tls,
            b"proxy_local" => Symptom::ProxyLocal,
            b"client_abort_early" => Symptom::ClientAbortEarly,
            b"client_abort_waiting" => Symptom::ClientAbortWaiting,
            b"reset" => Symptom::Reset,
            b"timeout" => Symptom::Timeout,
            _ => return Err(unknown_symptom(value)),
        },
        _ => return Err(unknown_symptom(value)),
    })
}

fn unknown_symptom(value: &Value<'_>) -> String {
    format!(
        "symptom is {}, expected none, dns, connect, tls, proxy_local, client_abort_early, client_abort_waiting, \
         reset or timeout",
        value.excerpt()
    )
}

fn reached(row: &RawRow<'_>) -> Result<Option<Reached>, String> {
    let value = row.get(Field::Reached);
    match value {
        Value::Missing => Ok(None),
        Value::Bool(yes) => Ok(Some(if *yes { Reached::Yes } else { Reached::No })),
        Value::Text(text) => match text.as_ref() {
            b"yes" | b"true" => Ok(Some(Reached::Yes)),
            b"no" | b"false" => Ok(Some(Reached::No)),
            b"unknown" | b"-" => Ok(Some(Reached::Unknown)),
            _ => Err(format!("reached is {}, expected yes, no or unknown", value.excerpt())),
        },
        _ => Err(format!("reached is {}, expected yes, no or unknown", value.excerpt())),
    }
}

fn admission(row: &RawRow<'_>) -> Admission {
    if row.get(Field::MessageId).is_missing() {
        return Admission::None;
    }
    match row.get(Field::MessageStatus) {
        Value::Text(text) if text.as_ref() == b"held_for_quality_assessment" => Admission::Held,
        Value::Text(text) if text.as_ref() == b"paused" => Admission::Paused,
        _ => Admission::Admitted,
    }
}

/// The last element of nginx's list of tries; `-` is no value.
fn last_try<'v>(value: &'v Value<'_>) -> Option<&'v [u8]> {
    match value {
        Value::Text(text) => {
            let last = text.rsplit(|b| matches!(b, b',' | b':')).next().unwrap_or_default().trim_ascii();
            (!last.is_empty() && last != b"-").then_some(last)
        }
        Value::Int(_) | Value::Float(_) => Some(b"number"),
        _ => None,
    }
}

fn has_upstream_status(row: &RawRow<'_>) -> bool {
    last_try(row.get(Field::UpstreamStatus)).is_some()
}

/// What nginx's variables say about the network (module docs of `ngx_http_upstream_module` and `ngx_http_log_module`).
/// A variable that is not logged proves nothing; `-` proves that the step was not reached.
fn nginx_symptom(row: &RawRow<'_>, http_status: u16) -> Symptom {
    let was_skipped = |value: &Value<'_>| !value.is_missing() && last_try(value).is_none();
    let was_reached = |value: &Value<'_>| last_try(value).is_some();
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
            row.set(*field, 0, Value::text(text.as_bytes()));
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
}
