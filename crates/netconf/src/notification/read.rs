//! The messages that a client receives: replies to its requests, and notifications in between.

use std::collections::BTreeMap;

use super::{Actor, Event, Notification};
use crate::error::{MessageError, RpcError};
use crate::namespace::{NETCONF_EVENTS, NETLOOM_NOTIFICATIONS, NOTIFICATION};
use crate::reply::{self, Reply};
use crate::rpc::{Envelope, Named};
use crate::xml::{Element, Malformed, Reader};

/// A message from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// `<rpc-reply>`.
    Reply {
        /// The `message-id` of the request.
        message_id: Option<String>,
        /// The reply.
        reply: Reply,
    },
    /// `<notification>`.
    Notification(Notification),
}

impl Incoming {
    /// Reads a message. The data of a reply is not copied and not checked: its recipient parses it.
    pub fn from_message(text: String) -> Result<Incoming, MessageError> {
        match reply::read_data(text) {
            Ok((message_id, reply)) => Ok(Incoming::Reply { message_id, reply }),
            Err(text) => Incoming::from_xml(&text),
        }
    }

    /// Reads a message.
    pub fn from_xml(text: &str) -> Result<Incoming, MessageError> {
        read(text).map_err(|fault| MessageError {
            envelope: Envelope::default(),
            error: Box::new(RpcError::malformed(&fault)),
        })
    }
}

fn read(text: &str) -> Result<Incoming, Malformed> {
    let (reader, root) = Reader::enter(text)?;
    if root.is(NOTIFICATION, "notification") {
        return read_notification(reader).map(Incoming::Notification);
    }
    let (message_id, reply) = reply::read(reader, &root)?;
    Ok(Incoming::Reply { message_id, reply })
}

fn read_notification(mut reader: Reader<'_>) -> Result<Notification, Malformed> {
    let (mut time, mut event) = (None, None);
    while let Some(child) = reader.child()? {
        if child.is(NOTIFICATION, "eventTime") {
            time = Some(reader.text()?.trim().to_string());
        } else if event.replace(read_event(&mut reader, child)?).is_some() {
            return Err(reader.malformed("a notification of two events"));
        }
    }
    let (Some(time), Some(event)) = (time, event) else {
        return Err(reader.malformed("a notification has a time and an event"));
    };
    reader.finish()?;
    Ok(Notification { time, event })
}

fn read_event(reader: &mut Reader<'_>, element: Element) -> Result<Event, Malformed> {
    let Element { namespace, name, .. } = element;
    let known = [NETCONF_EVENTS, NETLOOM_NOTIFICATIONS].contains(&namespace.as_str());
    if !known {
        reader.fragment()?;
        return Ok(Event::Other { namespace, name });
    }
    let mut fields = Fields::default();
    fields.read(reader)?;
    let event = match (namespace.as_str(), name.as_str()) {
        (NETCONF_EVENTS, "netconf-config-change") => Event::ConfigChange { by: fields.actor() },
        (NETCONF_EVENTS, "netconf-confirmed-commit") => Event::ConfirmedCommit {
            by: fields.actor(),
            event: fields.choice("confirm-event").unwrap_or_default(),
            timeout: fields.number("timeout"),
        },
        (NETCONF_EVENTS, "netconf-session-start") => {
            Event::SessionStart(fields.required(reader, Fields::actor)?)
        }
        (NETCONF_EVENTS, "netconf-session-end") => Event::SessionEnd {
            by: fields.required(reader, Fields::actor)?,
            reason: fields.choice("termination-reason").unwrap_or_default(),
            killed_by: fields.number("killed-by"),
        },
        (NETLOOM_NOTIFICATIONS, "commit") => Event::Commit {
            id: fields.required(reader, |fields| fields.number("id"))?,
            by: fields.actor(),
            comment: fields.take("comment"),
            summary: fields.take("summary").unwrap_or_default(),
        },
        (NETLOOM_NOTIFICATIONS, "confirmation") => Event::Confirmation {
            id: fields.required(reader, |fields| fields.number("id"))?,
            by: fields.actor(),
            phase: fields.required(reader, |fields| fields.choice("phase"))?,
            seconds: fields.number("seconds"),
        },
        (NETLOOM_NOTIFICATIONS, "scheduled-commit-refused") => Event::ScheduledRefused {
            number: fields.required(reader, |fields| fields.number("number"))?,
            user: fields.take("user").unwrap_or_default(),
            cause: fields.take("cause").unwrap_or_default(),
        },
        (NETLOOM_NOTIFICATIONS, "confirmed-commit-not-undone") => Event::NotUndone {
            id: fields.required(reader, |fields| fields.number("id"))?,
            cause: fields.take("cause").unwrap_or_default(),
        },
        (NETLOOM_NOTIFICATIONS, "diverged") => Event::Diverged {
            paths: fields.0.remove("path").unwrap_or_default(),
            cause: fields.take("cause").unwrap_or_default(),
        },
        (NETLOOM_NOTIFICATIONS, "converged") => Event::Converged,
        (NETLOOM_NOTIFICATIONS, "drift") => Event::Drift {
            paths: fields.0.remove("path").unwrap_or_default(),
            count: fields.required(reader, |fields| fields.number("count"))?,
        },
        (NETLOOM_NOTIFICATIONS, "held") => Event::Held {
            by: fields.actor(),
            paths: fields.0.remove("path").unwrap_or_default(),
            count: fields.required(reader, |fields| fields.number("count"))?,
        },
        (NETLOOM_NOTIFICATIONS, "missed") => {
            Event::Missed { count: fields.required(reader, |fields| fields.number("count"))? }
        }
        _ => Event::Other { namespace, name },
    };
    Ok(event)
}

/// The leafs of an event by name. The order and the containers of the leafs differ between events.
#[derive(Default)]
struct Fields(BTreeMap<String, Vec<String>>);

impl Fields {
    fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        while let Some(child) = reader.child()? {
            let mut leaf = reader.clone();
            match leaf.text() {
                Ok(text) => {
                    *reader = leaf;
                    self.0.entry(child.name).or_default().push(text);
                }
                Err(_) => self.read(reader)?,
            }
        }
        Ok(())
    }

    fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).and_then(|values| values.into_iter().next())
    }

    fn number<T: std::str::FromStr>(&mut self, name: &str) -> Option<T> {
        self.take(name)?.trim().parse().ok()
    }

    fn choice<T: Named>(&mut self, name: &str) -> Option<T> {
        T::named(self.take(name)?.trim())
    }

    fn actor(&mut self) -> Option<Actor> {
        let session = self.number("session-id")?;
        Some(Actor { user: self.take("username")?, session })
    }

    fn required<T>(
        &mut self,
        reader: &Reader<'_>,
        field: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Result<T, Malformed> {
        field(self).ok_or_else(|| reader.malformed("an event lacks what it must tell"))
    }
}
