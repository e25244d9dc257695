//! The other end of the socket: one request, one reply.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use netconf::{
    CheckOutput, CommitOutput, Datastore, Decoder, DefaultOperation, ErrorOption, Framing, Hello,
    HistoryOutput, MessageError, Reply, Revision, Rpc, RpcError, Source, TestOption, Xml,
    capability, framing::pieces,
};
use yang::{Edit, Operation, Path, Schema, Tree};

use crate::filter;

/// Why a request was not answered as it should have been.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("the connection to netloomd is lost")]
    Lost(#[source] io::Error),
    #[error("netloomd closed the connection; uncommitted changes are gone")]
    Closed,
    #[error("netloomd does not speak NETCONF as it should: {0}")]
    Protocol(String),
    #[error("{}", .0.iter().map(refusal).collect::<Vec<_>>().join("\n"))]
    Refused(Vec<RpcError>),
}

/// A session with the server.
#[derive(Debug)]
pub(crate) struct Client {
    stream: UnixStream,
    decoder: Decoder,
    framing: Framing,
    schema: &'static Schema,
    requests: u64,
    /// Whether the answer to the last request is still to be read.
    unanswered: bool,
}

type Result<T> = std::result::Result<T, ClientError>;

impl Client {
    /// Greets the server.
    pub(crate) fn open(stream: UnixStream, schema: &'static Schema) -> Result<Self> {
        let (decoder, framing) = (Decoder::default(), Framing::EndOfMessage);
        let mut client = Self { stream, decoder, framing, schema, requests: 0, unanswered: false };
        let capabilities = vec![capability::BASE_1_0.into(), capability::BASE_1_1.into()];
        let ours = Hello { capabilities, session_id: None };
        client.send(&ours.to_xml())?;
        let theirs = Hello::from_xml(&client.receive()?).map_err(|error| protocol(&error))?;
        let Some(framing) = ours.framing(&theirs) else {
            return Err(ClientError::Protocol("no version in common".into()));
        };
        client.framing = framing;
        client.decoder.set_framing(framing);
        Ok(client)
    }

    /// The content of a datastore, or what of it is at `path`.
    pub(crate) fn read(&mut self, datastore: Datastore, path: &Path) -> Result<Tree> {
        let filter = filter::subtree(path).map(Xml);
        let reply = self.call(&match datastore {
            Datastore::Operational => Rpc::GetData { datastore, filter, config_filter: None },
            Datastore::Candidate | Datastore::Running | Datastore::Startup => {
                Rpc::GetConfig { source: datastore, filter }
            }
        })?;
        match reply {
            Reply::Data(Xml(data)) => Tree::from_xml(self.schema, &data)
                .map_err(|error| ClientError::Protocol(error.to_string())),
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

    /// Asks to merge `config`, the content of `<config>`, into the candidate. The answer is left for whatever comes
    /// next, [`settle`](Self::settle) at the latest: the server reads while the client goes on.
    pub(crate) fn begin_merge(&mut self, config: String) -> Result<()> {
        self.settle()?;
        self.ask(&edit_config(DefaultOperation::Merge, config))
    }

    /// Awaits the answer that is still to come, if any.
    pub(crate) fn settle(&mut self) -> Result<()> {
        match self.unanswered {
            true => self.answer().map(drop),
            false => Ok(()),
        }
    }

    /// Makes the candidate what `content` says.
    pub(crate) fn replace(&mut self, content: &Tree) -> Result<()> {
        let source = Source::Config(Xml(content.to_xml(false)));
        self.done(&Rpc::CopyConfig { target: Datastore::Candidate, source })
    }

    pub(crate) fn discard(&mut self) -> Result<()> {
        self.done(&Rpc::DiscardChanges)
    }

    pub(crate) fn lock(&mut self, datastore: Datastore) -> Result<()> {
        self.done(&Rpc::Lock(datastore))
    }

    pub(crate) fn unlock(&mut self, datastore: Datastore) -> Result<()> {
        self.done(&Rpc::Unlock(datastore))
    }

    /// Whether the candidate differs from what is running. RFC 6241 section 7.5: only one without changes can be
    /// locked; nothing large needs to be read to know.
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

    /// A configuration of the past.
    pub(crate) fn revision(&mut self, of: Revision) -> Result<Tree> {
        let Xml(data) = self.content(&Rpc::GetRevision(of))?;
        let tree = Tree::from_xml(self.schema, &data);
        tree.map_err(|error| ClientError::Protocol(error.to_string()))
    }

    pub(crate) fn save_rescue(&mut self) -> Result<()> {
        self.done(&Rpc::SaveRescue)
    }

    /// Commits; with a timeout, in seconds, to be confirmed by then.
    pub(crate) fn commit(
        &mut self,
        comment: Option<String>,
        confirm_timeout: Option<u32>,
    ) -> Result<CommitOutput> {
        let content = self.content(&Rpc::CommitWithComment { comment, confirm_timeout })?;
        CommitOutput::from_xml(&content).map_err(|error| protocol(&error))
    }

    pub(crate) fn cancel(&mut self) -> Result<()> {
        self.done(&Rpc::CancelCommit { persist_id: None })
    }

    pub(crate) fn check(&mut self) -> Result<CheckOutput> {
        let content = self.content(&Rpc::CheckCommit)?;
        CheckOutput::from_xml(&content).map_err(|error| protocol(&error))
    }

    pub(crate) fn history(&mut self) -> Result<HistoryOutput> {
        let content = self.content(&Rpc::GetHistory)?;
        HistoryOutput::from_xml(&content).map_err(|error| protocol(&error))
    }

    /// Says goodbye; whether the server heard it no longer matters.
    pub(crate) fn close(mut self) {
        let _ = self.call(&Rpc::CloseSession);
    }

    fn done(&mut self, rpc: &Rpc) -> Result<()> {
        self.call(rpc).map(|_| ())
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
        self.send(&rpc.to_xml(&self.requests.to_string()))
    }

    fn answer(&mut self) -> Result<Reply> {
        self.unanswered = false;
        let id = self.requests.to_string();
        let (answered, reply) =
            Reply::from_xml(&self.receive()?).map_err(|error| protocol(&error))?;
        if let Reply::Errors(errors) = reply {
            return Err(ClientError::Refused(errors));
        }
        match answered.as_deref() == Some(id.as_str()) {
            true => Ok(reply),
            false => Err(ClientError::Protocol(format!("no answer to request {id}"))),
        }
    }

    fn send(&mut self, message: &str) -> Result<()> {
        for piece in pieces(self.framing, message) {
            self.stream.write_all(&piece).map_err(ClientError::Lost)?;
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<String> {
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

impl ClientError {
    /// Whether there is nobody to talk to any more.
    pub(crate) fn is_fatal(&self) -> bool {
        match self {
            ClientError::Lost(_) | ClientError::Closed | ClientError::Protocol(_) => true,
            ClientError::Refused(_) => false,
        }
    }
}

fn edit_config(default_operation: DefaultOperation, config: String) -> Rpc {
    Rpc::EditConfig {
        target: Datastore::Candidate,
        default_operation,
        // A candidate may be wrong until it is committed.
        test_option: Some(TestOption::Set),
        error_option: ErrorOption::RollbackOnError,
        config: Xml(config),
    }
}

fn protocol(error: &MessageError) -> ClientError {
    ClientError::Protocol(error.to_string())
}

fn refusal(error: &RpcError) -> String {
    let message = error.message.as_deref().unwrap_or(&error.tag);
    match &error.path {
        Some(path) => format!("{path}: {message}"),
        None => message.to_owned(),
    }
}
