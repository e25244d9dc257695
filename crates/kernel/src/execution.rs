//! The operations of a plan as netlink requests, sent in batches.
//!
//! Consecutive operations in one namespace go to the kernel in one batch. A batch ends if the next
//! operation belongs to another namespace, does not use netlink, or needs the index of an unknown
//! link, because the batch may create that link. Consecutive new namespaces are created by a few
//! threads, and consecutive parameters of one namespace are set by one thread.

use std::collections::HashMap;
use std::os::fd::AsRawFd;

use netstate::attribute::{Field as Attribute, overlong};
use netstate::link::Place;
use netstate::{Action, Key, LinkName, NetnsName, Op, Plan, SysctlKey};

use crate::fault::Fault;
use crate::message::{HEADER, Message, fixed, message, row};
use crate::namespaces::{Namespace, Namespaces};
use crate::noun::link::read::{link_names, named};
use crate::noun::nexthop::known::Known as KnownOfNexthops;
use crate::noun::rule::known::Known;
use crate::noun::sysctl::file::write;
use crate::socket::NetlinkSocket;
use crate::uapi::NLA_TYPE_MASK;

/// The maximum number of requests in a batch. If the kernel refuses all of them, the answers still
/// fit into the receive buffer of a process without privileges.
const BATCH: usize = 400;
/// The maximum size of a batch, which is below the maximum of one socket call.
const BATCH_BYTES: usize = 128 << 10;

/// The number of links that are looked up one by one before all are read.
const FEW: usize = 32;

pub(crate) const CREATE: i32 = libc::NLM_F_CREATE | libc::NLM_F_EXCL;
pub(crate) const REPLACE: i32 = libc::NLM_F_CREATE | libc::NLM_F_REPLACE;

/// Finds the field to which the kernel points in a refused request.
type Field = fn(&Op, PointedAt<'_>) -> Option<&'static str>;

pub(crate) struct Execution<'a> {
    namespaces: &'a mut Namespaces,
    plan: &'a Plan,
    field: Field,
    /// Namespaces that are created next, each with its operation.
    births: Vec<(usize, &'a NetnsName)>,
    /// Parameters of one namespace that are set next, each with its operation.
    parameters: Vec<(usize, &'a SysctlKey, &'a String)>,
    batch: Batch,
    indexes: HashMap<NetnsName, Indexes>,
    pub(crate) rules: Known,
    pub(crate) nexthops: KnownOfNexthops,
}

/// The known and valid indexes of a namespace's links.
#[derive(Default)]
struct Indexes {
    known: HashMap<LinkName, u32>,
    /// The number of single look-ups since all links were read, and the number of links then.
    asked: usize,
    all: usize,
}

impl Indexes {
    /// Whether all links should be read: the single look-ups have cost as much.
    fn is_due(&self) -> bool {
        self.asked >= FEW.max(self.all / 8)
    }
}

/// Requests to one namespace that have not been sent yet.
#[derive(Default)]
struct Batch {
    netns: Option<NetnsName>,
    bytes: Vec<u8>,
    /// The start of each request, and its operation.
    requests: Vec<(usize, usize)>,
}

#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) op: usize,
    pub(crate) errno: i32,
    pub(crate) message: String,
    pub(crate) field: Option<&'static str>,
}

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    pub(crate) fn new(op: usize, fault: &Fault) -> Self {
        Self { op, errno: fault.errno, message: fault.to_string(), field: None }
    }

    pub(crate) fn words(op: usize, message: impl Into<String>) -> Self {
        Self { op, errno: 0, message: message.into(), field: None }
    }
}

/// The action of an operation, with the object in its noun's type.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act<'a, T> {
    Create(&'a T),
    Update { from: &'a T, change: &'a T },
    Delete(&'a T),
}

impl<'a> Execution<'a> {
    pub(crate) fn of(namespaces: &'a mut Namespaces, plan: &'a Plan, field: Field) -> Self {
        Self {
            namespaces,
            plan,
            field,
            births: Vec::new(),
            parameters: Vec::new(),
            batch: Batch::default(),
            indexes: HashMap::new(),
            rules: Known::default(),
            nexthops: KnownOfNexthops::default(),
        }
    }

    /// Adds a namespace to those that are created next.
    pub(crate) fn make_namespace(&mut self, index: usize, name: &'a NetnsName) -> Result<()> {
        self.set_parameters()?;
        self.births.push((index, name));
        Ok(())
    }

    /// Adds a parameter to those of the same namespace that are set next.
    pub(crate) fn set_parameter(
        &mut self,
        index: usize,
        key: &'a SysctlKey,
        value: &'a String,
    ) -> Result<()> {
        self.make_namespaces()?;
        if self.parameters.first().is_some_and(|(_, first, _)| first.netns != key.netns) {
            self.set_parameters()?;
        }
        self.parameters.push((index, key, value));
        Ok(())
    }

    /// Removes a namespace.
    pub(crate) fn remove_namespace(&mut self, index: usize, name: &NetnsName) -> Result<()> {
        self.flush()?;
        self.indexes.remove(name);
        self.rules.forget(name);
        self.namespaces.delete(name).map_err(|fault| Failure::new(index, &fault))
    }

    /// Runs `work` on a thread inside a namespace, after all earlier operations.
    pub(crate) fn inside(
        &mut self,
        index: usize,
        netns: &NetnsName,
        work: impl FnOnce() -> std::result::Result<(), Fault> + Send,
    ) -> Result<()> {
        self.flush()?;
        let namespace = find(self.namespaces, index, netns)?;
        namespace.inside(work).map_err(|fault| Failure::new(index, &fault))
    }

    /// The socket of a namespace, after all earlier operations.
    pub(crate) fn socket(&mut self, index: usize, netns: &NetnsName) -> Result<&mut NetlinkSocket> {
        self.flush()?;
        find(self.namespaces, index, netns).map(|namespace| &mut namespace.socket)
    }

    /// Creates the waiting namespaces at once.
    fn make_namespaces(&mut self) -> Result<()> {
        if self.births.is_empty() {
            return Ok(());
        }
        self.send()?;
        let (ops, names): (Vec<_>, Vec<_>) = std::mem::take(&mut self.births).into_iter().unzip();
        names.iter().for_each(|name| drop(self.indexes.remove(*name)));
        self.namespaces
            .create(&names)
            .map_err(|(made, fault)| Failure::new(ops[made.min(ops.len() - 1)], &fault))
    }

    /// Sets the waiting parameters at once.
    fn set_parameters(&mut self) -> Result<()> {
        let parameters = std::mem::take(&mut self.parameters);
        let Some((op, SysctlKey { netns, .. }, _)) = parameters.first() else { return Ok(()) };
        self.send()?;
        let namespace = find(self.namespaces, *op, netns)?;
        let written = namespace.inside(|| {
            let mut kept = Vec::new();
            for (op, key, value) in &parameters {
                match write(&key.path, value) {
                    Ok(own) => kept.push((&key.path, own.map(|own| [(*value).clone(), own]))),
                    Err(fault) => return Ok((kept, Err(Failure::new(*op, &fault)))),
                }
            }
            Ok((kept, Ok(())))
        });
        let (kept, outcome) = written.map_err(|fault| Failure::new(*op, &fault))?;
        for (path, own) in kept {
            match own {
                Some([value, own]) => {
                    tracing::info!(%path, value, kept = own, "kernel stores another form of this value");
                    namespace.kept.insert(path.clone(), [value, own]);
                }
                None => drop(namespace.kept.remove(path)),
            }
        }
        outcome
    }

    /// The descriptor of `netns` for a request that is sent to namespace `asked`; none if they are
    /// the same.
    pub(crate) fn descriptor(
        &mut self,
        index: usize,
        asked: &NetnsName,
        netns: &NetnsName,
    ) -> Result<Option<i32>> {
        if asked == netns {
            return Ok(None);
        }
        self.make_namespaces()?;
        find(self.namespaces, index, netns).map(|namespace| Some(namespace.file.as_raw_fd()))
    }

    /// The index of a link. Requests that may create the link are sent before the look-up.
    pub(crate) fn index_of(
        &mut self,
        op: usize,
        netns: &NetnsName,
        name: &LinkName,
    ) -> Result<u32> {
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
        let ask = |out: &mut Vec<u8>| named(out, name);
        let found = socket
            .get(libc::RTM_GETLINK, ask, |answer| Some(answer.number::<u32>(4)))
            .map_err(|fault| Failure::new(op, &fault))?;
        let Some(index) = found else {
            let message = format!("link {name} does not exist in namespace {netns}");
            return Err(Failure { op, errno: libc::ENODEV, message, field: None });
        };
        indexes.known.insert(name.clone(), index);
        Ok(index)
    }

    pub(crate) fn forget(&mut self, place: &Place) {
        self.nexthops.forget(place);
        if let Some(indexes) = self.indexes.get_mut(&place.netns) {
            indexes.known.remove(&place.ifname);
        }
    }

    /// Adds a request to the batch. The batch is sent first if it is full or belongs to another
    /// namespace.
    pub(crate) fn push(
        &mut self,
        (op, netns): (usize, &NetnsName),
        (kind, flags): (u16, i32),
        body: impl FnOnce(&mut Vec<u8>),
    ) -> Result<()> {
        if !self.births.is_empty() || !self.parameters.is_empty() {
            self.flush()?;
        }
        let full = self.batch.requests.len() >= BATCH || self.batch.bytes.len() >= BATCH_BYTES;
        if full || self.batch.netns.as_ref() != Some(netns) {
            self.flush()?;
            find(self.namespaces, op, netns)?;
            self.batch.netns = Some(netns.clone());
        }
        let sequence = u32::try_from(self.batch.requests.len()).unwrap_or_default();
        let start = self.batch.bytes.len();
        message(&mut self.batch.bytes, (kind, flags, sequence), body);
        if self.batch.bytes.len() - start > usize::from(u16::MAX) {
            self.refuse_overlong(op, start)?;
        }
        self.batch.requests.push((start, op));
        Ok(())
    }

    /// Fails if the last request of the batch has an attribute that is too long for the length in
    /// its header. The kernel would misread it.
    fn refuse_overlong(&mut self, op: usize, start: usize) -> Result<()> {
        let request = &self.batch.bytes[start..];
        let field = match row_of(request) {
            Some(row) => {
                let Some(at) = overlong(&request[row..]) else { return Ok(()) };
                (self.field)(&self.plan.ops[op], PointedAt { request, offset: row + at })
            }
            // The position of the attributes is unknown, so none of them can be checked.
            None => None,
        };
        self.batch.bytes.truncate(start);
        let message = "the value is longer than a netlink attribute can be, 64 KiB".into();
        Err(Failure { op, errno: libc::EMSGSIZE, message, field })
    }

    /// Sends the batch, and fails with the first operation that the kernel refused.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.make_namespaces()?;
        self.set_parameters()?;
        self.send()
    }

    fn send(&mut self) -> Result<()> {
        let Batch { netns, mut bytes, requests } = std::mem::take(&mut self.batch);
        let (Some(netns), Some((last, op))) = (netns, requests.last().copied()) else {
            return Ok(());
        };
        acknowledge(&mut bytes[last..]);
        let socket = &mut find(self.namespaces, op, &netns)?.socket;
        let failures =
            socket.transact(&bytes).map_err(|error| Failure::new(op, &Fault::from(error)))?;
        let request = |sequence: u32| {
            requests[usize::try_from(sequence).unwrap_or_default().min(requests.len() - 1)]
        };
        let is_refused = |(sequence, fault): &(u32, Fault)| {
            !is_gone_anyway(&self.plan.ops[request(*sequence).1], fault)
        };
        let Some((sequence, fault)) = failures.into_iter().find(is_refused) else { return Ok(()) };
        let (start, op) = request(sequence);
        let field = fault.offset.and_then(|offset| {
            let offset = usize::try_from(offset).ok()?;
            (self.field)(&self.plan.ops[op], PointedAt { request: &bytes[start..], offset })
        });
        Err(Failure { field, ..Failure::new(op, &fault) })
    }
}

/// Whether an operation was to remove a nexthop that the kernel has just removed itself, because its link has lost the
/// carrier.
fn is_gone_anyway(op: &Op, fault: &Fault) -> bool {
    let removes = matches!((&op.key, &op.action), (Key::Nexthop(_), Action::Delete(_)));
    removes && fault.errno == libc::ENOENT
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

/// Sets the flag for an acknowledgement in a request.
fn acknowledge(bytes: &mut [u8]) {
    if let Some(flags) = bytes.get_mut(6..8) {
        flags[0] |= u8::try_from(libc::NLM_F_ACK).unwrap_or_default();
    }
}

/// The position of a request's attributes.
fn row_of(request: &[u8]) -> Option<usize> {
    let kind = Message::iterate(request).next()?.kind;
    Some(HEADER + fixed::length(kind)?).filter(|row| *row <= request.len())
}

/// The place in a request to which the kernel points.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PointedAt<'a> {
    request: &'a [u8],
    offset: usize,
}

/// An attribute that contains this place: its number, the start of its value, and the value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Enclosing<'a> {
    pub(crate) number: u16,
    start: usize,
    value: &'a [u8],
}

impl<'a> PointedAt<'a> {
    /// The attribute at the place, in a message whose fixed structure has this length.
    pub(crate) fn after(self, fixed: usize) -> Option<Enclosing<'a>> {
        let body = Message::iterate(self.request).next()?.body;
        self.among(body.get(fixed..)?, HEADER + fixed)
    }

    /// The attribute at the place, nested in another.
    pub(crate) fn within(self, outer: Enclosing<'a>) -> Option<Enclosing<'a>> {
        self.among(outer.value, outer.start)
    }

    /// The field of this attribute, or the nested field at the place.
    pub(crate) fn field(self, at: Enclosing<'a>, fields: &[Attribute]) -> Option<&'static str> {
        let found = fields.iter().find(|field| field.attribute == at.number && at.number != 0)?;
        let inner = self.within(at).and_then(|inner| self.field(inner, found.nested));
        Some(inner.unwrap_or(found.name))
    }

    fn among(self, bytes: &'a [u8], mut start: usize) -> Option<Enclosing<'a>> {
        let begin = start;
        for (number, value) in row(bytes) {
            let end = start + 4 + value.len();
            if (start..end).contains(&self.offset) {
                return Some(Enclosing { number, start: start + 4, value });
            }
            start = end.next_multiple_of(4);
        }
        // An attribute that is too long ends the list, because its header does not contain its
        // length.
        let (header, value) = bytes.get(start - begin..)?.split_first_chunk::<4>()?;
        let number = u16::from_ne_bytes([header[2], header[3]]) & NLA_TYPE_MASK;
        (self.offset >= start).then_some(Enclosing { number, start: start + 4, value })
    }
}
