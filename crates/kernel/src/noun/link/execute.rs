//! Executing operations on links.

use std::borrow::Cow;

use netstate::LinkId;
use netstate::link::{CreatedBy, Link, LinkKind, Master, NamedPort, Place, temporary_name};

use super::read::named;
use super::{References, completed, create, rest, says_something, update, update_port};
use crate::execution::{Act, CREATE, Execution, Failure, Result};
use crate::tun;

/// Executes an operation on a link.
pub(crate) fn execute<'a>(
    execution: &mut Execution<'a>,
    index: usize,
    id: &'a LinkId,
    doing: Act<'a, Box<Link>>,
) -> Result<()> {
    match doing {
        Act::Create(link) => execution.create_link(index, id, link),
        Act::Update { from, change } => execution.update_link(index, from, change),
        Act::Delete(link) => execution.delete_link(index, link),
    }
}

impl Execution<'_> {
    fn create_link(&mut self, index: usize, id: &LinkId, link: &Link) -> Result<()> {
        let place = &link.place;
        match &link.kind {
            None => return Err(Failure::words(index, "a link of no kind cannot be made")),
            Some(LinkKind::Other(kind)) => {
                return Err(Failure::words(index, format!("links of kind `{kind}` are not made")));
            }
            Some(kind) => match kind.facts().created_by {
                CreatedBy::TunDevice => {
                    self.inside(index, &place.netns, || tun::create(&place.ifname, kind))?;
                    self.forget(place);
                }
                CreatedBy::Netlink => match born_below(id, kind, link) {
                    Some(born) => self.create_and_move(index, &born, link)?,
                    None => self.create_by_netlink(index, link)?,
                },
            },
        }
        let rest = rest(link);
        self.change_link(index, &link.place, &rest)
    }

    fn create_by_netlink(&mut self, index: usize, link: &Link) -> Result<()> {
        let (place, peer) = (&link.place, link.peer.as_ref());
        // The index of the link below is valid in the namespace that gets the request.
        let asked = link.device.as_ref().map_or(&place.netns, |device| &device.netns);
        let references = References {
            netns: self.descriptor(index, asked, &place.netns)?,
            peer_netns: match peer {
                Some(peer) => self.descriptor(index, asked, &peer.netns)?,
                None => None,
            },
            master: self.master(index, link)?,
            below: self.below(index, link)?,
            named_port: None,
            name: None,
        };
        self.push((index, asked), (libc::RTM_NEWLINK, CREATE), |out| {
            create(out, link, &references);
        })?;
        self.forget(place);
        peer.iter().for_each(|peer| self.forget(peer));
        Ok(())
    }

    /// Creates a tunnel in the namespace of its underlay, and moves it.
    fn create_and_move(&mut self, index: usize, born: &Link, link: &Link) -> Result<()> {
        self.create_by_netlink(index, born)?;
        self.update_link(index, born, &Link::at(link.place.clone()))
    }

    fn update_link(&mut self, index: usize, from: &Link, change: &Link) -> Result<()> {
        let (old, new) = (&from.place, &change.place);
        if old == new {
            let (mut from, mut change) = (Cow::Borrowed(from), Cow::Borrowed(change));
            if let Some(first) = change.kind.as_ref().and_then(LinkKind::first) {
                let rest = change.kind.as_ref().and_then(|kind| kind.changes(&first));
                let first = Link { kind: Some(first), ..Link::at(old.clone()) };
                self.change_link(index, old, &completed(&from, &first))?;
                from.to_mut().overlay(&first);
                change.to_mut().kind = rest;
            }
            self.change_link(index, old, &completed(&from, &change))?;
            return match &change.vlans {
                Some(vlans) => self.set_vlans(index, &from, vlans),
                None => Ok(()),
            };
        }
        let at = self.index_of(index, &old.netns, &old.ifname)?;
        let references = References {
            netns: self.descriptor(index, &old.netns, &new.netns)?,
            master: self.master(index, change)?,
            below: self.below(index, change)?,
            named_port: self.named_port(index, change)?,
            peer_netns: None,
            name: (old.ifname != new.ifname).then_some(&new.ifname),
        };
        self.push((index, &old.netns), (libc::RTM_NEWLINK, 0), |out| {
            update(out, Ok(at), change, &references);
        })?;
        self.forget(old);
        self.forget(new);
        self.change_port(index, new, change)
    }

    /// Changes a link in its place.
    fn change_link(&mut self, index: usize, place: &Place, change: &Link) -> Result<()> {
        if says_something(change) {
            let references = References {
                master: self.master(index, change)?,
                below: self.below(index, change)?,
                named_port: self.named_port(index, change)?,
                ..References::default()
            };
            self.push((index, &place.netns), (libc::RTM_NEWLINK, 0), |out| {
                update(out, Err(&place.ifname), change, &references);
            })?;
        }
        self.change_port(index, place, change)
    }

    /// The kernel applies port attributes to the master that the link had before the request. They
    /// therefore need a request of their own.
    fn change_port(&mut self, index: usize, place: &Place, change: &Link) -> Result<()> {
        for (kind, data) in change.port.encode() {
            self.push((index, &place.netns), (libc::RTM_NEWLINK, 0), |out| {
                update_port(out, &place.ifname, (kind, &data));
            })?;
        }
        Ok(())
    }

    fn delete_link(&mut self, index: usize, link: &Link) -> Result<()> {
        let place = &link.place;
        self.push((index, &place.netns), (libc::RTM_DELLINK, 0), |out| {
            named(out, &place.ifname);
        })?;
        self.forget(place);
        link.peer.iter().for_each(|peer| self.forget(peer));
        Ok(())
    }

    fn master(&mut self, index: usize, link: &Link) -> Result<Option<u32>> {
        match &link.master {
            None => Ok(None),
            Some(Master::Free) => Ok(Some(0)),
            Some(Master::Of(name)) => self.index_of(index, &link.place.netns, name).map(Some),
        }
    }

    fn named_port(&mut self, index: usize, link: &Link) -> Result<Option<u32>> {
        match link.kind.as_ref().and_then(LinkKind::named_port) {
            None => Ok(None),
            Some(NamedPort::None) => Ok(Some(0)),
            Some(NamedPort::Port(name)) => self.index_of(index, &link.place.netns, name).map(Some),
        }
    }

    fn below(&mut self, index: usize, link: &Link) -> Result<Option<u32>> {
        match &link.device {
            None => Ok(None),
            Some(device) => self.index_of(index, &device.netns, &device.ifname).map(Some),
        }
    }
}

/// The link as it is created first, if it is a tunnel whose underlay is in another namespace. The
/// kernel looks for the underlay in the namespace where the tunnel is created.
fn born_below(id: &LinkId, kind: &LinkKind, link: &Link) -> Option<Link> {
    kind.facts().link_below.attribute().filter(|attribute| attribute.is_stored())?;
    let netns = &link.device.as_ref().filter(|device| device.netns != link.place.netns)?.netns;
    let place = Place { netns: netns.clone(), ifname: temporary_name(id)? };
    Some(Link { place, ..link.clone() })
}
