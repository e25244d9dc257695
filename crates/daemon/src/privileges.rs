//! What the daemon must be allowed to do, checked before it touches anything.

use anyhow::{Context, Result, bail};

/// Each capability that the daemon uses throughout, its number (capability.h), and what for.
const NEEDED: [(&str, u32, &str); 2] = [
    ("CAP_NET_ADMIN", 12, "to configure the network"),
    ("CAP_SYS_ADMIN", 21, "to make and enter network namespaces"),
];

/// Fails with what is missing.
pub(crate) fn require() -> Result<()> {
    let path = "/proc/self/status";
    let status = std::fs::read_to_string(path).context(path)?;
    let missing = missing(&status).with_context(|| format!("{path}: no CapEff"))?;
    if missing.is_empty() {
        return Ok(());
    }
    bail!("not permitted: needs {}; run it as root, or within `unshare -rn`", missing.join(" and "))
}

/// None where the status does not have it.
fn missing(status: &str) -> Option<Vec<String>> {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    let effective = u64::from_str_radix(effective.trim(), 16).ok()?;
    let missing = NEEDED.iter().filter(|(_, number, _)| effective & (1 << number) == 0);
    Some(missing.map(|(name, _, purpose)| format!("{name} {purpose}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let missing = |mask: &str| missing(&format!("Name:\tx\nCapEff:\t{mask}\nCapBnd:\t0\n"));
        assert_eq!(missing("000001ffffffffff"), Some(vec![]));
        assert_eq!(
            missing("0000000000001000"),
            Some(vec!["CAP_SYS_ADMIN to make and enter network namespaces".to_string()])
        );
        assert_eq!(missing("0000000000000000").map(|missing| missing.len()), Some(2));
        assert_eq!(missing("x"), None);
    }
}
