//! The name of a user, from `/etc/passwd` only. A name service must not decide who a peer is.

/// The file with the names of local users.
const PASSWD: &str = "/etc/passwd";

/// The user's name, or `uid N` if the user has no name.
pub(crate) fn user_name(uid: u32) -> String {
    let passwd = std::fs::read(PASSWD).unwrap_or_default();
    let passwd = String::from_utf8_lossy(&passwd);
    name_in(&passwd, uid).unwrap_or_else(|| format!("uid {uid}"))
}

/// Lines are `name:password:uid:…`.
fn name_in(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let found: u32 = fields.nth(1)?.parse().ok()?;
        (found == uid).then(|| name.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_by_uid() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n\n#bad\n:x:7:\nann:x:1000:\nbob:x:1000:\n";
        let name = |uid| name_in(passwd, uid);
        assert_eq!(name(0).as_deref(), Some("root"));
        assert_eq!(name(1000).as_deref(), Some("ann"));
        assert_eq!(name(7), None);
        assert_eq!(user_name(4_294_967_290), "uid 4294967290");
    }
}
