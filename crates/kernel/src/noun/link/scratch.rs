//! What this host's kernel gives a new link of a kind: read from one in a namespace that is made for that, and goes at once.

use netstate::link::{CreatedBy, Link, LinkKind, Place};
use netstate::{LinkName, NetnsName};

use super::{References, create, read};
use crate::execution::CREATE;
use crate::fault::Fault;
use crate::message::message;
use crate::namespaces::inside_new;
use crate::socket::NetlinkSocket;

/// The names of the link and of the other end of its pair.
const NAMES: [&str; 2] = ["scratch", "scratch-mate"];

/// The numbers of transmit and receive queues of a new link of a kind. None if such a link cannot be
/// created by itself, for instance because it needs a link below.
pub(crate) fn new_queues(kind: &LinkKind) -> Result<Option<[u32; 2]>, Fault> {
    let minimal = LinkKind::all().find(|minimal| minimal.name() == kind.name());
    let minimal = minimal.filter(|kind| kind.facts().created_by == CreatedBy::Netlink);
    let place = |name: &str| {
        name.parse::<LinkName>().ok().map(|ifname| Place { netns: NetnsName::own(), ifname })
    };
    let (Some(kind), [Some(at), Some(mate)]) = (minimal, NAMES.map(place)) else {
        return Ok(None);
    };
    let peer = kind.facts().paired.then_some(mate);
    let link = Link { kind: Some(kind), peer, ..Link::at(at) };
    inside_new(|| {
        let mut socket = NetlinkSocket::open()?;
        let mut request = Vec::new();
        let flags = CREATE | libc::NLM_F_ACK;
        message(&mut request, (libc::RTM_NEWLINK, flags, socket.next_sequence()), |out| {
            create(out, &link, &References::default());
        });
        if !socket.transact(&request)?.is_empty() {
            return Ok(None);
        }
        let named = |out: &mut Vec<u8>| read::named(out, &link.place.ifname);
        let netns = &link.place.netns;
        let seen = socket.get(libc::RTM_GETLINK, named, |message| read::decode(message, netns))?;
        let attributes = seen.map(|seen| seen.link.attributes);
        Ok(attributes.and_then(|new| Some([new.numtxqueues?, new.numrxqueues?])))
    })
}
