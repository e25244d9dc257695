//! A server on the fake kernel, and its client.

use std::collections::VecDeque;
use std::time::Duration;

use netconf::capability::BASE_1_1;
use netconf::framing::Framing;
use netconf::{Decoder, Hello, encode};
use testkit::FakeKernel;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;
use yang::Schema;

/// How long an action may take before the test fails.
const DEADLINE: Duration = Duration::from_secs(60);

/// An engine without configuration. Its state directory is removed with it.
pub(crate) struct Server {
    pub(crate) engine: engine::Handle,
    pub(crate) schema: &'static Schema,
    state: tempfile::TempDir,
}

impl Server {
    pub(crate) fn start() -> Self {
        let state = tempfile::tempdir().expect("a temporary directory");
        let schema = Schema::netloom().expect("the modules compile");
        let settings = engine::Settings {
            state_dir: state.path().to_path_buf(),
            autosave: true,
            history: engine::Limits::default(),
            boot_id: "boot".into(),
            clock: engine::Clock::HOST,
        };
        let engine = engine::start(settings, schema, Box::new(FakeKernel::default()))
            .expect("the engine starts");
        Self { engine, schema, state }
    }

    /// The engine's state directory.
    pub(crate) fn state_dir(&self) -> &std::path::Path {
        self.state.path()
    }

    /// A connection on which nothing has been sent.
    pub(crate) fn connect(&self) -> Client {
        let (stream, served) = UnixStream::pair().expect("a pair of sockets");
        let origin = engine::Origin { user: "ann".into(), from: "test".into() };
        tokio::spawn(northbound::serve(served, origin, self.engine.clone(), self.schema));
        let (decoder, framing) = (Decoder::default(), Framing::default());
        Client { stream, decoder, framing, unread: VecDeque::new() }
    }

    /// A session with chunked framing.
    pub(crate) async fn open(&self) -> Client {
        let mut client = self.connect();
        client.hello(&[BASE_1_1]).await;
        client
    }
}

/// The client end of a session.
pub(crate) struct Client {
    pub(crate) stream: UnixStream,
    decoder: Decoder,
    framing: Framing,
    /// Notifications that came before a reply.
    unread: VecDeque<String>,
}

impl Client {
    /// Exchanges hellos and changes the framing. Returns the server's hello.
    pub(crate) async fn hello(&mut self, capabilities: &[&str]) -> Hello {
        let capabilities = capabilities.iter().map(ToString::to_string).collect();
        let own = Hello { capabilities, session_id: None };
        self.send(&own.to_xml()).await;
        let server = self.receive().await.expect("the server's hello");
        let server = Hello::from_xml(&server).expect("a hello");
        self.framing = own.framing(&server).unwrap_or_default();
        self.decoder.set_framing(self.framing);
        server
    }

    pub(crate) async fn send(&mut self, message: &str) {
        let bytes = encode(self.framing, message);
        self.send_bytes(&bytes).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        // Only a read shows that the server has closed the stream.
        let _ = self.stream.write_all(bytes).await;
    }

    /// The next message. None if the server has closed the stream.
    pub(crate) async fn receive(&mut self) -> Option<String> {
        let mut buffer = vec![0; 1 << 16];
        loop {
            if let Some(message) = self.decoder.message().expect("the server frames well") {
                return Some(message);
            }
            let read = timeout(DEADLINE, self.stream.read(&mut buffer)).await;
            match read.expect("the server answers in time") {
                Ok(0) | Err(_) => return None,
                Ok(length) => self.decoder.push(&buffer[..length]),
            }
        }
    }

    /// The next notification.
    pub(crate) async fn notification(&mut self) -> String {
        match self.unread.pop_front() {
            Some(notification) => notification,
            None => self.receive().await.expect("a notification"),
        }
    }

    /// Sends an operation and returns the content of the reply.
    pub(crate) async fn call(&mut self, operation: &str) -> Option<String> {
        const BASE: &str = netconf::namespace::BASE;
        self.send(&format!("<rpc message-id=\"1\" xmlns=\"{BASE}\">{operation}</rpc>")).await;
        let reply = loop {
            let message = self.receive().await?;
            match message.starts_with("<notification") {
                true => self.unread.push_back(message),
                false => break message,
            }
        };
        let start = format!("<rpc-reply message-id=\"1\" xmlns=\"{BASE}\">");
        let content = reply.strip_prefix(&start).and_then(|rest| rest.strip_suffix("</rpc-reply>"));
        Some(content.unwrap_or(&reply).to_string())
    }
}
