//! What the kernel removes with an object: with an address, all that needs it, and with a nexthop object the routes and
//! groups that use it.

use std::borrow::Cow;

use super::world::World;
use crate::noun::{Key, Object};

impl World<'_> {
    /// Removes an object, and what the kernel removes with it.
    pub(super) fn lose(&mut self, key: &Key, why: &str) {
        if self.take(key).is_none() {
            return;
        }
        self.lost.insert(key.clone(), why.into());
        if let Key::Address(gone) = key
            && gone.address.addr().is_ipv4()
        {
            self.lose_with_address(gone, why);
        }
        self.lose_users(key, why);
    }

    /// What uses a nexthop that is gone: a route goes with it, and a group with its last member.
    fn lose_users(&mut self, gone: &Key, why: &str) {
        let Key::Nexthop(gone_key) = gone else { return };
        for user in self.users.get(gone).cloned().unwrap_or_default() {
            let rest = match self.objects.get(&user).map(Cow::as_ref) {
                Some(Object::Nexthop(group)) => group.with_members(|id| id != gone_key.id),
                _ => None,
            };
            match rest {
                Some(rest) => self.put(user, Cow::Owned(Object::Nexthop(rest.into()))),
                None => self.lose(&user, why),
            }
        }
    }
}
