//! Request shape: the low-cardinality fields of one call as small numbers.

use serde::{Deserialize, Serialize};

use super::interner::Lexicon;
use crate::config::Vantage;
use crate::facts::{Admission, Kind, Reached, Stream, Symptom, has_no_answer};

/// Values that rows of one kind share, with names as numbers of a [`Lexicon`].
///
/// Cheap to copy, hash and compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    pub source: u32,
    pub service: u32,
    pub region: u32,
    pub scope: u32,
    pub area: u32,
    pub platform: u32,
    pub version: u32,
    /// Number of the file from 1, if the row names no field that can tell what became of the call.
    ///
    /// Whether the file has such a field at all is known only when all of it was read.
    pub silent: u32,
    /// 0 if there was no answer.
    pub http_status: u16,
    pub reached: Reached,
    pub symptom: Symptom,
    pub admission: Admission,
    pub is_transient: Option<bool>,
    pub is_success: Option<bool>,
    pub error_code: Option<i64>,
    pub error_subcode: Option<i64>,
}

impl Shape {
    /// Returns a cheap hash of the fields that tell ordinary shapes apart, for a cache.
    pub const fn mix(&self) -> u32 {
        let traffic =
            self.service.wrapping_mul(31) ^ self.region.wrapping_mul(7) ^ self.source.wrapping_mul(61);
        let outcome = (self.http_status as u32).wrapping_mul(13) ^ (self.admission as u32).wrapping_mul(3);
        traffic ^ outcome
    }

    /// Returns the same as [`Kind::is_plainly_good`], before names are looked up.
    pub fn is_plainly_good(&self) -> bool {
        self.error_code.is_none()
            && self.symptom == Symptom::None
            && self.is_success != Some(false)
            && self.reached != Reached::No
            && (100..400).contains(&self.http_status)
            && self.scope == 0
    }

    /// Returns the same as [`Kind::is_unanswered`], before names are looked up.
    pub const fn is_unanswered(&self) -> bool {
        let told = (self.http_status, self.symptom, self.reached, self.admission);
        self.error_code.is_none() && self.is_success.is_none() && has_no_answer(told)
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

    /// Returns the kind of event of a source, with names spelled out.
    pub fn kind(&self, source: &str, vantage: Vantage, names: &Lexicon) -> Kind {
        let (service, region) = (names.services.text(self.service), names.regions.text(self.region));
        Kind {
            http_status: (self.http_status != 0).then_some(self.http_status),
            reached: self.reached,
            symptom: self.symptom,
            error_code: self.error_code,
            error_subcode: self.error_subcode,
            is_transient: self.is_transient,
            is_success: self.is_success,
            admission: self.admission,
            scope: names.scopes.text(self.scope).into(),
            recipient_area: names.areas.text(self.area).into(),
            client_platform: names.platforms.text(self.platform).into(),
            client_version: names.versions.text(self.version).into(),
            ..Kind::bare(Stream::Request, source, vantage, service, region)
        }
    }
}
