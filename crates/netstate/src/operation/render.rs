//! Operations as text, for people who read a plan or an error.

use std::fmt;

use super::{Action, Because, Op, Plan};
use crate::noun::address::AddressKey;
use crate::noun::netns::as_phrase;
use crate::noun::{Described, Key, Verb, describe};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ops.iter().try_for_each(|op| writeln!(f, "{op}"))
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, object, before) = match &self.action {
            Action::Create(object) => (Verb::Add, object, None),
            Action::Update { from, change } => (Verb::Replace, change, Some(from)),
            Action::Delete(object) => (Verb::Delete, object, None),
            Action::Await => return describe_await(f, &self.key),
        };
        describe(f, verb, &self.key, Described { object, before })
    }
}

fn describe_await(f: &mut fmt::Formatter<'_>, key: &Key) -> fmt::Result {
    let Key::Address(AddressKey { netns, dev, address, .. }) = key else {
        return write!(f, "wait for {}", key.noun().facts().name);
    };
    let netns = as_phrase(netns);
    write!(f, "wait for duplicate address detection of {address} on {dev} in {netns}")
}

impl Op {
    /// The operation with its reason, unless the reason is only the configuration, and with what
    /// cannot be restored.
    pub fn explained(&self) -> String {
        let says_so = [Because::Configured, Because::NotConfigured].contains(&self.because);
        let because = (!says_so).then(|| format!("because {}", self.because));
        let notes: Vec<String> =
            because.into_iter().chain(self.irrevocable().map(str::to_owned)).collect();
        match notes.is_empty() {
            true => self.to_string(),
            false => format!("{self} ({})", notes.join("; ")),
        }
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Because::Configured => write!(f, "it is configured"),
            Because::NotConfigured => write!(f, "it is no longer configured"),
            Because::GivenBack => write!(f, "it was so before it was configured"),
            Because::LinkDown(link) => write!(f, "{link} goes down"),
            Because::LinkRemoved(link) => write!(f, "{link} is removed or made anew"),
            Because::LinkMoved(link) => write!(f, "{link} moves to another namespace"),
            Because::LinkLayer(link) => write!(f, "{link} forgets its neighbours"),
            Because::SmallMtu(link) => write!(f, "the MTU of {link} is too small for IPv6"),
            Because::LinkRenamed(link) => write!(f, "{link} is renamed"),
            Because::AddressRemoved(address) => write!(f, "the address {address} is removed"),
            Because::SetAlong(key) => {
                if let Key::Sysctl(key) = &**key {
                    return write!(f, "{} sets it too", key.path.dotted());
                }
                write!(f, "a {} sets it too", key.noun().facts().name)
            }
            Because::Ipv6Off(key) => {
                if let Key::Sysctl(key) = &**key {
                    return write!(f, "{} switches IPv6 off", key.path.dotted());
                }
                write!(f, "IPv6 is switched off")
            }
            Because::NeedsDown => write!(f, "the kernel changes this only while the link is down"),
            Because::HoldsMtu => write!(f, "its ports would change its mtu otherwise"),
            Because::MakesRoom(name) => write!(f, "its name is needed for {name}"),
            Because::CarrierLost(link) => write!(f, "{link} loses its carrier"),
            Because::NexthopRemoved(id) => write!(f, "nexthop {id} is removed or made anew"),
            Because::Replaced => write!(f, "the kernel cannot change it in place"),
        }
    }
}
