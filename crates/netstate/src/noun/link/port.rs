//! The table of the kinds of master whose ports have attributes, and what each kind states about its ports in its own file.
//!
//! The attributes of a port (`IFLA_INFO_SLAVE_DATA`) are a struct with the trait `PortKind` for its facts. The table
//! generates [`Port`] and every dispatch over its rows.

use serde::{Deserialize, Serialize};

use crate::attribute::{Attributes, Field, Fields};
use crate::noun::link::{BondPort, BridgePort};

ports! {
    /// The attributes of a bridge's port.
    #[serde(flatten)]
    bridge: BridgePort
    /// The attributes of a link in a bond.
    #[serde(flatten)]
    bond: BondPort
}

/// What a kind of master states about its ports.
pub(crate) trait PortKind: Attributes {
    /// `IFLA_INFO_SLAVE_KIND`, which is also the master's `IFLA_INFO_KIND`.
    const MASTER: &'static str;

    /// The attributes that the kernel gives a new port, given the speed of its link
    /// ([`LinkStatus::speed`](crate::link::LinkStatus::speed)). One whose default is not known is `None`.
    fn kernel_default(speed: Option<u32>) -> Self;

    /// The attributes among these whose default follows from the speed of the link.
    fn by_speed(&self) -> Self;

    /// Removes the attributes that only a port that is up has, and that are reset when it comes up. Returns these.
    fn take_those_of_up(&mut self) -> Self;
}

macro_rules! ports {
    ($($(#[$meta:meta])* $master:ident: $port:ident)*) => {
        /// What a link has as a port, for each kind of master.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub struct Port {
            $($(#[$meta])* pub $master: $port,)*
        }

        impl Port {
            /// The attributes of a new port of a master of any kind. The default of some follows from the speed of the link.
            pub(crate) fn kernel_default(speed: Option<u32>) -> Port {
                Port { $($master: $port::kernel_default(speed),)* }
            }

            /// The attributes among these whose default follows from the speed of the link.
            pub(crate) fn by_speed(&self) -> Port {
                Port { $($master: self.$master.by_speed(),)* }
            }

            /// The attributes of a new port of a master of this kind (`IFLA_INFO_KIND`).
            pub(crate) fn of_new(kind: &str) -> Port {
                Port {
                    $($master: match kind {
                        $port::MASTER => $port::kernel_default(None),
                        _ => $port::default(),
                    },)*
                }
            }

            /// Reads `IFLA_INFO_SLAVE_DATA` of a port of a master of this kind. Data that is malformed, or of a kind without a
            /// row, gives no attributes.
            pub fn decode(kind: &str, data: &[u8]) -> Port {
                Port {
                    $($master: match kind {
                        $port::MASTER => $port::decode(data).unwrap_or_default(),
                        _ => $port::default(),
                    },)*
                }
            }

            /// The kinds of master of which an attribute is set, each with its `IFLA_INFO_SLAVE_DATA`.
            pub fn encode(&self) -> Vec<(&'static str, Vec<u8>)> {
                let mut encoded = Vec::new();
                $(if !self.$master.is_empty() {
                    let mut data = Vec::new();
                    self.$master.encode(&mut data);
                    encoded.push(($port::MASTER, data));
                })*
                encoded
            }

            /// Removes the attributes that only a port that is up has, and that are reset when it comes up. Returns these.
            pub(crate) fn take_those_of_up(&mut self) -> Port {
                Port { $($master: self.$master.take_those_of_up(),)* }
            }

            /// Takes over the attributes that are set in `other`.
            pub fn overlay(&mut self, other: &Port) {
                $(self.$master.overlay(&other.$master);)*
            }

            /// The attributes that are set here and are different in `observed`.
            pub(crate) fn changes(&self, observed: &Port) -> Port {
                Port { $($master: self.$master.changes(&observed.$master),)* }
            }

            /// The attributes that are set in `mask` too.
            pub(crate) fn only(&self, mask: &Port) -> Port {
                Port { $($master: self.$master.only(&mask.$master),)* }
            }

            /// The attributes of a port of a master of this kind (`IFLA_INFO_KIND`).
            pub(crate) fn of(&self, kind: &str) -> Port {
                Port {
                    $($master: match kind {
                        $port::MASTER => self.$master.clone(),
                        _ => $port::default(),
                    },)*
                }
            }

            /// The attributes that are set and do not belong to a port of a master of this kind, each with its own kind.
            pub(crate) fn of_others(&self, kind: &str) -> Vec<(&'static str, &'static Field)> {
                let mut fields = Vec::new();
                $(if $port::MASTER != kind {
                    fields.extend(self.$master.set().into_iter().map(|field| ($port::MASTER, field)));
                })*
                fields
            }

            /// The attributes of the kinds of master of which one is set in `other`.
            pub(crate) fn like(&self, other: &Port) -> Port {
                Port {
                    $($master: match other.$master.is_empty() {
                        true => $port::default(),
                        false => self.$master.clone(),
                    },)*
                }
            }

            /// The attributes that are set.
            pub fn set(&self) -> Vec<&'static Field> {
                let mut fields = Vec::new();
                $(fields.extend(self.$master.set());)*
                fields
            }

            /// The names of the attributes that are set.
            pub(crate) fn set_fields(&self) -> Vec<&'static str> {
                self.set().into_iter().map(|field| field.name).collect()
            }

            /// Whether no attribute is set.
            pub fn is_empty(&self) -> bool {
                $(self.$master.is_empty())&&*
            }
        }
    };
}

use ports;
