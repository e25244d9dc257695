//! Carrying out a plan: its operations as requests, in batches, each answered for.
//!
//! Operations of one namespace that follow each other go to the kernel in one batch. A batch ends where the next
//! operation belongs to another namespace, is not done by netlink, or needs the index of a link that is not
//! known: the link may be made by what is still in the batch. Namespaces that are made one after the other are left to
//! a few threads, and parameters of one namespace to one.

use std::collections::HashMap;
use std::os::fd::AsRawFd;

use netstate::attribute::Fields;
use netstate::link::{CreatedBy, Link, LinkKind, Master, Place};
use netstate::{Action, Key, LinkName, NetnsName, Object, Op, Plan, Refusal, SysctlKey};

use crate::fault::Fault;
use crate::link::References;
use crate::message::{Message, fixed, message, row};
use crate::netns::{Namespace, Namespaces};
use crate::observe::link_names;
use crate::{address, link, neighbor, route, sysctl, tun};

/// How many requests a batch holds at most: were the kernel to refuse them all, the answers would still fit into
/// the receive buffer that a process without privileges can have.
const BATCH: usize = 400;
/// And how many bytes, below what a socket takes in one call.
const BATCH_BYTES: usize = 128 << 10;

/// How many links are asked for one by one at first.
const FEW: usize = 32;

const CREATE: i32 = libc::NLM_F_CREATE | libc::NLM_F_EXCL;
const REPLACE: i32 = libc::NLM_F_CREATE | libc::NLM_F_REPLACE;

/// Carries out the operations in their order, up to the first that fails.
pub(crate) fn execute(namespaces: &mut Namespaces, plan: &Plan) -> Result<(), Refusal> {
    let mut execution = Execution {
        namespaces,
        plan,
        births: Vec::new(),
        parameters: Vec::new(),
        batch: Batch::default(),
        indexes: HashMap::new(),
    };
    let carried_out = plan
        .ops
        .iter()
        .enumerate()
        .try_for_each(|(index, op)| execution.stage(index, op))
        .and_then(|()| execution.make_namespaces())
        .and_then(|()| execution.set_parameters())
        .and_then(|()| execution.flush());
    carried_out.map_err(|failure| Refusal {
        index: failure.op,
        op: Box::new(plan.ops[failure.op].clone()),
        errno: failure.errno,
        message: failure.message,
        field: failure.field,
    })
}

struct Execution<'a> {
    namespaces: &'a mut Namespaces,
    plan: &'a Plan,
    /// Namespaces that are to be made next, each with its operation.
    births: Vec<(usize, &'a NetnsName)>,
    /// Parameters of one namespace that are to be set next, each with its operation.
    parameters: Vec<(usize, &'a SysctlKey, &'a String)>,
    batch: Batch,
    indexes: HashMap<NetnsName, Indexes>,
}

/// The indexes of a namespace's links, as far as they were needed and hold.
#[derive(Default)]
struct Indexes {
    known: HashMap<LinkName, u32>,
    /// How many links were asked for one by one since all were read, and how many these were.
    asked: usize,
    all: usize,
}

impl Indexes {
    /// Whether it is time to read all: what that costs has been spent on asking.
    fn is_due(&self) -> bool {
        self.asked >= FEW.max(self.all / 8)
    }
}

/// Requests to one namespace that have not been sent.
#[derive(Default)]
struct Batch {
    netns: Option<NetnsName>,
    bytes: Vec<u8>,
    /// Of each request, where it starts and the operation that it is of.
    requests: Vec<(usize, usize)>,
}

struct Failure {
    op: usize,
    errno: i32,
    message: String,
    field: Option<&'static str>,
}

type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    fn new(op: usize, fault: &Fault) -> Self {
        Self { op, errno: fault.errno, message: fault.to_string(), field: None }
    }

    fn words(op: usize, message: impl Into<String>) -> Self {
        Self { op, errno: 0, message: message.into(), field: None }
    }
}

impl<'a> Execution<'a> {
    /// Adds an operation's requests to the batch, or carries it out.
    fn stage(&mut self, index: usize, op: &'a Op) -> Result<()> {
        match (&op.key, &op.action) {
            (Key::Netns(name), Action::Create(_)) => {
                self.set_parameters()?;
                self.births.push((index, name));
                return Ok(());
            }
            (
                Key::Sysctl(key),
                Action::Create(Object::Sysctl(value))
                | Action::Update { change: Object::Sysctl(value), .. },
            ) => {
                self.make_namespaces()?;
                if self.parameters.first().is_some_and(|(_, first, _)| first.netns != key.netns) {
                    self.set_parameters()?;
                }
                self.parameters.push((index, key, value));
                return Ok(());
            }
            _ => {
                self.make_namespaces()?;
                self.set_parameters()?;
            }
        }
        match (&op.key, &op.action) {
            (Key::Netns(name), action) => self.netns(index, name, action),
            (Key::Link(_), Action::Create(Object::Link(link))) => self.create_link(index, link),
            (
                Key::Link(_),
                Action::Update { from: Object::Link(from), change: Object::Link(change) },
            ) => self.update_link(index, from, change),
            (Key::Link(_), Action::Delete(Object::Link(link))) => self.delete_link(index, link),
            (
                Key::Address(key),
                action @ (Action::Create(Object::Address(address))
                | Action::Update { change: Object::Address(address), .. }
                | Action::Delete(Object::Address(address))),
            ) => {
                let (kind, flags) = match action {
                    Action::Create(_) => (libc::RTM_NEWADDR, CREATE),
                    Action::Update { .. } => (libc::RTM_NEWADDR, REPLACE),
                    Action::Delete(_) => (libc::RTM_DELADDR, 0),
                };
                let dev = self.index_of(index, &key.netns, &key.dev)?;
                self.push((index, &key.netns), (kind, flags), |out| {
                    address::request(out, dev, &key.address, address);
                })
            }
            (
                Key::Neighbor(key),
                Action::Create(Object::Neighbor(neighbor))
                | Action::Update { change: Object::Neighbor(neighbor), .. },
            ) => {
                let dev = self.index_of(index, &key.netns, &key.dev)?;
                self.push((index, &key.netns), (libc::RTM_NEWNEIGH, REPLACE), |out| {
                    neighbor::set(out, dev, (&key.address, key.proxy), neighbor);
                })
            }
            (Key::Neighbor(key), Action::Delete(_)) => {
                let dev = self.index_of(index, &key.netns, &key.dev)?;
                self.push((index, &key.netns), (libc::RTM_DELNEIGH, 0), |out| {
                    neighbor::named(out, dev, &key.address, key.proxy);
                })
            }
            (Key::Route(key), Action::Create(Object::Route(route))) => {
                self.set_route(index, CREATE, (key, route))
            }
            (Key::Route(key), Action::Update { change: Object::Route(route), .. }) => {
                self.set_route(index, REPLACE, (key, route))
            }
            (Key::Route(key), Action::Delete(Object::Route(route))) => {
                self.push((index, &key.netns), (libc::RTM_DELROUTE, 0), |out| {
                    route::delete(out, key, route);
                })
            }
            (Key::Sysctl(_), _) => {
                Err(Failure::words(index, "a kernel parameter cannot be removed"))
            }
            (Key::Fdb(_), _) => Err(Failure::words(index, "forwarding entries are state")),
            (Key::Link(_) | Key::Address(_) | Key::Neighbor(_) | Key::Route(_), _) => {
                Err(Failure::words(index, "the operation is not of its object's sort"))
            }
        }
    }

    /// Makes the namespaces that are to be made, in one go.
    fn make_namespaces(&mut self) -> Result<()> {
        if self.births.is_empty() {
            return Ok(());
        }
        self.flush()?;
        let (ops, names): (Vec<_>, Vec<_>) = std::mem::take(&mut self.births).into_iter().unzip();
        names.iter().for_each(|name| drop(self.indexes.remove(*name)));
        self.namespaces
            .create(&names)
            .map_err(|(made, fault)| Failure::new(ops[made.min(ops.len() - 1)], &fault))
    }

    /// Sets the parameters of a namespace that are to be set, in one go.
    fn set_parameters(&mut self) -> Result<()> {
        let parameters = std::mem::take(&mut self.parameters);
        let Some((op, SysctlKey { netns, .. }, _)) = parameters.first() else { return Ok(()) };
        self.flush()?;
        let write = |(op, key, value): &(usize, &SysctlKey, &String)| {
            sysctl::write(&key.path, value).map_err(|fault| Failure::new(*op, &fault))
        };
        let namespace = find(self.namespaces, *op, netns)?;
        let written = namespace.inside(|| Ok(parameters.iter().try_for_each(write)));
        written.unwrap_or_else(|fault| Err(Failure::new(*op, &fault)))
    }

    fn netns(&mut self, index: usize, name: &NetnsName, action: &Action) -> Result<()> {
        self.flush()?;
        self.indexes.remove(name);
        match action {
            // New ones are made together.
            Action::Create(_) | Action::Update { .. } => Ok(()),
            Action::Delete(_) => {
                self.namespaces.delete(name).map_err(|fault| Failure::new(index, &fault))
            }
        }
    }

    fn create_link(&mut self, index: usize, link: &Link) -> Result<()> {
        let place = &link.place;
        match &link.kind {
            None => return Err(Failure::words(index, "a link of no kind cannot be made")),
            Some(LinkKind::Other(kind)) => {
                return Err(Failure::words(index, format!("links of kind `{kind}` are not made")));
            }
            Some(kind) => match kind.facts().created_by {
                CreatedBy::TunDevice => {
                    self.flush()?;
                    find(self.namespaces, index, &place.netns)?
                        .inside(|| tun::create(&place.ifname, kind))
                        .map_err(|fault| Failure::new(index, &fault))?;
                    self.forget(place);
                }
                CreatedBy::Netlink => self.create_by_netlink(index, link)?,
            },
        }
        let rest = link::rest(link);
        self.change_link(index, &link.place, &rest)
    }

    fn create_by_netlink(&mut self, index: usize, link: &Link) -> Result<()> {
        let (place, peer) = (&link.place, link.peer.as_ref());
        // The link below is looked up in the namespace that is asked.
        let asked = link.device.as_ref().map_or(&place.netns, |device| &device.netns);
        let references = References {
            netns: self.descriptor(index, asked, &place.netns)?,
            peer_netns: match peer {
                Some(peer) => self.descriptor(index, asked, &peer.netns)?,
                None => None,
            },
            master: self.master(index, link)?,
            below: self.below(index, link)?,
            name: None,
        };
        self.push((index, asked), (libc::RTM_NEWLINK, CREATE), |out| {
            link::create(out, link, &references);
        })?;
        self.forget(place);
        peer.iter().for_each(|peer| self.forget(peer));
        Ok(())
    }

    fn update_link(&mut self, index: usize, from: &Link, change: &Link) -> Result<()> {
        let (old, new) = (&from.place, &change.place);
        if old == new {
            return self.change_link(index, old, change);
        }
        let at = self.index_of(index, &old.netns, &old.ifname)?;
        let references = References {
            netns: self.descriptor(index, &old.netns, &new.netns)?,
            master: self.master(index, change)?,
            below: self.below(index, change)?,
            peer_netns: None,
            name: (old.ifname != new.ifname).then_some(&new.ifname),
        };
        self.push((index, &old.netns), (libc::RTM_NEWLINK, 0), |out| {
            link::update(out, Ok(at), change, &references);
        })?;
        self.forget(old);
        self.forget(new);
        self.change_port(index, new, change)
    }

    /// Changes a link where it is.
    fn change_link(&mut self, index: usize, place: &Place, change: &Link) -> Result<()> {
        if link::says_something(change) {
            let references = References {
                master: self.master(index, change)?,
                below: self.below(index, change)?,
                ..References::default()
            };
            self.push((index, &place.netns), (libc::RTM_NEWLINK, 0), |out| {
                link::update(out, Err(&place.ifname), change, &references);
            })?;
        }
        self.change_port(index, place, change)
    }

    /// The kernel tells a port's attributes to the master that the link has before the request, so these go apart.
    fn change_port(&mut self, index: usize, place: &Place, change: &Link) -> Result<()> {
        if change.port.is_empty() {
            return Ok(());
        }
        self.push((index, &place.netns), (libc::RTM_NEWLINK, 0), |out| {
            link::update_port(out, &place.ifname, &change.port);
        })
    }

    fn delete_link(&mut self, index: usize, link: &Link) -> Result<()> {
        let place = &link.place;
        self.push((index, &place.netns), (libc::RTM_DELLINK, 0), |out| {
            link::named(out, &place.ifname);
        })?;
        self.forget(place);
        link.peer.iter().for_each(|peer| self.forget(peer));
        Ok(())
    }

    fn set_route(
        &mut self,
        index: usize,
        flags: i32,
        (key, route): (&netstate::RouteKey, &netstate::Route),
    ) -> Result<()> {
        let mut indexes = Vec::with_capacity(route.nexthops.len());
        for nexthop in &route.nexthops {
            indexes.push(match &nexthop.dev {
                Some(dev) => self.index_of(index, &key.netns, dev)?,
                None => 0,
            });
        }
        self.push((index, &key.netns), (libc::RTM_NEWROUTE, flags), |out| {
            route::set(out, key, route, &indexes);
        })
    }

    fn master(&mut self, index: usize, link: &Link) -> Result<Option<u32>> {
        match &link.master {
            None => Ok(None),
            Some(Master::Free) => Ok(Some(0)),
            Some(Master::Of(name)) => self.index_of(index, &link.place.netns, name).map(Some),
        }
    }

    fn below(&mut self, index: usize, link: &Link) -> Result<Option<u32>> {
        match &link.device {
            None => Ok(None),
            Some(device) => self.index_of(index, &device.netns, &device.ifname).map(Some),
        }
    }

    /// The descriptor of `netns`, to be named in a request to `asked`, unless they are the same.
    fn descriptor(
        &mut self,
        index: usize,
        asked: &NetnsName,
        netns: &NetnsName,
    ) -> Result<Option<i32>> {
        if asked == netns {
            return Ok(None);
        }
        find(self.namespaces, index, netns).map(|namespace| Some(namespace.file.as_raw_fd()))
    }

    /// The index of a link, looked up once what may make it has been sent.
    fn index_of(&mut self, op: usize, netns: &NetnsName, name: &LinkName) -> Result<u32> {
        if let Some(index) = self.indexes.get(netns).and_then(|indexes| indexes.known.get(name)) {
            return Ok(*index);
        }
        self.flush()?;
        let socket = &mut find(self.namespaces, op, netns)?.socket;
        let indexes = self.indexes.entry(netns.clone()).or_default();
        if indexes.is_due() {
            let names = link_names(socket).map_err(|fault| Failure::new(op, &fault))?;
            let (all, known) = (names.len(), names.into_iter().map(|(index, name)| (name, index)));
            *indexes = Indexes { known: known.collect(), asked: 0, all };
            if let Some(index) = indexes.known.get(name) {
                return Ok(*index);
            }
        }
        indexes.asked += 1;
        let named = |out: &mut Vec<u8>| link::named(out, name);
        let found = socket
            .get(libc::RTM_GETLINK, named, |answer| Some(answer.number::<u32>(4)))
            .map_err(|fault| Failure::new(op, &fault))?;
        let Some(index) = found else {
            let message = format!("link {name} does not exist in namespace {netns}");
            return Err(Failure { op, errno: libc::ENODEV, message, field: None });
        };
        indexes.known.insert(name.clone(), index);
        Ok(index)
    }

    fn forget(&mut self, place: &Place) {
        if let Some(indexes) = self.indexes.get_mut(&place.netns) {
            indexes.known.remove(&place.ifname);
        }
    }

    /// Adds a request to the batch, after sending the batch if it is another namespace's or full.
    fn push(
        &mut self,
        (op, netns): (usize, &NetnsName),
        (kind, flags): (u16, i32),
        body: impl FnOnce(&mut Vec<u8>),
    ) -> Result<()> {
        let full = self.batch.requests.len() >= BATCH || self.batch.bytes.len() >= BATCH_BYTES;
        if full || self.batch.netns.as_ref() != Some(netns) {
            self.flush()?;
            find(self.namespaces, op, netns)?;
            self.batch.netns = Some(netns.clone());
        }
        let sequence = u32::try_from(self.batch.requests.len()).unwrap_or_default();
        self.batch.requests.push((self.batch.bytes.len(), op));
        message(&mut self.batch.bytes, (kind, flags, sequence), body);
        Ok(())
    }

    /// Sends the batch, and fails with the first of its operations that the kernel refused.
    fn flush(&mut self) -> Result<()> {
        let Batch { netns, mut bytes, requests } = std::mem::take(&mut self.batch);
        let (Some(netns), Some((last, op))) = (netns, requests.last().copied()) else {
            return Ok(());
        };
        acknowledge(&mut bytes[last..]);
        let socket = &mut find(self.namespaces, op, &netns)?.socket;
        let failures =
            socket.transact(&bytes).map_err(|error| Failure::new(op, &Fault::from(error)))?;
        let Some((sequence, fault)) = failures.into_iter().next() else { return Ok(()) };
        let at = usize::try_from(sequence).unwrap_or_default().min(requests.len() - 1);
        let (start, op) = requests[at];
        let field = fault.offset.and_then(|offset| {
            field(&self.plan.ops[op], &bytes[start..], usize::try_from(offset).ok()?)
        });
        Err(Failure { field, ..Failure::new(op, &fault) })
    }
}

fn find<'a>(
    namespaces: &'a mut Namespaces,
    op: usize,
    name: &NetnsName,
) -> Result<&'a mut Namespace> {
    match namespaces.find(name) {
        Ok(Some(namespace)) => Ok(namespace),
        Ok(None) => {
            let message = format!("namespace {name} does not exist");
            Err(Failure { op, errno: libc::ENOENT, message, field: None })
        }
        Err(fault) => Err(Failure::new(op, &fault)),
    }
}

/// Asks for an acknowledgement of the request that starts `bytes`.
fn acknowledge(bytes: &mut [u8]) {
    if let Some(flags) = bytes.get_mut(6..8) {
        flags[0] |= u8::try_from(libc::NLM_F_ACK).unwrap_or_default();
    }
}

/// The field of the object of `op` that lies `offset` bytes into its request.
fn field(op: &Op, request: &[u8], offset: usize) -> Option<&'static str> {
    /// The attribute there: its number, where its value starts, and the value.
    fn at(bytes: &[u8], mut start: usize, offset: usize) -> Option<(u16, usize, &[u8])> {
        for (number, value) in row(bytes) {
            let end = start + 4 + value.len();
            if (start..end).contains(&offset) {
                return Some((number, start + 4, value));
            }
            start = end.next_multiple_of(4);
        }
        None
    }
    let body = Message::iterate(request).next()?.body;
    let after = |fixed: usize| at(body.get(fixed..)?, 16 + fixed, offset);
    match &op.key {
        Key::Link(_) => {
            let object = match &op.action {
                Action::Create(object) | Action::Update { change: object, .. } => object,
                Action::Delete(object) => object,
            };
            let kind = match object {
                Object::Link(link) => link.kind.as_ref(),
                Object::Netns
                | Object::Sysctl(_)
                | Object::Address(_)
                | Object::Neighbor(_)
                | Object::Fdb(_)
                | Object::Route(_) => None,
            };
            let (number, start, value) = after(fixed::LINK)?;
            if number != libc::IFLA_LINKINFO {
                return link::field(number, None);
            }
            let (_, start, value) = at(value, start, offset)?;
            let (number, _, _) = at(value, start, offset)?;
            link::field(number, kind)
        }
        Key::Route(_) => route::field(after(fixed::ROUTE)?.0),
        Key::Neighbor(_) if after(fixed::NEIGHBOR)?.0 == libc::NDA_LLADDR => Some("lladdr"),
        Key::Neighbor(_) | Key::Netns(_) | Key::Sysctl(_) | Key::Address(_) | Key::Fdb(_) => None,
    }
}
