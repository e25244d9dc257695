//! Times in the format of users: today or on another day, on this host's clock.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, ZonedDateTime};

use crate::grammar::cursor::{Candidate, Cursor, Stop};
use crate::grammar::words::Fault;

/// `HH:MM[:SS]`, the next time of day with this value; `YYYY-MM-DD HH:MM[:SS]`; or RFC 3339 with an offset.
pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Timestamp, Stop> {
    let options = || {
        vec![
            Candidate::placeholder("HH:MM[:SS]", "The next time at this time of day"),
            Candidate::placeholder("YYYY-MM-DD HH:MM[:SS]", "On this day"),
        ]
    };
    let first = cursor.value("the time", options)?;
    let (mut text, mut span) = (first.text.to_string(), first.span.clone());
    if text.parse::<Date>().is_ok() && text.len() == "2026-01-31".len() {
        let options = || vec![Candidate::placeholder("HH:MM[:SS]", "On this day")];
        let time = cursor.value("the time of that day", options)?;
        text = format!("{text} {}", time.text);
        span.end = time.span.end;
    }
    parsed(&text, &ZonedDateTime::now()).ok_or_else(|| {
        let message =
            format!("{text:?} is not a time: HH:MM, YYYY-MM-DD HH:MM, or YYYY-MM-DDTHH:MM:SSZ");
        Stop::Fault(Fault::new(span, message))
    })
}

fn parsed(text: &str, now: &ZonedDateTime) -> Option<Timestamp> {
    if let Ok(instant) = text.parse() {
        return Some(instant);
    }
    let zone = now.time_zone();
    // On a day when the clock changes, a time may not exist or exist twice. jiff's "compatible" rule then applies.
    let at = |time: DateTime| zone.to_zoned_datetime(time).ok();
    if let Ok(time) = text.parse() {
        return Some(at(time)?.timestamp());
    }
    let time: Time = text.parse().ok()?;
    let today = at(now.date().to_datetime(time))?;
    let next = match today > *now {
        true => today,
        false => at(now.date().checked_add(1.day()).ok()?.to_datetime(time))?,
    };
    Some(next.timestamp())
}

/// An instant of RFC 3339 on this host's clock, with its offset.
pub(crate) fn local(instant: &str) -> String {
    match instant.parse::<Timestamp>() {
        Ok(instant) => instant
            .to_zoned_datetime(TimeZone::system())
            .strftime("%Y-%m-%d %H:%M:%S %:z")
            .to_string(),
        // A text that is not a valid time is shown unchanged.
        Err(_) => instant.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_the_next_one() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let now =
            jiff::civil::date(2026, 11, 24).at(22, 0, 0, 0).to_zoned_datetime(berlin).unwrap();
        let check = |text: &str, expected: Option<&str>| {
            let found = parsed(text, &now).map(|found| found.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        };
        check("22:30", Some("2026-11-24T21:30:00Z"));
        check("22:30:05", Some("2026-11-24T21:30:05Z"));
        check("22:00", Some("2026-11-25T21:00:00Z"));
        check("01:00", Some("2026-11-25T00:00:00Z"));
        check("2027-07-01 01:00", Some("2027-06-30T23:00:00Z"));
        check("2026-12-01T22:30:00+02:00", Some("2026-12-01T20:30:00Z"));
        check("2026-12-01T22:30:00Z", Some("2026-12-01T22:30:00Z"));
        check("25:00", None);
        check("2026-13-01 01:00", None);
        check("soon", None);
        check("", None);
    }
}
