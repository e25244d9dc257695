//! Leaves whose texts represent numbers. The extension `spelling` of netloom-extensions defines the format.
//!
//! A struct contains the numbers, as in the kernel. The model defines the texts.

use serde_json::Value as Json;

use crate::schema::SchemaNode;

/// The text format of a leaf whose struct field is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// Two hexadecimal digits: an octet.
    HexOctet,
    /// A number, decimal or with `0x`.
    Number,
    /// Four octets with dots between them: a 32-bit number, the first octet the highest.
    DottedQuad,
    /// Two numbers, separated by white space.
    Pair,
    /// Several values with commas between them; no text for none.
    List,
    /// In a leaf-list, `KEY:VALUE` for each entry of a map.
    Map,
}

impl Spelling {
    /// The format of a leaf. None if its values have the format of YANG.
    pub(super) fn of(node: &SchemaNode) -> Option<Spelling> {
        match node.extension("spelling")?? {
            "hex-octet" => Some(Spelling::HexOctet),
            "number" => Some(Spelling::Number),
            "dotted-quad" => Some(Spelling::DottedQuad),
            "pair" => Some(Spelling::Pair),
            "list" => Some(Spelling::List),
            "map" => Some(Spelling::Map),
            _ => None,
        }
    }

    /// The value of a text. None if the text is invalid.
    pub(super) fn read(self, text: &str) -> Option<Json> {
        match self {
            Spelling::HexOctet => u8::from_str_radix(text, 16).ok().map(Json::from),
            Spelling::Number => match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
                Some(digits) => u64::from_str_radix(digits, 16).ok().map(Json::from),
                None => text.parse::<u64>().ok().map(Json::from),
            },
            Spelling::DottedQuad => {
                let address: std::net::Ipv4Addr = text.parse().ok()?;
                Some(address.to_bits().into())
            }
            Spelling::Pair => {
                let numbers = text.split_whitespace().map(|part| part.parse::<u64>().ok());
                let numbers: Vec<u64> = numbers.collect::<Option<_>>()?;
                (numbers.len() == 2).then(|| numbers.into())
            }
            Spelling::List => {
                let parts = text.split(',').filter(|part| !part.is_empty());
                Some(parts.map(Json::from).collect())
            }
            Spelling::Map => {
                let (key, value) = text.split_once(':')?;
                let value: u64 = value.parse().ok()?;
                Some(Json::Object([(key.to_owned(), value.into())].into_iter().collect()))
            }
        }
    }

    /// The texts of a value: several texts for a map, one or none for all others. `None` if the value cannot be
    /// represented.
    pub(super) fn write(self, value: &Json) -> Option<Vec<String>> {
        let number = || value.as_u64();
        Some(match self {
            Spelling::HexOctet => vec![format!("{:02x}", number()?)],
            Spelling::Number => vec![number()?.to_string()],
            Spelling::DottedQuad => {
                let bits = u32::try_from(number()?).ok()?;
                vec![std::net::Ipv4Addr::from_bits(bits).to_string()]
            }
            Spelling::Pair => {
                let parts: Vec<String> = value.as_array()?.iter().map(Json::to_string).collect();
                vec![parts.join(" ")]
            }
            Spelling::List => {
                let parts: Option<Vec<&str>> = value.as_array()?.iter().map(Json::as_str).collect();
                let text = parts?.join(",");
                Some(text).filter(|text| !text.is_empty()).into_iter().collect()
            }
            Spelling::Map => {
                let entries = value.as_object()?.iter();
                entries.map(|(key, value)| format!("{key}:{value}")).collect()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_spell_numbers() {
        let check = |spelling: Spelling, text: &str, numbers: Json| {
            let read = spelling.read(text).unwrap();
            assert_eq!(read, numbers, "{text}");
            assert_eq!(spelling.write(&read).unwrap(), [text]);
        };
        check(Spelling::HexOctet, "b8", 0xb8.into());
        check(Spelling::Number, "256", 256.into());
        check(Spelling::DottedQuad, "1.0.0.2", 0x0100_0002.into());
        check(Spelling::Pair, "1024 65535", vec![1024, 65535].into());
        check(Spelling::List, "192.0.2.1,192.0.2.2", vec!["192.0.2.1", "192.0.2.2"].into());
        check(Spelling::Map, "3:5", serde_json::json!({"3": 5}));
        assert_eq!(Spelling::Number.read("0x10"), Some(16.into()));
        for (spelling, text) in [
            (Spelling::HexOctet, "b88"),
            (Spelling::Pair, "1 2 3"),
            (Spelling::Map, "1"),
            (Spelling::DottedQuad, "1.2.3"),
        ] {
            assert_eq!(spelling.read(text), None, "{text}");
        }
    }
}
