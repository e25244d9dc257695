//! Loops of links: a link that is on itself, or on its own master, over any number of links.

use super::answer::Answer;
use super::world::{World, refused};
use crate::noun::link::{Link, Place};
use crate::noun::{Key, Object};

impl World<'_> {
    /// Follows the links below, until one is this link or its master.
    pub(super) fn no_loop(&mut self, below: &Place, (key, object): (&Key, &Object)) -> Answer {
        let Object::Link(link) = object else { return Answer::Met };
        let master = link.master_place();
        let mut passed = Vec::new();
        let mut next = Some(below.clone());
        while let Some(place) = next {
            if self.in_loop.contains(&place) || passed.contains(&place) {
                // The loop does not contain this link, or is refused already.
                return Answer::Met;
            }
            if place == link.place || Some(&place) == master.as_ref() {
                let reason = reason(link, &place, &passed);
                self.in_loop.extend(passed);
                self.in_loop.insert(link.place.clone());
                return refused(key, reason, None);
            }
            next = self.desired.link_at(&place).and_then(|(_, link)| link.device.clone());
            passed.push(place);
        }
        Answer::Met
    }
}

/// Why a link cannot be on the one at `end`, with those between them.
fn reason(link: &Link, end: &Place, between: &[Place]) -> String {
    let (name, end_name) = (&link.place.ifname, &end.ifname);
    let over: Vec<&str> = between.iter().map(|place| place.ifname.as_str()).collect();
    let over = match over.is_empty() {
        true => String::new(),
        false => format!(", over {}", over.join(", ")),
    };
    match *end == link.place {
        true => format!("a link cannot be below itself: {name} is{over}"),
        false => format!("{name} is on {end_name}{over}, which therefore cannot be its master"),
    }
}
