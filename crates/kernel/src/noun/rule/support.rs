//! Whether the running kernel has the selectors of a rule.
//!
//! A kernel ignores selectors that it does not know, and then the rule matches more packets. So it
//! is asked before: by a request that is always refused, because of its type of service. A kernel
//! that knows the selector refuses the selector's own value first.

use netstate::attribute::Value;
use netstate::rule::{RuleKey, Selectors};
use netstate::uapi::{
    FR_ACT_TO_TBL, FRA_DPORT_MASK, FRA_DSCP, FRA_DSCP_MASK, FRA_FLOWLABEL, FRA_SPORT_MASK,
};

use crate::execution::{Execution, Failure, Result};
use crate::socket::NetlinkSocket;

/// Rules of both families have the same selectors, except for flow labels.
const AF_INET: u8 = 2;
/// A type of service with bits of ECN, which no kernel accepts.
const REFUSED_TOS: u8 = 3;

/// A selector that came after Linux 6.1.
struct Recent {
    is_used: fn(&Selectors) -> bool,
    /// Its attribute, and a value that it cannot have, or not in an IPv4 rule, or not alone.
    number: u16,
    wrong: &'static [u8],
    leaf: &'static str,
    words: &'static str,
    since: &'static str,
}

const RECENT: [Recent; 5] = [
    Recent {
        is_used: |selectors| selectors.dscp.is_some(),
        number: FRA_DSCP,
        wrong: &[0xff],
        leaf: "dscp",
        words: "selects no DSCP",
        since: "6.13",
    },
    Recent {
        is_used: |selectors| selectors.flowlabel.is_some(),
        number: FRA_FLOWLABEL,
        wrong: &[0, 0, 0, 1],
        leaf: "flowlabel",
        words: "selects no flow label",
        since: "6.14",
    },
    Recent {
        is_used: |selectors| selectors.dscp_mask.is_some(),
        number: FRA_DSCP_MASK,
        wrong: &[0xff],
        leaf: "dscp-mask",
        words: "has no mask for a DSCP",
        since: "6.15",
    },
    Recent {
        is_used: |selectors| selectors.sport_mask.is_some(),
        number: FRA_SPORT_MASK,
        wrong: &[1, 1],
        leaf: "sport",
        words: "has no mask for a port",
        since: "6.15",
    },
    Recent {
        is_used: |selectors| selectors.dport_mask.is_some(),
        number: FRA_DPORT_MASK,
        wrong: &[1, 1],
        leaf: "dport",
        words: "has no mask for a port",
        since: "6.15",
    },
];

/// Fails if the kernel would ignore a selector of the rule.
pub(super) fn check(execution: &mut Execution<'_>, op: usize, key: &RuleKey) -> Result<()> {
    for recent in RECENT.iter().filter(|recent| (recent.is_used)(&key.selectors)) {
        let known = execution.rules.supported.get(&recent.number).copied();
        let supported = match known {
            Some(supported) => supported,
            None => {
                let socket = execution.socket(op, &key.netns)?;
                is_supported(socket, recent.number, recent.wrong)
            }
        };
        execution.rules.supported.insert(recent.number, supported);
        if !supported {
            let message = format!(
                "this kernel {} in rules: that needs Linux {}, so take {} out",
                recent.words, recent.since, recent.leaf
            );
            return Err(Failure { field: Some(recent.leaf), ..Failure::words(op, message) });
        }
    }
    Ok(())
}

/// Whether the kernel looks at an attribute of a rule, which has this wrong value.
fn is_supported(socket: &mut NetlinkSocket, number: u16, wrong: &[u8]) -> bool {
    let mut refusal = |attribute: Option<u16>| {
        let body = |out: &mut Vec<u8>| {
            out.extend([AF_INET, 0, 0, REFUSED_TOS, 0, 0, 0, FR_ACT_TO_TBL]);
            0u32.put(out);
            if let Some(number) = attribute {
                let length = u16::try_from(4 + wrong.len()).unwrap_or_default();
                out.extend(length.to_ne_bytes());
                out.extend(number.to_ne_bytes());
                out.extend(wrong);
            }
        };
        socket.get(libc::RTM_NEWRULE, body, |_| Some(())).err()
    };
    refusal(Some(number)) != refusal(None)
}

#[cfg(test)]
mod tests {
    use netstate::uapi::{FRA_IP_PROTO, FRA_SPORT_RANGE};
    use testkit::netns::{ip_json, isolated};

    use super::*;

    #[test]
    fn a_selector_that_no_kernel_has_is_detected_and_nothing_is_added() {
        isolated(|| {
            let before = ip_json("rule show");
            let mut socket = NetlinkSocket::open().unwrap();
            assert!(is_supported(&mut socket, FRA_SPORT_RANGE, &[0; 4]));
            assert!(!is_supported(&mut socket, 999, &[0; 4]));
            // It is known, but its value is not wrong.
            assert!(!is_supported(&mut socket, FRA_IP_PROTO, &[6]));
            RECENT.iter().for_each(|recent| {
                let supported = is_supported(&mut socket, recent.number, recent.wrong);
                println!("{} of rules: {supported}", recent.leaf);
            });
            assert_eq!(ip_json("rule show"), before);
        });
    }
}
