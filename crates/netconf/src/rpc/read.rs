//! Reads `<rpc>` from XML. An invalid request gives an error reply.

mod parameters;

use self::parameters::{Parameters, bad_element, invalid, required, set, unknown};
use super::{Check, Configuration, Confirmed, Datastore, Envelope, Question, Revision, Rpc};
use crate::error::{ErrorType, MessageError, RpcError};
use crate::namespace::{BASE, MONITORING, NETLOOM, NMDA, NOTIFICATION, PRIVATE_CANDIDATE};
use crate::xml::{Malformed, Reader};

type Result<T> = std::result::Result<T, Box<RpcError>>;

impl Rpc {
    /// Reads an `<rpc>`, and also returns the parts that the reply repeats.
    pub fn from_xml(text: &str) -> std::result::Result<(Envelope, Rpc), MessageError> {
        let mut envelope = Envelope::default();
        match read(text, &mut envelope) {
            Ok(rpc) => Ok((envelope, rpc)),
            Err(error) => Err(MessageError { envelope, error }),
        }
    }
}

impl From<Malformed> for Box<RpcError> {
    fn from(fault: Malformed) -> Self {
        Box::new(RpcError::malformed(&fault))
    }
}

fn read(text: &str, envelope: &mut Envelope) -> Result<Rpc> {
    let (mut reader, root) = Reader::enter_base(text, "rpc")?;
    let numbered = root.attribute("message-id").is_some();
    *envelope = Envelope { prefix: root.prefix, attributes: root.written };
    if !numbered {
        let error = RpcError::new(ErrorType::Rpc, "missing-attribute", "<rpc> has no message-id")
            .with_info("bad-attribute", "message-id")
            .with_info("bad-element", "rpc");
        return Err(Box::new(error));
    }
    let Some(operation) = reader.child()? else {
        return Err(reader.malformed("<rpc> holds no operation").into());
    };
    let rpc = read_operation(&mut Parameters { reader: &mut reader, operation: &operation })?;
    if let Some(second) = reader.child()? {
        let message = format!("<rpc> holds a second operation, <{}>", second.name);
        return Err(bad_element("bad-element", &second.name, message));
    }
    reader.finish()?;
    Ok(rpc)
}

fn read_operation(parameters: &mut Parameters<'_, '_>) -> Result<Rpc> {
    let operation = parameters.operation;
    match (operation.namespace.as_str(), operation.name.as_str()) {
        (BASE, "get-config") => {
            let (mut source, mut filter) = (None, None);
            while let Some(child) = parameters.next()? {
                match child.name.as_str() {
                    "source" => set(&mut source, &child, parameters.datastore()?)?,
                    "filter" => set(&mut filter, &child, parameters.filter(&child)?)?,
                    _ => return Err(unknown(&child)),
                }
            }
            Ok(Rpc::GetConfig { source: required(source, "source")?, filter })
        }
        (BASE, "get") => {
            let mut filter = None;
            while let Some(child) = parameters.next()? {
                match child.name.as_str() {
                    "filter" => set(&mut filter, &child, parameters.filter(&child)?)?,
                    _ => return Err(unknown(&child)),
                }
            }
            Ok(Rpc::Get { filter })
        }
        (NMDA, "get-data") => get_data(parameters),
        (BASE, "edit-config") => edit_config(parameters),
        (BASE, "copy-config") => {
            let (mut target, mut source) = (None, None);
            while let Some(child) = parameters.next()? {
                match child.name.as_str() {
                    "target" => set(&mut target, &child, parameters.datastore()?)?,
                    "source" => set(&mut source, &child, parameters.source()?)?,
                    _ => return Err(unknown(&child)),
                }
            }
            let (target, source) = (required(target, "target")?, required(source, "source")?);
            Ok(Rpc::CopyConfig { target, source })
        }
        (BASE, "delete-config") => Ok(Rpc::DeleteConfig { target: parameters.only_target()? }),
        (BASE, "lock") => Ok(Rpc::Lock(parameters.only_target()?)),
        (BASE, "unlock") => Ok(Rpc::Unlock(parameters.only_target()?)),
        (BASE, "validate") => {
            let mut source = None;
            while let Some(child) = parameters.next()? {
                match child.name.as_str() {
                    "source" => set(&mut source, &child, parameters.source()?)?,
                    _ => return Err(unknown(&child)),
                }
            }
            Ok(Rpc::Validate(required(source, "source")?))
        }
        (BASE, "commit") => commit(parameters),
        (BASE, "cancel-commit") => {
            let mut persist_id = None;
            while let Some(child) = parameters.next()? {
                match child.name.as_str() {
                    "persist-id" => set(&mut persist_id, &child, parameters.text()?)?,
                    _ => return Err(unknown(&child)),
                }
            }
            Ok(Rpc::CancelCommit { persist_id })
        }
        (BASE, "discard-changes") => parameters.none(Rpc::DiscardChanges),
        (PRIVATE_CANDIDATE, "update") => {
            let mut mode = None;
            while let Some(child) = parameters.next()? {
                match child.name.as_str() {
                    "resolution-mode" => set(&mut mode, &child, parameters.choice(&child)?)?,
                    _ => return Err(unknown(&child)),
                }
            }
            Ok(Rpc::Update(mode.unwrap_or_default()))
        }
        (BASE, "close-session") => parameters.none(Rpc::CloseSession),
        (BASE, "kill-session") => {
            let id: u32 = parameters.only_number("session-id")?;
            Ok(Rpc::KillSession(id))
        }
        (NOTIFICATION, "create-subscription") => create_subscription(parameters),
        (MONITORING, "get-schema") => get_schema(parameters),
        (NETLOOM, "commit") => {
            let (mut comment, mut confirm_timeout, mut checks) = (None, None, Vec::new());
            while let Some(child) = parameters.next()? {
                match child.name.as_str() {
                    "comment" => set(&mut comment, &child, parameters.some_text(&child)?)?,
                    "confirm-timeout" => {
                        set(&mut confirm_timeout, &child, parameters.timeout(&child)?)?
                    }
                    "check" => checks.push(check(parameters)?),
                    _ => return Err(unknown(&child)),
                }
            }
            if !checks.is_empty() {
                required(confirm_timeout, "confirm-timeout")?;
            }
            Ok(Rpc::CommitWithComment { comment, confirm_timeout, checks })
        }
        (NETLOOM, "schedule-commit") => {
            let (mut time, mut comment) = (None, None);
            while let Some(child) = parameters.next()? {
                match child.name.as_str() {
                    "time" => set(&mut time, &child, parameters.text()?)?,
                    "comment" => set(&mut comment, &child, parameters.some_text(&child)?)?,
                    _ => return Err(unknown(&child)),
                }
            }
            Ok(Rpc::ScheduleCommit { time: required(time, "time")?, comment })
        }
        (NETLOOM, "cancel-scheduled-commit") => {
            Ok(Rpc::CancelScheduledCommit(parameters.only_number("number")?))
        }
        (NETLOOM, "get-schedule") => parameters.none(Rpc::GetSchedule),
        (NETLOOM, "check-commit") => parameters.none(Rpc::CheckCommit),
        (NETLOOM, "rollback") => Ok(Rpc::Rollback(revision(parameters)?)),
        (NETLOOM, "get-difference") => difference(parameters),
        (NETLOOM, "get-revision") => Ok(Rpc::GetRevision(revision(parameters)?)),
        (NETLOOM, "repair") => parameters.none(Rpc::Repair),
        (NETLOOM, "save-rescue") => parameters.none(Rpc::SaveRescue),
        (NETLOOM, "delete-rescue") => parameters.none(Rpc::DeleteRescue),
        (NETLOOM, "get-conflicts") => parameters.none(Rpc::GetConflicts),
        (NETLOOM, "resolve-conflicts") => {
            let (mut path, mut keep) = (None, None);
            while let Some(child) = parameters.next()? {
                match child.name.as_str() {
                    "path" => set(&mut path, &child, parameters.text()?)?,
                    "keep" => set(&mut keep, &child, parameters.choice(&child)?)?,
                    _ => return Err(unknown(&child)),
                }
            }
            Ok(Rpc::ResolveConflicts { path, keep: required(keep, "keep")? })
        }
        (NETLOOM, "import") => {
            let (mut netns, mut routing_daemons) = (Vec::new(), None);
            while let Some(child) = parameters.next()? {
                match child.name.as_str() {
                    "netns" => netns.push(parameters.some_text(&child)?),
                    "routing-daemons" => {
                        set(&mut routing_daemons, &child, parameters.empty(&child)?)?
                    }
                    _ => return Err(unknown(&child)),
                }
            }
            Ok(Rpc::Import { netns, routing_daemons: routing_daemons.is_some() })
        }
        (NETLOOM, "get-blame") => {
            let mut path = None;
            while let Some(child) = parameters.next()? {
                match child.name.as_str() {
                    "path" => set(&mut path, &child, parameters.text()?)?,
                    _ => return Err(unknown(&child)),
                }
            }
            Ok(Rpc::GetBlame { path })
        }
        (NETLOOM, "get-history") => parameters.none(Rpc::GetHistory),
        (namespace, name) => {
            let message = format!("there is no operation <{name}> in namespace {namespace:?}");
            let error = RpcError::new(ErrorType::Protocol, "operation-not-supported", message);
            Err(Box::new(error.with_info("bad-element", name)))
        }
    }
}

fn check(parameters: &mut Parameters<'_, '_>) -> Result<Check> {
    let (mut ping, mut tcp, mut port, mut netns) = (None, None, None, None);
    while let Some(child) = parameters.next()? {
        match child.name.as_str() {
            "ping" => set(&mut ping, &child, parameters.parsed(&child)?)?,
            "tcp" => set(&mut tcp, &child, parameters.parsed(&child)?)?,
            "port" => set(&mut port, &child, parameters.parsed(&child)?)?,
            "netns" => set(&mut netns, &child, parameters.text()?)?,
            _ => return Err(unknown(&child)),
        }
    }
    let question = match (ping, tcp) {
        (Some(address), None) if port.is_none() => Question::Ping(address),
        (None, Some(address)) => Question::Tcp(address, required(port, "port")?),
        (None, None) => return required(None, "ping"),
        (Some(_), _) => {
            let message = "<check> asks one question: <ping>, or <tcp> and <port>";
            return Err(bad_element("bad-element", "check", message.into()));
        }
    };
    Ok(Check { question, netns })
}

fn revision(parameters: &mut Parameters<'_, '_>) -> Result<Revision> {
    let mut revision = None;
    while let Some(child) = parameters.next()? {
        set(&mut revision, &child, parameters.revision(&child)?)?;
    }
    required(revision, "position")
}

fn difference(parameters: &mut Parameters<'_, '_>) -> Result<Rpc> {
    let (mut from, mut to) = (None, None);
    while let Some(child) = parameters.next()? {
        match child.name.as_str() {
            "from" => set(&mut from, &child, configuration(parameters)?)?,
            "to" => set(&mut to, &child, configuration(parameters)?)?,
            _ => return Err(unknown(&child)),
        }
    }
    Ok(Rpc::GetDifference { from: required(from, "from")?, to: required(to, "to")? })
}

fn configuration(parameters: &mut Parameters<'_, '_>) -> Result<Configuration> {
    let mut configuration = None;
    while let Some(child) = parameters.next()? {
        let given = match Datastore::named(&child.name) {
            Some(datastore) if datastore != Datastore::Operational => {
                parameters.empty(&child)?;
                Configuration::Datastore(datastore)
            }
            Some(_) | None => Configuration::Revision(parameters.revision(&child)?),
        };
        set(&mut configuration, &child, given)?;
    }
    required(configuration, "running")
}

fn commit(parameters: &mut Parameters<'_, '_>) -> Result<Rpc> {
    let (mut confirmed, mut timeout, mut persist, mut persist_id) = (None, None, None, None);
    while let Some(child) = parameters.next()? {
        match child.name.as_str() {
            "confirmed" => match parameters.text()? {
                empty if empty.is_empty() => set(&mut confirmed, &child, ())?,
                text => return Err(invalid("confirmed", &text)),
            },
            "confirm-timeout" => set(&mut timeout, &child, parameters.timeout(&child)?)?,
            "persist" => set(&mut persist, &child, parameters.text()?)?,
            "persist-id" => set(&mut persist_id, &child, parameters.text()?)?,
            _ => return Err(unknown(&child)),
        }
    }
    if timeout.is_some() || persist.is_some() {
        required(confirmed, "confirmed")?;
    }
    let timeout = timeout.unwrap_or(Confirmed::TIMEOUT);
    let confirmed = confirmed.map(|()| Confirmed { timeout, persist });
    Ok(Rpc::Commit { confirmed, persist_id })
}

fn get_data(parameters: &mut Parameters<'_, '_>) -> Result<Rpc> {
    let (mut datastore, mut filter, mut config_filter) = (None, None, None);
    while let Some(child) = parameters.next()? {
        match child.name.as_str() {
            "datastore" => set(&mut datastore, &child, parameters.identity_of_datastore()?)?,
            "subtree-filter" => set(&mut filter, &child, parameters.reader.fragment()?)?,
            "config-filter" => set(&mut config_filter, &child, parameters.parsed(&child)?)?,
            "xpath-filter"
            | "origin-filter"
            | "negated-origin-filter"
            | "max-depth"
            | "with-origin"
            | "with-defaults" => {
                let message = format!("<{}> is not supported", child.name);
                return Err(bad_element("operation-not-supported", &child.name, message));
            }
            _ => return Err(unknown(&child)),
        }
    }
    Ok(Rpc::GetData { datastore: required(datastore, "datastore")?, filter, config_filter })
}

fn edit_config(parameters: &mut Parameters<'_, '_>) -> Result<Rpc> {
    let (mut target, mut config) = (None, None);
    let (mut default_operation, mut test_option, mut error_option) = (None, None, None);
    while let Some(child) = parameters.next()? {
        match child.name.as_str() {
            "target" => set(&mut target, &child, parameters.datastore()?)?,
            "default-operation" => {
                set(&mut default_operation, &child, parameters.choice(&child)?)?;
            }
            "test-option" => set(&mut test_option, &child, parameters.choice(&child)?)?,
            "error-option" => set(&mut error_option, &child, parameters.choice(&child)?)?,
            "config" => set(&mut config, &child, parameters.reader.fragment()?)?,
            _ => return Err(unknown(&child)),
        }
    }
    Ok(Rpc::EditConfig {
        target: required(target, "target")?,
        default_operation: default_operation.unwrap_or_default(),
        test_option,
        error_option: error_option.unwrap_or_default(),
        config: required(config, "config")?,
    })
}

fn create_subscription(parameters: &mut Parameters<'_, '_>) -> Result<Rpc> {
    let (mut stream, mut filter) = (None, None);
    while let Some(child) = parameters.next()? {
        match child.name.as_str() {
            "stream" => set(&mut stream, &child, parameters.text()?)?,
            "filter" => set(&mut filter, &child, parameters.filter(&child)?)?,
            "startTime" | "stopTime" => {
                let message =
                    format!("<{}>: what has happened before is not told again", child.name);
                return Err(bad_element("operation-not-supported", &child.name, message));
            }
            _ => return Err(unknown(&child)),
        }
    }
    Ok(Rpc::CreateSubscription { stream, filter })
}

fn get_schema(parameters: &mut Parameters<'_, '_>) -> Result<Rpc> {
    let (mut identifier, mut version, mut format) = (None, None, None);
    while let Some(child) = parameters.next()? {
        match child.name.as_str() {
            "identifier" => set(&mut identifier, &child, parameters.text()?)?,
            "version" => set(&mut version, &child, parameters.text()?)?,
            "format" => {
                let written = parameters.text()?;
                set(&mut format, &child, parameters.reader.qualified(&written).1)?;
            }
            _ => return Err(unknown(&child)),
        }
    }
    Ok(Rpc::GetSchema { identifier: required(identifier, "identifier")?, version, format })
}
