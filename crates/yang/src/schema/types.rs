//! The type of a leaf.

use crate::schema::SchemaNode;

/// A leaf's type, as far as help, completion and printing need it.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the YANG types of those names")]
pub enum Type {
    Binary,
    Bits(Vec<String>),
    Boolean,
    /// Fraction digits.
    Decimal64 {
        digits: u8,
        ranges: Vec<(String, String)>,
    },
    Empty,
    /// Names with their values and descriptions.
    Enumeration(Vec<(String, i32, Option<String>)>),
    /// All identities that are valid here, as `module:name`.
    Identityref(Vec<String>),
    InstanceIdentifier,
    Integer {
        signed: bool,
        bits: u8,
        ranges: Vec<(i128, i128)>,
    },
    /// The path as written in the schema, the target leaf, and that leaf's type.
    Leafref {
        path: String,
        target: &'static SchemaNode,
        real: Box<Type>,
    },
    String {
        lengths: Vec<(u64, u64)>,
        patterns: Vec<String>,
    },
    Union(Vec<Type>),
}

impl Type {
    /// The types of which one accepts a value: the members of a union, with references followed.
    pub(crate) fn members(&self) -> Vec<&Type> {
        match self.stands_for() {
            [] => vec![self],
            types => types.iter().flat_map(Type::members).collect(),
        }
    }

    /// Whether the type, or one of its members, is such a type.
    pub(crate) fn any(&self, such: fn(&Type) -> bool) -> bool {
        such(self) || self.stands_for().iter().any(|member| member.any(such))
    }

    /// The members of a union, or the type of a reference's target. Other types stand for themselves.
    fn stands_for(&self) -> &[Type] {
        match self {
            Type::Union(members) => members,
            Type::Leafref { real, .. } => std::slice::from_ref(real),
            Type::Binary
            | Type::Bits(_)
            | Type::Boolean
            | Type::Decimal64 { .. }
            | Type::Empty
            | Type::Enumeration(_)
            | Type::Identityref(_)
            | Type::InstanceIdentifier
            | Type::Integer { .. }
            | Type::String { .. } => &[],
        }
    }

    /// The modules of the identities of this name that the type accepts.
    pub(super) fn modules_of(&self, identity: &str) -> Vec<&str> {
        let mut modules = Vec::new();
        for member in self.members() {
            let Type::Identityref(names) = member else { continue };
            let split = names.iter().filter_map(|name| name.split_once(':'));
            modules.extend(split.filter(|(_, name)| *name == identity).map(|(module, _)| module));
        }
        modules
    }

    /// The names and numbers of the enumerations among its members.
    pub(crate) fn enums(&self) -> Vec<(&str, i32)> {
        let mut enums = Vec::new();
        for member in self.members() {
            let Type::Enumeration(names) = member else { continue };
            enums.extend(names.iter().map(|(name, number, _)| (name.as_str(), *number)));
        }
        enums
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::sample::path;

    #[track_caller]
    fn check_type(leaf: &str, expected: Expect) {
        expected.assert_debug_eq(path(leaf).node().unwrap().leaf_type.as_ref().unwrap());
    }

    #[test]
    fn types_tell_what_they_take() {
        check_type(
            "/links/link/mtu",
            expect![[r#"
            Integer {
                signed: false,
                bits: 32,
                ranges: [
                    (
                        64,
                        65575,
                    ),
                ],
            }
        "#]],
        );
        check_type(
            "/links/link/type",
            expect![[r#"
            Identityref(
                [
                    "sample:veth",
                    "sample-more:dummy",
                ],
            )
        "#]],
        );
        check_type(
            "/links/link/netns",
            expect![[r#"
            Union(
                [
                    Leafref {
                        path: "/s:netnses/s:netns/s:name",
                        target: /sample:netnses/netns/name,
                        real: String {
                            lengths: [
                                (
                                    1,
                                    32,
                                ),
                            ],
                            patterns: [],
                        },
                    },
                    Enumeration(
                        [
                            (
                                "1",
                                0,
                                None,
                            ),
                        ],
                    ),
                ],
            )
        "#]],
        );
        check_type(
            "/links/link/admin-status",
            expect![[r#"
            Enumeration(
                [
                    (
                        "up",
                        1,
                        Some(
                            "It carries traffic.",
                        ),
                    ),
                    (
                        "down",
                        0,
                        None,
                    ),
                ],
            )
        "#]],
        );
        check_type(
            "/routes/route/weight",
            expect![[r#"
            Decimal64 {
                digits: 2,
                ranges: [
                    (
                        "0.5",
                        "9.0",
                    ),
                ],
            }
        "#]],
        );
    }
}
