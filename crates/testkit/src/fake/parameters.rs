//! The effects of kernel parameters on each other: some set others, and a new link gets the
//! defaults.

pub(super) mod set;

use netstate::{Key, NetnsName, Object, Place, State, SysctlKey};

/// A parameter's value, or its initial value if it was never set.
pub(super) fn value<'s>(state: &'s State, netns: &NetnsName, path: &str) -> &'s str {
    let key = key(netns, path);
    match key.and_then(|key| state.objects.get(&key)) {
        Some(Object::Sysctl(value)) => value,
        _ => initial(path),
    }
}

/// Gives a link that is new in its namespace the defaults of a family (`inetdev_init`, `ipv6_add_dev`,
/// `neigh_parms_alloc`).
pub(super) fn take_defaults(state: &mut State, place: &Place, family: &str) {
    let defaults: Vec<(String, String)> = (state.objects.iter())
        .filter_map(|(key, object)| match (key, object) {
            (Key::Sysctl(key), Object::Sysctl(value)) if key.netns == place.netns => {
                let rest = key.path.as_str().strip_prefix("net/")?.strip_prefix(family)?;
                let name = rest.strip_prefix("/conf/default/").map(|name| ("conf", name));
                let name =
                    name.or(rest.strip_prefix("/neigh/default/").map(|name| ("neigh", name)));
                let (table, name) = name?;
                Some((format!("net/{family}/{table}/{}/{name}", place.ifname), value.clone()))
            }
            _ => None,
        })
        .collect();
    for (path, value) in defaults {
        reach(state, &place.netns, &path, &value);
    }
}

/// Whether a link's parameter differs from the default.
pub(super) fn is_own(state: &State, at: &SysctlKey, value: &str) -> bool {
    let Some(dev) = at.path.dev() else { return true };
    let default = at.path.as_str().replacen(&format!("/{dev}/"), "/default/", 1);
    self::value(state, &at.netns, &default) != value
}

/// Sets a parameter as a side effect. A parameter with its initial value is not stored.
fn reach(state: &mut State, netns: &NetnsName, path: &str, value: &str) {
    let Some(key) = key(netns, path) else { return };
    match initial(path) == value {
        true => drop(state.objects.remove(&key)),
        false => drop(state.objects.insert(key, Object::Sysctl(value.to_owned()))),
    }
}

/// The initial value of a parameter, as far as tests need it.
pub(super) fn initial(path: &str) -> &'static str {
    if path.ends_with("/accept_redirects") { "1" } else { "0" }
}

fn key(netns: &NetnsName, path: &str) -> Option<Key> {
    Some(Key::Sysctl(SysctlKey { netns: netns.clone(), path: path.parse().ok()? }))
}
