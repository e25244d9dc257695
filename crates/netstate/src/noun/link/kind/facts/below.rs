//! The link below a link: which attribute names it, and how the link depends on it.

/// Whether a link has another below it, and which attribute names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkBelow {
    /// It has no link below.
    Never,
    /// It may have a link below.
    Optional(BelowAttribute),
    /// It must have a link below.
    Required(BelowAttribute),
}

/// The attribute that names the link below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BelowAttribute {
    /// `IFLA_LINK`.
    IflaLink,
    /// This attribute of `IFLA_INFO_DATA`: a tunnel's underlay.
    InfoData(u16),
    /// The same, but the kernel only stores the index. It looks for it in the namespace in which
    /// the tunnel is created, and the tunnel stays when the link below is removed.
    Stored(u16),
}

impl BelowAttribute {
    /// The attribute of `IFLA_INFO_DATA`.
    pub fn info_data(self) -> Option<u16> {
        match self {
            BelowAttribute::IflaLink => None,
            BelowAttribute::InfoData(attribute) | BelowAttribute::Stored(attribute) => {
                Some(attribute)
            }
        }
    }

    /// Whether the kernel only stores the index.
    pub fn is_stored(self) -> bool {
        matches!(self, BelowAttribute::Stored(_))
    }
}

impl LinkBelow {
    /// The attribute that names the link below.
    pub fn attribute(self) -> Option<BelowAttribute> {
        match self {
            LinkBelow::Never => None,
            LinkBelow::Optional(attribute) | LinkBelow::Required(attribute) => Some(attribute),
        }
    }
}

/// How a link depends on the link below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Below {
    /// It can be up only while the link below is up, and goes down with it.
    pub needs_up: bool,
    /// It comes up by itself when the link below does.
    pub comes_up_with_below: bool,
    /// Its MTU is limited by that of the link below.
    pub mtu_within: bool,
    /// It stays when the link below moves to another namespace. Otherwise the kernel removes it.
    pub survives_move: bool,
}
