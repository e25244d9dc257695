//! The value of a leaf, canonical and typed.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// A value in its canonical form (RFC 7950 section 9). The value of a union is the value of the member that
/// accepted it. Values have natural order: digits within texts compare as numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the YANG types of those names")]
pub enum Value {
    Empty,
    Boolean(bool),
    Integer(i64),
    Unsigned(u64),
    /// 64-bit integers and decimals are strings in JSON (RFC 7951 section 6.1).
    Integer64(i64),
    Unsigned64(u64),
    Decimal64(Arc<str>),
    String(Arc<str>),
    /// The name, and the number that the schema gives it.
    Enumeration(Arc<str>, i32),
    Identity(Arc<Identity>),
    Bits(Arc<str>),
    Binary(Arc<str>),
    InstanceIdentifier(Arc<str>),
}

/// An identity (RFC 7950 section 7.18).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The module that defines it.
    pub module: String,
    /// Its name.
    pub name: String,
}

// Trees contain many values, so that they must be small.
const _: () = assert!(size_of::<Value>() == 24);

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.module, self.name)
    }
}

impl fmt::Display for Value {
    /// The canonical text; an identity as `module:name`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Empty => Ok(()),
            Value::Boolean(value) => value.fmt(f),
            Value::Integer(value) | Value::Integer64(value) => value.fmt(f),
            Value::Unsigned(value) | Value::Unsigned64(value) => value.fmt(f),
            Value::Identity(identity) => identity.fmt(f),
            Value::Decimal64(text)
            | Value::String(text)
            | Value::Enumeration(text, _)
            | Value::Bits(text)
            | Value::Binary(text)
            | Value::InstanceIdentifier(text) => f.pad(text),
        }
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        // Most values have the same type, and most equal texts are shared.
        match (self, other) {
            (Value::String(a), Value::String(b)) if Arc::ptr_eq(a, b) => return Ordering::Equal,
            (Value::String(a), Value::String(b)) => return natural(a, b),
            (Value::Unsigned(a), Value::Unsigned(b)) => return a.cmp(b),
            (Value::Enumeration(a, x), Value::Enumeration(b, y)) if x == y && Arc::ptr_eq(a, b) => {
                return Ordering::Equal;
            }
            _ => {}
        }
        let order = match (self.key(), other.key()) {
            (Key::Text(a), Key::Text(b)) => natural(a, b),
            (a, b) => a.cmp(&b),
        };
        order.then_with(|| self.rank().cmp(&other.rank())).then_with(|| match (self, other) {
            (Value::Enumeration(_, a), Value::Enumeration(_, b)) => a.cmp(b),
            (Value::Identity(a), Value::Identity(b)) => natural(&a.module, &b.module),
            (Value::Decimal64(a), Value::Decimal64(b)) => a.cmp(b),
            // All others are equal if key and rank are equal.
            _ => Ordering::Equal,
        })
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The sort key of a value: booleans, then numbers, then texts, for any type.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Nothing,
    Truth(bool),
    /// In units of 10^-18, the smallest unit of decimal64.
    Number(i128),
    Text(&'a str),
}

impl Value {
    fn key(&self) -> Key<'_> {
        const UNIT: i128 = 10_i128.pow(18);
        match self {
            Value::Empty => Key::Nothing,
            Value::Boolean(value) => Key::Truth(*value),
            Value::Integer(value) | Value::Integer64(value) => {
                Key::Number(i128::from(*value) * UNIT)
            }
            Value::Unsigned(value) | Value::Unsigned64(value) => {
                Key::Number(i128::from(*value) * UNIT)
            }
            Value::Decimal64(text) => decimal(text).map_or(Key::Text(text), Key::Number),
            Value::Identity(identity) => Key::Text(&identity.name),
            Value::String(text)
            | Value::Enumeration(text, _)
            | Value::Bits(text)
            | Value::Binary(text)
            | Value::InstanceIdentifier(text) => Key::Text(text),
        }
    }

    /// Distinguishes values with the same text and different types.
    fn rank(&self) -> u8 {
        match self {
            Value::Empty => 0,
            Value::Boolean(_) => 1,
            Value::Integer(_) => 2,
            Value::Unsigned(_) => 3,
            Value::Integer64(_) => 4,
            Value::Unsigned64(_) => 5,
            Value::Decimal64(_) => 6,
            Value::String(_) => 7,
            Value::Enumeration(..) => 8,
            Value::Identity(_) => 9,
            Value::Bits(_) => 10,
            Value::Binary(_) => 11,
            Value::InstanceIdentifier(_) => 12,
        }
    }
}

/// A decimal with at most 18 fraction digits, in units of 10^-18.
fn decimal(text: &str) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let scale = 10_i128.checked_pow(18_u32.checked_sub(u32::try_from(fraction.len()).ok()?)?)?;
    let unscaled: i128 = format!("{whole}{fraction}").parse().ok()?;
    Some(sign * unscaled.checked_mul(scale)?)
}

/// Compares texts in natural order, `eth2` before `eth10`. Only identical bytes are equal.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    // Both continue at the first byte that differs, or at the start of the number that contains it.
    let differs = left.iter().zip(right).position(|(x, y)| x != y);
    let mut same = differs.unwrap_or(left.len().min(right.len()));
    while same > 0 && left[same - 1].is_ascii_digit() {
        same -= 1;
    }
    (left, right) = (&left[same..], &right[same..]);
    loop {
        match (left.first(), right.first()) {
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (number_left, number_right) = (digits(&mut left), digits(&mut right));
                let order = number_left.len().cmp(&number_right.len());
                let order = order.then_with(|| number_left.cmp(number_right));
                if order.is_ne() {
                    return order;
                }
            }
            (Some(x), Some(y)) if x == y => (left, right) = (&left[1..], &right[1..]),
            (None, None) => return a.cmp(b),
            (x, y) => return x.cmp(&y),
        }
    }
}

/// Removes a run of digits from the start of `text`, and returns it without leading zeros.
fn digits<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (mut run, rest) = text.split_at(end);
    *text = rest;
    while let [b'0', more @ ..] = run {
        run = more;
    }
    run
}

/// A decimal64 from its unscaled number.
pub(crate) fn decimal64(number: i64, digits: u8) -> String {
    let digits = usize::from(digits);
    let sign = if number < 0 { "-" } else { "" };
    let padded = format!("{:0>width$}", number.unsigned_abs(), width = digits + 1);
    let (whole, fraction) = padded.split_at(padded.len() - digits);
    let fraction = fraction.trim_end_matches('0');
    format!("{sign}{whole}.{}", if fraction.is_empty() { "0" } else { fraction })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(ascending: &[&str]) {
        let values: Vec<_> = ascending.iter().map(|text| Value::String((*text).into())).collect();
        for pair in values.windows(2) {
            assert!(pair[0] < pair[1], "{} < {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn texts_are_ordered_as_people_count() {
        check(&["eth2", "eth10", "eth10.5", "eth10a", "lo"]);
        check(&["10.0.9.0/24", "10.0.10.0/24", "10.0.10.0/25", "192.168.0.0/16"]);
        check(&["", "0", "00", "01", "1", "2", "a"]);
        check(&["veth", "veth0", "veth00", "veth1"]);
    }

    #[test]
    fn numbers_of_all_types_are_ordered_together() {
        let mut values = [
            Value::Unsigned(10),
            Value::Decimal64("-0.5".into()),
            Value::Integer(-3),
            Value::String("1".into()),
            Value::Unsigned64(9),
            Value::Decimal64("9.25".into()),
        ];
        values.sort();
        let shown: Vec<_> = values.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["-3", "-0.5", "9", "9.25", "10", "1"]);
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let text = "[ab0-2]{0,4}";
        prop_oneof![
            (-3_i64..3).prop_map(Value::Integer),
            (0_u64..3).prop_map(Value::Unsigned),
            (0_u64..3).prop_map(Value::Unsigned64),
            text.prop_map(|text| Value::String(text.into())),
            (text, 0..2).prop_map(|(text, number)| Value::Enumeration(text.into(), number)),
            (text, text)
                .prop_map(|(module, name)| Value::Identity(Identity { module, name }.into())),
        ]
    }

    proptest! {
        #[test]
        fn the_order_is_total_and_agrees_with_equality(
            a in any_value(), b in any_value(), c in any_value(),
        ) {
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            prop_assert_eq!(a.cmp(&b).is_eq(), a == b);
            if a <= b && b <= c {
                prop_assert!(a <= c);
            }
        }
    }
}
