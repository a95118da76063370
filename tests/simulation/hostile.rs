//! Hostile rows: what nobody should write into a log, and what it counts as all the same.

use super::world::{Answer, Attempt, Call, DAY_US, Dice, Log, SECOND_US, Status, Tale, Trial, World};

/// A name that nobody declared. Reports may show a pseudonym in its place.
pub const UNDECLARED: &str = "?";

/// Writes some hostile rows into the logs of a day.
pub fn add(world: &mut World, dice: &mut Dice, day: i64, calls: &[Call]) {
    for at in 0..dice.below(4) {
        let us = day * DAY_US + dice.below(DAY_US - 600 * SECOND_US);
        let id = format!("h{day}-{at}");
        match dice.below(8) {
            0..4 => {
                let text = unreadable(world, dice, us, &id);
                world.log_broken(day, text);
            }
            4 => strange(world, dice, us, &id),
            5 | 6 => forged(world, dice, calls, &id),
            _ => orphan(world, us, &id),
        }
    }
}

/// A row of which nothing can be counted.
fn unreadable(world: &World, dice: &mut Dice, us: i64, id: &str) -> Vec<u8> {
    let ts = world.instant(us);
    let row = |ts: &str, rest: &str| {
        format!(r#"{{"ts":"{ts}","request_id":"{id}","service":"media","region":"eu",{rest}}}"#).into_bytes()
    };
    match dice.below(8) {
        0 => format!(r#"{{"ts":"{ts}","request_id":"{id}","#).into_bytes(),
        1 => row("yesterday", r#""http_status":200"#),
        2 => {
            format!(r#"{{"ts":"{ts}","request_id":"{}","http_status":503}}"#, "x".repeat(10_000)).into_bytes()
        }
        3 => row(&ts, r#""http_status":500,"error_code":99999999999999999999999"#),
        4 => row(&ts, r#""http_status":42"#),
        5 => row("1999-12-31T23:59:59Z", r#""http_status":503"#),
        6 => row("2099-01-01T00:00:00Z", r#""http_status":503"#),
        _ => row(&ts, &format!(r#""http_status":500,"x":{}{}"#, "[".repeat(100), "]".repeat(100))),
    }
}

/// A call with names that steer terminals, sheets or readers.
fn strange(world: &mut World, dice: &mut Dice, us: i64, id: &str) {
    let (service, region, told) = match dice.below(4) {
        0 => ("media", "eu", [r"media", r"eu"]),
        1 => (UNDECLARED, "eu", [r"me,dia\u202e", r"eu"]),
        2 => ("media", UNDECLARED, [r"media", r"=cmd|' /C calc'!A0"]),
        _ => ("messages", UNDECLARED, [r"messages", r"\u001b[31meu\u0007"]),
    };
    let id = format!(r"{id}\u0000\u001b[2J,\u202e\n");
    let call = Call { us, id, service, region, answer: Answer::Good, message: String::new() };
    let ts = world.instant(us);
    let text = format!(
        r#"{{"ts":"{ts}","request_id":"{}","service":"{}","region":"{}","http_status":200,"business_id":"=1+1"#,
        call.id, told[0], told[1]
    );
    // Bytes that are no text stand where nobody reads them as one.
    let text = [text.as_bytes(), b"\xff\xfe\"}"].concat();
    world.log(Log::Requests, Tale::Call(call), text, false);
}

/// A row that claims the id of another call, or the message of one, some minutes later.
fn forged(world: &mut World, dice: &mut Dice, calls: &[Call], id: &str) {
    if calls.is_empty() {
        return;
    }
    let call = dice.pick(calls);
    let us = call.us + SECOND_US * (2 + dice.below(300));
    if us.div_euclid(DAY_US) != call.us.div_euclid(DAY_US) {
        return;
    }
    let forged = if call.answer == Answer::Admitted && dice.one_in(2) {
        Call { us, id: id.to_owned(), ..call }
    } else if call.message.is_empty() {
        let answer = dice.pick(&[Answer::Good, Answer::Unavailable]);
        Call { us, answer, ..call }
    } else {
        return;
    };
    let text = world.request(&forged, "");
    world.log(Log::Requests, Tale::Call(forged), text, false);
}

/// A status of a message that nobody admitted.
fn orphan(world: &mut World, us: i64, id: &str) {
    let status = Status { message: format!("nobody-{id}"), word: "failed", code: Some(131_016) };
    let trial = Trial::Http(200);
    let (event_us, id) = (us, id.to_owned());
    let one = Attempt { us, event_us, id, number: 1, region: "eu", trial, status: Some(status) };
    world.attempt(one, false);
}
