//! Source reader: reads the request rows of one source.

use std::sync::Arc;

use super::endpoints::{Declared, Endpoints};
use super::fields::{
    admission, answer_code, area, boolean, code, label, name, reached, region, scope, status, symptom,
};
use super::instant;
use super::instant::repeated_hour::RepeatedHour;
use super::interner::Lexicon;
use super::mapping::Mapping;
use super::nginx::{has_upstream_status, nginx_symptom, upstream_result};
use super::raw_row::{LogValue, RawRow};
use super::request_shape::Shape;
use crate::config::{Config, Field, Log, LogPreset, Source, TimeBasis, Vantage};
use crate::day::Day;
use crate::facts::ids::{Id, WaitingKey};
use crate::facts::{Reached, Salt, Symptom};
use crate::intake::formats::foreign::{CompiledFormat, ForeignReader};
use crate::intake::records::row_id::{IdHasher, is_nil_value};

/// Earliest instant that a log can mean: 2000-01-01T00:00:00Z, before the platform existed.
///
/// 1970 and the year 1 are what programs print for a time that they do not know.
const EARLIEST_US: i64 = 946_684_800_000_000;

/// Bits by which the hash of a correlation differs from that of a message with the same name.
const CORRELATIONS: Id = 0x5555_aaaa_5555_aaaa_5555_aaaa;

/// Values of a request row.
#[derive(Debug, Clone, Copy)]
pub struct ParsedRequest {
    pub shape: Shape,
    /// Number of the business in [`Lexicon::callers`]; 0 for plainly good events.
    pub caller: u32,
    /// Message that the call names, or the [`WaitingKey`] of a call without an answer.
    ///
    /// 0 for none, and if there is no webhook log to report on it.
    pub message: Id,
    /// Number of the business that sent the message; 0 without a message.
    pub sender: u32,
    /// True if the scope of the row is a word that nobody knows; it then counts for nothing.
    pub has_odd_scope: bool,
}

/// Everything needed to read the rows of one source.
#[derive(Debug, Clone)]
pub struct SourceReader {
    pub name: String,
    pub vantage: Vantage,
    pub mapping: Mapping,
    pub salt: Arc<Salt>,
    /// Lowest and highest HTTP status that counts as a delivered notification, both inclusive.
    pub success: (u16, u16),
    pub ids: IdHasher,
    /// True if several sources are request logs, so that two may tell of the same calls.
    pub has_siblings: bool,
    is_joined: bool,
    latest_us: i64,
    /// Time near the day that the zone of the source has twice.
    repeated_hour: Option<RepeatedHour>,
    number: u32,
    source: Source,
    endpoints: Endpoints,
    /// The format by which rows of another program are read.
    format: Option<Arc<CompiledFormat>>,
    pub declared: Arc<Declared>,
}

impl SourceReader {
    pub fn new(number: u32, source: &Source, endpoints: &Endpoints, join: &Join) -> Self {
        Self {
            name: source.name.clone(),
            vantage: source.vantage,
            mapping: Mapping::of(source),
            salt: join.salt.clone(),
            success: join.success,
            ids: IdHasher::of(source),
            has_siblings: join.has_several_views,
            is_joined: join.is_joined,
            latest_us: join.latest_us,
            repeated_hour: None,
            number,
            source: source.clone(),
            endpoints: endpoints.clone(),
            format: source.format.as_ref().map(|choice| Arc::new(CompiledFormat::of(source, choice))),
            declared: join.declared.clone(),
        }
    }

    /// Returns the reader for the rows of a day.
    pub fn of_day(self, day: Day) -> Self {
        Self { repeated_hour: RepeatedHour::of(self.source.zone, day), ..self }
    }

    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// Returns a reader of the lines of another program; `None` if the rows are not of one.
    pub fn foreign(&self) -> Option<ForeignReader<'_>> {
        self.format.as_ref().map(|format| ForeignReader::new(format, self.source.zone))
    }

    /// Returns whether a column of a table is a name of the format, or has one inside.
    pub fn names_column(&self, column: &str) -> bool {
        let is_of = |name: &String| {
            let inner = name.strip_prefix(column);
            inner.is_some_and(|inner| inner.is_empty() || inner.starts_with(['.', '[']))
        };
        self.format.as_ref().is_some_and(|format| format.names.iter().any(is_of))
    }

    /// Returns whether lines of the log change how those behind them are read.
    pub fn has_headers(&self) -> bool {
        self.format.as_ref().is_some_and(|format| format.has_headers())
    }

    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Returns the time near the day that the zone of the source has twice.
    ///
    /// The order of rows matters then, so a file is read in one piece and row by row.
    pub const fn repeated_hour(&self) -> Option<&RepeatedHour> {
        self.repeated_hour.as_ref()
    }

    /// Returns whether webhook logs report the outcome of messages.
    pub const fn is_joined(&self) -> bool {
        self.is_joined
    }

    /// Applies the source's constants and word replacements to a row, and takes nil ids away.
    pub fn translate(&self, row: &mut RawRow<'_>) {
        let mapping = &self.mapping;
        for (field, value) in &mapping.constants {
            row.force(*field, LogValue::from_text(value.clone().into_bytes().into()));
        }
        for field in [Field::RequestId, Field::MessageId, Field::WebhookId] {
            if is_nil_value(row.get(field)) {
                row.replace(field as usize, LogValue::Missing);
            }
        }
        if mapping.has_words() {
            for field in mapping.word_fields() {
                if let Some(word) = mapping.word(field, row.at(field)) {
                    let value = LogValue::from_text(word.to_owned().into_bytes().into());
                    row.replace(field, value);
                }
            }
        }
    }

    /// Returns start and duration of an event, in microseconds (the start since 1970).
    ///
    /// Rows outside the day need no more than this.
    ///
    /// # Errors
    /// The timestamp or the duration cannot be read; the message says why.
    pub fn time(&self, row: &RawRow<'_>) -> Result<(i64, Option<u64>), String> {
        let (ts, duration) = (row.get(Field::Ts), row.get(Field::Duration));
        let found = ts;
        let ts = instant::instant(ts, &self.mapping.ts_cast, self.source.zone)?;
        self.check_meant(ts).map_err(|why| format!("timestamp {} {why}", found.excerpt()))?;
        let duration = instant::duration(duration, &self.mapping.duration_cast)?;
        Ok((self.start_in(row, ts, duration), duration))
    }

    /// Returns whether a log can mean an instant: 2000 or later, and not after this run.
    #[inline]
    pub const fn is_meant(&self, us: i64) -> bool {
        EARLIEST_US <= us && us <= self.latest_us
    }

    /// Checks that a log can mean an instant.
    ///
    /// # Errors
    /// It cannot: the message says why, without the instant.
    pub fn check_meant(&self, us: i64) -> Result<(), String> {
        if self.is_meant(us) {
            return Ok(());
        }
        Err(if us < EARLIEST_US {
            "is an instant before the year 2000, as it is written where no time is known; expected the time of the row"
        } else {
            "is an instant more than two days after this run, which no log can tell of; expected the time of the row \
             (is its unit, its format or the clock of its writer wrong?)"
        }
        .to_owned())
    }

    /// Returns whether a row has a time that can be read.
    pub fn has_time(&self, row: &RawRow<'_>) -> bool {
        instant::instant(row.get(Field::Ts), &self.mapping.ts_cast, self.source.zone).is_ok()
    }

    /// Returns whether a row has something as its time, readable or not.
    pub fn names_time(&self, row: &RawRow<'_>) -> bool {
        !row.get(Field::Ts).is_missing()
            || self.mapping.constants.iter().any(|(field, _)| *field == Field::Ts as usize)
    }

    /// Returns the start of a row's event, as [`SourceReader::start_us`] does.
    pub fn start_in(&self, row: &RawRow<'_>, ts_us: i64, duration_us: Option<u64>) -> i64 {
        start_us(row.time_basis.unwrap_or(self.source.time_basis), ts_us, duration_us)
    }

    /// Returns the start of an event that was logged at `ts_us`.
    pub const fn start_us(&self, ts_us: i64, duration_us: Option<u64>) -> i64 {
        start_us(self.source.time_basis, ts_us, duration_us)
    }

    /// Reads the fields that rules may look at.
    ///
    /// # Errors
    /// A field cannot be read; the message says which one, what was found and what is expected.
    pub fn read(&self, row: &RawRow<'_>, names: &mut Lexicon) -> Result<ParsedRequest, String> {
        row.check_lengths()?;
        let error_code = answer_code(row, &mut names.codes)?;
        let (scope, has_odd_scope) = scope(row, names)?;
        let mut shape = Shape {
            source: self.number,
            service: self.service(row, names)?,
            region: region(row, names, &self.declared.regions)?,
            scope,
            area: 0,
            platform: 0,
            version: 0,
            silent: 0,
            http_status: status(row)?,
            reached: Reached::Unknown,
            symptom: Symptom::None,
            admission: admission(row),
            is_transient: boolean(row, Field::IsTransient)?,
            is_success: boolean(row, Field::IsSuccess)?,
            error_code,
            error_subcode: code(row, Field::ErrorSubcode, &mut names.codes)?,
        };
        shape.symptom = match symptom(row)? {
            Symptom::None if self.source.preset == LogPreset::NginxJson => {
                nginx_symptom(row, shape.http_status)
            }
            told => told,
        };
        // A client that hung up does not undo the result that the upstream had given by then.
        let has_left = shape.symptom == Symptom::ClientAbortWaiting || matches!(shape.http_status, 460 | 499);
        if let Some(result) = has_left.then(|| upstream_result(row)).flatten() {
            shape.http_status = result;
            shape.symptom = match self.source.preset {
                // That result was cut off, whoever hung up then.
                _ if shape.symptom == Symptom::CutOff => Symptom::CutOff,
                LogPreset::NginxJson => nginx_symptom(row, result),
                _ => Symptom::None,
            };
        }
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
            shape.area = area(row, self.mapping.is_area_of_bsuid, &mut names.areas)?;
            shape.platform = label(row, Field::ClientPlatform, &mut names.platforms)?;
            shape.version = label(row, Field::ClientVersion, &mut names.versions)?;
            caller = self.caller(row.get(Field::BusinessId), names)?;
        }
        let message = match self.message(row.get(Field::MessageId))? {
            0 if shape.is_unanswered() => match self.correlation(row.get(Field::Correlation))? {
                0 => self.caller_key(row.get(Field::BusinessId), caller),
                correlation => correlation,
            },
            message => message,
        };
        let sender = match (message, caller) {
            (0, _) => 0,
            (_, 0) => self.caller(row.get(Field::BusinessId), names)?,
            (_, caller) => caller,
        };
        Ok(ParsedRequest { shape, caller, message, sender, has_odd_scope })
    }

    fn service(&self, row: &RawRow<'_>, names: &mut Lexicon) -> Result<u32, String> {
        if !row.get(Field::Service).is_missing() {
            return name(row, Field::Service, &mut names.services, &self.declared.services);
        }
        let service = match row.get(Field::Endpoint) {
            LogValue::Text(path) => {
                // nginx's `$request` is the whole request line: `POST /v21.0/1/messages HTTP/1.1`.
                let path = match memchr::memchr(b' ', path) {
                    Some(at) if self.source.preset == LogPreset::NginxJson => {
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

    /// Returns the hash of the id of a message or notification; `None` if it names nothing.
    #[inline]
    pub fn keyed(&self, id: &[u8]) -> Option<Id> {
        self.ids.keyed(&self.salt, id)
    }

    /// Returns the message that a call names; 0 for none, and if there is no webhook log.
    ///
    /// # Errors
    /// The id is neither text nor a whole number.
    pub fn message(&self, id: &LogValue<'_>) -> Result<Id, String> {
        match id {
            _ if !self.is_joined => Ok(0),
            LogValue::Missing => Ok(0),
            LogValue::Text(id) => Ok(self.keyed(id).unwrap_or(0)),
            LogValue::Int(id) => Ok(self.keyed(id.to_string().as_bytes()).unwrap_or(0)),
            other => Err(format!("message_id is {}, expected text", other.excerpt())),
        }
    }

    /// Returns the hash of a correlation; 0 for none, and if there is no webhook log.
    ///
    /// # Errors
    /// The correlation is neither text nor a whole number.
    pub fn correlation(&self, correlation: &LogValue<'_>) -> Result<Id, String> {
        match correlation {
            LogValue::Missing => Ok(0),
            LogValue::Text(text) => Ok(self.correlated(text)),
            LogValue::Int(n) => Ok(self.correlated(n.to_string().as_bytes())),
            other => Err(format!("correlation_id is {}, expected text", other.excerpt())),
        }
    }

    /// Returns the hash of a correlation by its text.
    ///
    /// It never is the hash of a message, whatever both are named.
    #[inline]
    pub fn correlated(&self, text: &[u8]) -> Id {
        if !self.is_joined {
            return 0;
        }
        self.keyed(text).map_or(0, |id| WaitingKey::Correlation(id ^ CORRELATIONS).id())
    }

    /// Returns the key of a call that names no correlation; 0 if its caller is not recorded.
    fn caller_key(&self, business: &LogValue<'_>, caller: u32) -> Id {
        let key = |text: &[u8]| WaitingKey::Caller(self.salt.id(text)).id();
        match business {
            _ if caller == 0 || !self.is_joined => 0,
            LogValue::Text(text) => key(text),
            LogValue::Int(n) => key(n.to_string().as_bytes()),
            _ => 0,
        }
    }

    /// Returns the number of a business; 0 if it is not recorded.
    ///
    /// # Errors
    /// The id is neither text nor a whole number.
    pub fn caller(&self, id: &LogValue<'_>, names: &mut Lexicon) -> Result<u32, String> {
        match id {
            LogValue::Missing => Ok(0),
            LogValue::Text(text) => Ok(Self::caller_of(text, names)),
            LogValue::Int(n) => Ok(Self::caller_of(n.to_string().as_bytes(), names)),
            other => Err(format!("business_id is {}, expected text", other.excerpt())),
        }
    }

    /// Returns the number of a business by its name; 0 if it is not recorded.
    pub fn caller_of(name: &[u8], names: &mut Lexicon) -> u32 {
        names.callers.id(name, usize::MAX).unwrap_or(0)
    }

    /// Guesses whether a call reached the platform, from the symptom and the vantage.
    ///
    /// Used if the log neither says so nor holds evidence.
    fn guess(&self, shape: &Shape, row: &RawRow<'_>) -> Reached {
        match (shape.symptom, self.vantage) {
            (Symptom::ClientAbortEarly, _) => Reached::No,
            (_, Vantage::FirstLayer) => Reached::Yes,
            // Something had answered.
            (Symptom::CutOff, _) => Reached::Yes,
            (Symptom::Dns | Symptom::Connect | Symptom::Tls | Symptom::ProxyLocal, _) => Reached::No,
            (Symptom::None, Vantage::EdgeIngress) if has_upstream_status(row) => Reached::Yes,
            _ => Reached::Unknown,
        }
    }
}

const fn start_us(basis: TimeBasis, ts_us: i64, duration_us: Option<u64>) -> i64 {
    match (basis, duration_us) {
        (TimeBasis::End, Some(us)) => ts_us.saturating_sub_unsigned(us),
        _ => ts_us,
    }
}

/// Settings of the join that every source reader needs.
#[derive(Debug, Clone)]
pub struct Join {
    pub salt: Arc<Salt>,
    /// Lowest and highest HTTP status by which an endpoint takes a notification, both inclusive.
    pub success: (u16, u16),
    /// True if any source is a webhook log.
    pub is_joined: bool,
    /// True if several sources are request logs.
    pub has_several_views: bool,
    /// Latest instant that a log can mean, in microseconds since 1970.
    pub latest_us: i64,
    pub declared: Arc<Declared>,
}

impl Join {
    /// Returns the settings of a config, without a latest instant.
    pub fn new(config: &Config, salt: &Salt) -> Self {
        Self {
            salt: Arc::new(salt.clone()),
            success: config.webhooks.success,
            is_joined: config.has_webhooks(),
            has_several_views: config.sources.iter().filter(|s| s.log == Log::Requests).count() > 1,
            latest_us: i64::MAX,
            declared: Arc::new(Declared::of(config)),
        }
    }
}
