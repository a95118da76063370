//! Tests of all notations of an instant.

use super::*;
use proptest::prelude::*;

fn read(text: &str) -> Result<String, String> {
    instant(&LogValue::text(text.as_bytes()), &Cast::Auto, Tz::UTC).map(crate::day::rfc3339)
}

#[test]
fn many_spellings_of_one_instant() {
    for text in [
        "2026-11-20T10:07:00Z",
        "2026-11-20 10:07",
        "2026-11-20T12:07:00.000000+02:00",
        "2026-11-20T05:37:00-0430",
        "20/Nov/2026:11:07:00 +0100",
        "Fri, 20 Nov 2026 10:07:00 GMT",
        "1795169220",
        "1795169220000",
        "1795169220000000",
        "1795169220000000000",
        "1795169220.000",
        "1.79516922e9",
        "2026-11-20 10:07:00.000 UTC",
        "2026-11-20 10:07:00 +0000",
        "2026-11-20 11:07:00.000000000 +0100 CET",
        "2026-11-20 10:07:00 +0000 UTC m=+0.000012345",
        "2026-11-20 10:07:00.000 +0000 +0000",
        "2026-11-20 10:07:00+00",
        "2026-11-20T11:07:00+01:00[Europe/Berlin]",
        "2026-11-20T10:07:00Z[UTC]",
        "2026/11/20 10:07:00",
        " 2026-11-20T10:07:00Z\t",
        "20/Nov/2026:10:07:00.000 +0000",
        "Fri Nov 20 10:07:00 2026",
        "Fri Nov 20 10:07:00 UTC 2026",
    ] {
        assert_eq!(read(text).as_deref(), Ok("2026-11-20T10:07:00Z"), "{text}");
    }
}

#[test]
fn what_is_no_instant_is_refused() {
    for text in [
        "yesterday",
        "2026-02-30T00:00:00Z",
        "2026-11-20T24:00:00Z",
        "2026-11-20T10:07:00.Z",
        "2026-11-20T10:07:00+99:00",
        "2026-11-20",
        "20/Foo/2026:11:07:00 +0100",
        "99999999999999999999",
        "12.3.4",
        "2026-11-20T10:07:00 Mars",
        // The abbreviation of a zone stands for several.
        "2026-11-20 10:07:00 CST",
        "2026-11-20 10:07:00 PM",
        "2026-11-20 10:07:00 UTC+2",
        "2026-11-20 10:07:00 Z UTC",
        "2026-11-20 10:07:00 +0000 UTC extra",
        "2026/11-20 10:07:00",
        "Fri Nov 20 10:07:00 CST 2026",
        "Fri Nov 20 10:07:00 26",
        "inf",
        "1e400",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
    assert!(instant(&LogValue::Float(f64::NAN), &Cast::Auto, Tz::UTC).is_err());
    assert!(instant(&LogValue::Int(i64::MAX), &Cast::Unit(Unit::Seconds), Tz::UTC).is_err());
}

#[test]
fn decimal_seconds_are_exact() {
    let us = instant(&LogValue::text(b"1646861401.524102"), &Cast::Unit(Unit::Seconds), Tz::UTC);
    assert_eq!(us, Ok(1_646_861_401_524_102));
    assert_eq!(duration(&LogValue::text(b"0.012"), &Cast::Unit(Unit::Seconds)), Ok(Some(12_000)));
    assert_eq!(duration(&LogValue::text(b"-"), &Cast::Auto), Ok(None));
    assert_eq!(duration(&LogValue::Int(-1), &Cast::Auto), Ok(None));
    assert!(duration(&LogValue::text(b"fast"), &Cast::Auto).is_err());
}

#[test]
fn local_time_follows_the_zone_through_both_changes_of_clock() {
    let zone: Tz = "Europe/Berlin".parse().unwrap();
    let read =
        |text: &str| instant(&LogValue::text(text.as_bytes()), &Cast::Auto, zone).map(crate::day::rfc3339);
    assert_eq!(read("2026-07-01 12:00:00").as_deref(), Ok("2026-07-01T10:00:00Z"));
    assert_eq!(read("2026-10-25 02:30:00").as_deref(), Ok("2026-10-25T00:30:00Z"));
    assert!(read("2026-03-29 02:30:00").is_err());
}

proptest! {
    #[test]
    fn the_quick_way_reads_what_the_long_way_reads(
        us in EARLIEST_US..LATEST_US,
        digits in 0_usize..8,
        changes in prop::collection::vec((0_usize..28, any::<u8>()), 0..3),
    ) {
        let at = DateTime::from_timestamp_micros(us).unwrap();
        let mut text = at.format("%Y-%m-%dT%H:%M:%S").to_string().into_bytes();
        if digits > 0 {
            text.extend_from_slice(&at.format(".%6f7").to_string().as_bytes()[..=digits]);
        }
        text.push(b'Z');
        for (place, byte) in changes {
            if let Some(old) = text.get_mut(place) {
                *old = if byte < 128 { b'0' + byte % 16 } else { byte };
            }
        }
        if let Some(quick) = zulu(&text) {
            prop_assert_eq!(any_iso(&text, Tz::UTC), Some(quick), "{:?}", String::from_utf8_lossy(&text));
        }
    }
}

proptest! {
    #[test]
    fn iso_agrees_with_chrono(us in EARLIEST_US..LATEST_US) {
        let text = DateTime::from_timestamp_micros(us).unwrap().to_rfc3339();
        prop_assume!(text.as_bytes()[4] == b'-');
        prop_assert_eq!(instant(&LogValue::text(text.as_bytes()), &Cast::Auto, Tz::UTC), Ok(us));
    }
}

proptest! {
    #[test]
    fn a_plain_time_of_an_access_log_is_what_the_general_reader_says(
        date in "[0-9]{2}", month in prop::sample::select(vec!["Jan", "Feb", "Nov", "nov", "Nob"]),
        year in "(2026|2024|[0-9]{4})", time in "[0-2][0-9]:[0-6][0-9]:[0-6][0-9]",
        zone in prop::sample::select(vec![" +0000", " +0100", " -0000", "", " UTC", ".5 +0000"]),
        damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let mut text = format!("{date}/{month}/{year}:{time}{zone}").into_bytes();
        if let Some((at, byte)) = damage {
            let at = at.index(text.len());
            text[at] = byte;
        }
        let is_clf = text[2] == b'/' && text[6] == b'/' && text[11] == b':';
        if let Some(us) = plain_clf(&text) && is_clf {
            prop_assert_eq!(Some(us), clf_in_parts(&text, Tz::UTC));
        }
    }
}
