//! The client end of the socket: sends a request and reads its reply, and receives notifications between replies.

mod error;
mod filter;

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;
use std::{mem, thread};

use netconf::{
    BlameOutput, Check, CheckOutput, CommitOutput, Configuration, ConflictsOutput, Datastore,
    Decoder, DefaultOperation, DifferenceOutput, ErrorOption, Framing, Hello, HistoryOutput,
    ImportOutput, Incoming, Reply, ResolutionMode, ResolveOutput, Revision, Rpc, ScheduleOutput,
    Side, Source, TestOption, Xml, capability, framing::pieces, notification::Event,
};
use yang::{Edit, Operation, Path, Schema, Tree};

pub(crate) use self::error::ClientError;
use self::error::{protocol, refusal};
use crate::grammar::parameter::Import;
use crate::output;

/// A session with the server.
#[derive(Debug)]
pub(crate) struct Client {
    stream: UnixStream,
    incoming: Replies,
    framing: Framing,
    /// The session's number, and whether the server sends notifications.
    session: Option<u32>,
    notifies: bool,
    schema: &'static Schema,
    requests: u64,
    /// Whether the reply to the last request has not been read yet.
    unanswered: bool,
}

/// The source of replies.
#[derive(Debug)]
enum Replies {
    /// The socket itself.
    Messages(Messages),
    /// The thread that reads the socket and passes notifications on at once.
    Listener(Receiver<Result<NumberedReply>>),
}

/// A reply, and the request that it belongs to.
type NumberedReply = (Option<String>, Reply);

/// A message from the server.
#[derive(Debug)]
struct Messages {
    stream: UnixStream,
    decoder: Decoder,
}

/// An event for a listener.
pub(crate) enum Delivery {
    Event(Event),
    /// The connection has ended. No more events follow.
    Gone,
}

type Result<T> = std::result::Result<T, ClientError>;

impl Client {
    /// Exchanges hellos with the server.
    pub(crate) fn open(stream: UnixStream, schema: &'static Schema) -> Result<Self> {
        let read = stream.try_clone().map_err(ClientError::Lost)?;
        let decoder = Decoder::with_limit(LONGEST);
        let mut messages = Messages { stream: read, decoder };
        let capabilities = vec![capability::BASE_1_0.into(), capability::BASE_1_1.into()];
        let ours = Hello { capabilities, session_id: None };
        // The server may have refused the connection already. Its reason is then the next message.
        let sent = send(&stream, Framing::EndOfMessage, &ours.to_xml());
        let greeting = match (messages.greeting(), sent) {
            (Err(ClientError::Lost(_) | ClientError::Closed), Err(error)) => return Err(error),
            (greeting, _) => greeting?,
        };
        let theirs = match Hello::from_xml(&greeting) {
            Ok(theirs) => theirs,
            Err(error) => return Err(refusal(&greeting).unwrap_or_else(|| protocol(&error))),
        };
        let Some(framing) = ours.framing(&theirs) else {
            return Err(ClientError::Protocol("no common version of NETCONF".into()));
        };
        messages.decoder.set_framing(framing);
        Ok(Self {
            stream,
            incoming: Replies::Messages(messages),
            framing,
            session: theirs.session_id,
            notifies: theirs.has(capability::NOTIFICATION_1_0)
                && theirs.has(capability::INTERLEAVE_1_0),
            schema,
            requests: 0,
            unanswered: false,
        })
    }

    /// The session's number.
    pub(crate) fn session(&self) -> Option<u32> {
        self.session
    }

    /// Starts a thread that calls `hear` with each event from now on.
    pub(crate) fn listen(&mut self, mut hear: impl FnMut(Delivery) + Send + 'static) -> Result<()> {
        if self.notifies {
            self.done(&Rpc::CreateSubscription { stream: None, filter: None })?;
        }
        let (replies, incoming) = mpsc::channel();
        let before = mem::replace(&mut self.incoming, Replies::Listener(incoming));
        let Replies::Messages(mut messages) = before else { return Ok(()) };
        thread::spawn(move || {
            loop {
                let heard = messages.incoming();
                let ends = heard.is_err();
                let reply = match heard {
                    Ok(Incoming::Notification(notification)) => {
                        hear(Delivery::Event(notification.event));
                        continue;
                    }
                    Ok(Incoming::Reply { message_id, reply }) => Ok((message_id, reply)),
                    Err(error) => Err(error),
                };
                // The receiver is gone once the client is closed.
                let _closed = replies.send(reply);
                if ends {
                    return hear(Delivery::Gone);
                }
            }
        });
        Ok(())
    }

    /// The content of a datastore, or its part at `path`.
    pub(crate) fn read(&mut self, datastore: Datastore, path: &Path) -> Result<Tree> {
        let tree = self.read_parts(datastore, std::slice::from_ref(path))?;
        Ok(if path.steps.is_empty() { tree } else { tree.subtree(path) })
    }

    /// The parts of a datastore at these paths, or everything if one of them has no steps.
    pub(crate) fn read_parts(&mut self, datastore: Datastore, paths: &[Path]) -> Result<Tree> {
        let filter = paths.iter().map(filter::subtree).collect::<Option<String>>().map(Xml);
        let reply = self.call(&match datastore {
            Datastore::Operational => Rpc::GetData { datastore, filter, config_filter: None },
            Datastore::Candidate | Datastore::Running | Datastore::Startup => {
                Rpc::GetConfig { source: datastore, filter }
            }
        })?;
        match reply {
            Reply::Data(data) => self.tree(&data),
            Reply::Ok | Reply::Errors(_) => Ok(Tree::empty(self.schema)),
        }
    }

    /// Edits the candidate.
    pub(crate) fn edit(&mut self, edit: &Edit) -> Result<()> {
        let default_operation = match edit.default_operation {
            Operation::Replace => DefaultOperation::Replace,
            Operation::None => DefaultOperation::None,
            Operation::Merge | Operation::Create | Operation::Delete | Operation::Remove => {
                DefaultOperation::Merge
            }
        };
        self.done(&edit_config(default_operation, edit.to_xml()))
    }

    /// Sends a request to merge `config`, the content of `<config>`, into the candidate. The reply is read by the
    /// next call, at the latest by [`settle`](Self::settle): the server reads the request while the client
    /// continues.
    pub(crate) fn begin_merge(&mut self, config: String) -> Result<()> {
        self.settle()?;
        self.ask(&edit_config(DefaultOperation::Merge, config))
    }

    /// Waits for the outstanding reply, if there is one.
    pub(crate) fn settle(&mut self) -> Result<()> {
        match self.unanswered {
            true => self.answer().map(drop),
            false => Ok(()),
        }
    }

    /// Replaces the candidate with `content`.
    pub(crate) fn replace(&mut self, content: &Tree) -> Result<()> {
        let source = Source::Config(Xml(content.to_xml(false)));
        self.done(&Rpc::CopyConfig { target: Datastore::Candidate, source })
    }

    pub(crate) fn discard(&mut self) -> Result<()> {
        self.done(&Rpc::DiscardChanges)
    }

    /// The conflicts of the candidate with what others have committed.
    pub(crate) fn conflicts(&mut self) -> Result<ConflictsOutput> {
        let content = self.content(&Rpc::GetConflicts)?;
        ConflictsOutput::from_xml(&content).map_err(|error| protocol(&error))
    }

    /// Resolves the conflicts at and below a path.
    pub(crate) fn resolve(&mut self, place: &Path, keep: Side) -> Result<ResolveOutput> {
        let path = (!place.steps.is_empty()).then(|| place.to_string());
        let content = self.content(&Rpc::ResolveConflicts { path, keep })?;
        ResolveOutput::from_xml(&content).map_err(|error| protocol(&error))
    }

    /// Merges what others have committed into the candidate, if there is no conflict.
    pub(crate) fn update(&mut self) -> Result<()> {
        self.done(&Rpc::Update(ResolutionMode::RevertOnConflict))
    }

    pub(crate) fn lock(&mut self, datastore: Datastore) -> Result<()> {
        self.done(&Rpc::Lock(datastore))
    }

    pub(crate) fn unlock(&mut self, datastore: Datastore) -> Result<()> {
        self.done(&Rpc::Unlock(datastore))
    }

    /// Whether the candidate differs from running. RFC 6241 section 7.5: only a candidate without changes can be
    /// locked. So this does not need to read large data.
    pub(crate) fn has_changes(&mut self) -> Result<bool> {
        match self.lock(Datastore::Candidate) {
            Ok(()) => self.unlock(Datastore::Candidate).map(|()| false),
            Err(ClientError::Refused(errors)) if errors.iter().all(|e| e.tag == "lock-denied") => {
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) fn rollback(&mut self, to: Revision) -> Result<()> {
        self.done(&Rpc::Rollback(to))
    }

    /// An earlier configuration.
    pub(crate) fn revision(&mut self, of: Revision) -> Result<Tree> {
        let data = self.content(&Rpc::GetRevision(of))?;
        self.tree(&data)
    }

    /// The parts of two configurations that differ, with the nodes around them.
    pub(crate) fn difference(
        &mut self,
        from: Configuration,
        to: Configuration,
    ) -> Result<(Tree, Tree)> {
        let content = self.content(&Rpc::GetDifference { from, to })?;
        let DifferenceOutput { before, after } =
            DifferenceOutput::from_xml(&content).map_err(|error| protocol(&error))?;
        Ok((self.tree(&before)?, self.tree(&after)?))
    }

    /// The configuration that describes what others have set in the kernel, and what it lacks, each with
    /// the reason. Without namespaces, all are meant.
    pub(crate) fn import(&mut self, import: &Import) -> Result<(Tree, Vec<(String, String)>)> {
        let Import { netns, routing_daemons } = import.clone();
        let content = self.content(&Rpc::Import { netns, routing_daemons })?;
        let ImportOutput { configuration, left_out } =
            ImportOutput::from_xml(&content).map_err(|error| protocol(&error))?;
        Ok((self.tree(&configuration)?, left_out))
    }

    pub(crate) fn repair(&mut self) -> Result<()> {
        self.done(&Rpc::Repair)
    }

    pub(crate) fn save_rescue(&mut self) -> Result<()> {
        self.done(&Rpc::SaveRescue)
    }

    /// Commits. With a timeout, in seconds, the commit must be confirmed in time.
    pub(crate) fn commit(
        &mut self,
        comment: Option<String>,
        confirm_timeout: Option<u32>,
        checks: Vec<Check>,
    ) -> Result<CommitOutput> {
        let content = self.content(&Rpc::CommitWithComment { comment, confirm_timeout, checks })?;
        CommitOutput::from_xml(&content).map_err(|error| protocol(&error))
    }

    /// Schedules a commit of the candidate at a time, `yang:date-and-time`.
    pub(crate) fn schedule(
        &mut self,
        time: String,
        comment: Option<String>,
    ) -> Result<ScheduleOutput> {
        let content = self.content(&Rpc::ScheduleCommit { time, comment })?;
        ScheduleOutput::from_xml(&content).map_err(|error| protocol(&error))
    }

    pub(crate) fn unschedule(&mut self, number: u32) -> Result<()> {
        self.done(&Rpc::CancelScheduledCommit(number))
    }

    /// The scheduled commits.
    pub(crate) fn scheduled(&mut self) -> Result<ScheduleOutput> {
        let content = self.content(&Rpc::GetSchedule)?;
        ScheduleOutput::from_xml(&content).map_err(|error| protocol(&error))
    }

    pub(crate) fn cancel(&mut self) -> Result<()> {
        self.done(&Rpc::CancelCommit { persist_id: None })
    }

    pub(crate) fn check(&mut self) -> Result<CheckOutput> {
        let content = self.content(&Rpc::CheckCommit)?;
        CheckOutput::from_xml(&content).map_err(|error| protocol(&error))
    }

    /// Who last changed the nodes of running at `path` and below.
    pub(crate) fn blame(&mut self, path: &Path) -> Result<BlameOutput> {
        let path = Some(path.to_string()).filter(|_| !path.steps.is_empty());
        let content = self.content(&Rpc::GetBlame { path })?;
        BlameOutput::from_xml(&content).map_err(|error| protocol(&error))
    }

    pub(crate) fn history(&mut self) -> Result<HistoryOutput> {
        let content = self.content(&Rpc::GetHistory)?;
        HistoryOutput::from_xml(&content).map_err(|error| protocol(&error))
    }

    /// Closes the session. It does not matter whether the server receives this.
    pub(crate) fn close(mut self) {
        let _ = self.call(&Rpc::CloseSession);
    }

    fn done(&mut self, rpc: &Rpc) -> Result<()> {
        self.call(rpc).map(|_| ())
    }

    /// The data of a reply.
    fn tree(&self, Xml(data): &Xml) -> Result<Tree> {
        let tree = Tree::from_xml(self.schema, data);
        tree.map_err(|error| ClientError::Protocol(error.to_string()))
    }

    fn content(&mut self, rpc: &Rpc) -> Result<Xml> {
        match self.call(rpc)? {
            Reply::Data(content) => Ok(content),
            Reply::Ok | Reply::Errors(_) => Ok(Xml::default()),
        }
    }

    fn call(&mut self, rpc: &Rpc) -> Result<Reply> {
        self.settle()?;
        self.ask(rpc)?;
        self.answer()
    }

    fn ask(&mut self, rpc: &Rpc) -> Result<()> {
        self.requests += 1;
        self.unanswered = true;
        let sent = send(&self.stream, self.framing, &rpc.to_xml(&self.requests.to_string()));
        sent.map_err(|lost| {
            // The server may have said why it ended the session.
            self.unanswered = false;
            match self.incoming.next() {
                Ok((None, Reply::Errors(errors))) => ClientError::Ended(errors),
                Ok(_) | Err(_) => lost,
            }
        })
    }

    fn answer(&mut self) -> Result<Reply> {
        self.unanswered = false;
        let id = self.requests.to_string();
        let (answered, reply) = self.incoming.next()?;
        if let Reply::Errors(errors) = reply {
            return Err(match answered {
                Some(_) => ClientError::Refused(errors),
                None => ClientError::Ended(errors),
            });
        }
        match answered.as_deref() == Some(id.as_str()) {
            true => Ok(reply),
            false => Err(ClientError::Protocol(format!("no answer to request {id}"))),
        }
    }
}

fn send(mut stream: &UnixStream, framing: Framing, message: &str) -> Result<()> {
    for piece in pieces(framing, message) {
        stream.write_all(&piece).map_err(ClientError::Lost)?;
    }
    Ok(())
}

impl Replies {
    fn next(&mut self) -> Result<NumberedReply> {
        match self {
            Replies::Messages(messages) => loop {
                // Without a subscription there are no notifications. A notification that comes anyway is ignored.
                if let Incoming::Reply { message_id, reply } = messages.incoming()? {
                    return Ok((message_id, reply));
                }
            },
            Replies::Listener(replies) => replies.recv().unwrap_or(Err(ClientError::Closed)),
        }
    }
}

/// The longest message of the server, in bytes. A million routes take 300 MB.
const LONGEST: usize = 2 << 30;

/// How long the server may take for its hello before the user is told that this one waits.
const HELLO: Duration = Duration::from_secs(3);

impl Messages {
    /// The server's hello. The server answers when its engine is free, which the user may want to know.
    fn greeting(&mut self) -> Result<String> {
        self.stream.set_read_timeout(Some(HELLO)).map_err(ClientError::Lost)?;
        let waits = |error: &ClientError| matches!(error, ClientError::Lost(source) if source.kind() == io::ErrorKind::WouldBlock);
        let greeting = self.next();
        self.stream.set_read_timeout(None).map_err(ClientError::Lost)?;
        match greeting {
            Err(error) if waits(&error) => {
                output::complain("netloom: waiting for netloomd, which is busy");
                self.next()
            }
            greeting => greeting,
        }
    }

    fn incoming(&mut self) -> Result<Incoming> {
        Incoming::from_message(self.next()?).map_err(|error| protocol(&error))
    }

    /// The next message, unparsed.
    fn next(&mut self) -> Result<String> {
        let mut bytes = vec![0; 64 * 1024];
        loop {
            let message = self.decoder.message();
            if let Some(message) = message.map_err(|e| ClientError::Protocol(e.to_string()))? {
                return Ok(message);
            }
            match self.stream.read(&mut bytes) {
                Ok(0) => return Err(ClientError::Closed),
                Ok(length) => self.decoder.push(&bytes[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ClientError::Lost(error)),
            }
        }
    }
}

fn edit_config(default_operation: DefaultOperation, config: String) -> Rpc {
    Rpc::EditConfig {
        target: Datastore::Candidate,
        default_operation,
        // A candidate may be invalid until it is committed.
        test_option: Some(TestOption::Set),
        error_option: ErrorOption::RollbackOnError,
        config: Xml(config),
    }
}
