//! Points in time as `yang:date-and-time` (RFC 9911, with the format of RFC 3339), in UTC.

use std::time::SystemTime;

use jiff::Timestamp;

/// The time in whole seconds.
pub(super) fn seconds(time: SystemTime) -> String {
    format!("{:.0}", timestamp(time))
}

/// The time in milliseconds, always with three digits.
pub(super) fn milliseconds(time: SystemTime) -> String {
    format!("{:.3}", timestamp(time))
}

/// The point in time of a text, with any offset.
pub(super) fn parse(text: &str) -> Result<SystemTime, jiff::Error> {
    text.parse::<Timestamp>().and_then(SystemTime::try_from)
}

/// A time outside the years of the format becomes the last time in the format.
fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn instants_are_written_as_rfc_3339_has_them() {
        let at = |milliseconds| UNIX_EPOCH + Duration::from_millis(milliseconds);
        for (time, in_seconds, in_milliseconds) in [
            (0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
            (7, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.007Z"),
            // Digits are truncated, so that the text is never later than the time.
            (1_709_210_096_999, "2024-02-29T12:34:56Z", "2024-02-29T12:34:56.999Z"),
            (253_370_764_800_000, "9999-01-01T00:00:00Z", "9999-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(seconds(at(time)), in_seconds);
            assert_eq!(milliseconds(at(time)), in_milliseconds);
        }
        assert_eq!(seconds(UNIX_EPOCH - Duration::from_secs(1)), "1969-12-31T23:59:59Z");
        let beyond = UNIX_EPOCH + Duration::from_secs(1 << 50);
        assert!(seconds(beyond).starts_with("9999-12-30"), "{}", seconds(beyond));
    }

    #[test]
    fn instants_are_read_with_any_offset_and_with_fractions() {
        let at = UNIX_EPOCH + Duration::from_millis(1_709_210_096_500);
        for text in [
            "2024-02-29T12:34:56.5Z",
            "2024-02-29T13:34:56.500+01:00",
            "2024-02-29T05:04:56.5-07:30",
        ] {
            assert_eq!(parse(text).expect(text), at, "{text}");
        }
        for text in ["", "soon", "2024-02-30T00:00:00Z", "2024-02-29T12:34:56", "2024-02-29"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
