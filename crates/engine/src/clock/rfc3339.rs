//! Times as text: RFC 3339 in UTC, as in `yang:date-and-time`.

use std::time::SystemTime;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serializer, de};

/// A time to the millisecond.
pub(crate) fn milliseconds(time: SystemTime) -> String {
    format!("{:.3}", timestamp(time))
}

/// A time to the second.
pub(crate) fn seconds(time: SystemTime) -> String {
    format!("{:.0}", timestamp(time))
}

/// The nearest time that can be written. RFC 3339 ends with the year 9999.
fn timestamp(time: SystemTime) -> Timestamp {
    let end = if time < SystemTime::UNIX_EPOCH { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::try_from(time).unwrap_or(end)
}

pub(crate) fn serialize<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&milliseconds(*time))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
    let text = String::deserialize(from)?;
    let time: Timestamp = text.parse().map_err(de::Error::custom)?;
    SystemTime::try_from(time).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_is_truncated_and_not_rounded() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_micros(1_795_455_216_987_999);
        assert_eq!(milliseconds(time), "2026-11-23T17:33:36.987Z");
        assert_eq!(seconds(time), "2026-11-23T17:33:36Z");
    }

    #[test]
    fn a_time_beyond_the_year_9999_is_shown_as_the_last_date() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40);
        assert!(seconds(time).starts_with("9999-12-"), "{}", seconds(time));
    }
}
