//! NETCONF messages, whole and damaged, to a session on the fake kernel.
//!
//! Each is answered, or the session ends. One that is answered with an error changes neither running nor the kernel, and
//! an edit that is answered with an error does not change the candidate.

use std::time::Duration;

use acceptance::in_process::{Device, schema};
use acceptance::random::{configuration, place};
use engine::Origin;
use fastrand::Rng;
use netconf::capability::BASE_1_1;
use netconf::{Decoder, Framing, Hello, encode};
use testkit::FakeKernel;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::LocalSet;
use tokio::time::timeout;
use yang::Tree;

use crate::files::damage;
use crate::values::Drawn;

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(60);

const CANDIDATE: &str = "<get-config><source><candidate/></source></get-config>";

/// Operations without content.
const OPERATIONS: [&str; 16] = [
    "<commit/>",
    "<commit><confirmed/><confirm-timeout>1</confirm-timeout></commit>",
    "<commit><confirmed/><persist>a</persist></commit>",
    "<cancel-commit/>",
    "<discard-changes/>",
    "<validate><source><candidate/></source></validate>",
    "<get/>",
    "<get-config><source><running/></source></get-config>",
    "<get-config><source><startup/></source></get-config>",
    "<lock><target><candidate/></target></lock>",
    "<unlock><target><candidate/></target></unlock>",
    "<copy-config><target><startup/></target><source><running/></source></copy-config>",
    "<delete-config><target><startup/></target></delete-config>",
    "<kill-session><session-id>4294967295</session-id></kill-session>",
    "<get-schema xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring\"><identifier>netloom-link</identifier></get-schema>",
    "<create-subscription xmlns=\"urn:ietf:params:xml:ns:netconf:notification:1.0\"/>",
];

pub(crate) fn run(random: &mut Rng) {
    let mut drawn = Drawn::new(random);
    let kernel = FakeKernel::default();
    let own = kernel.clone();
    let device = Device::on(move || Box::new(own.clone()));
    let session = async {
        let mut client = Client::open(&device).await;
        for _ in 0..random.u8(5..30) {
            let tree = match random.bool() {
                true => configuration(random, 6),
                false => drawn.configuration(),
            };
            let (operation, is_edit) = operation(&tree, random);
            let (running, state) = (device.engine().running(), kernel.state());
            let candidate = client.call(CANDIDATE).await;
            match client.call(&operation).await {
                Some(reply) if reply.contains("<rpc-error") => {
                    assert_eq!(device.engine().running(), running, "running after {operation}");
                    assert_eq!(kernel.state(), state, "the kernel after {operation}");
                    if is_edit {
                        assert_eq!(client.call(CANDIDATE).await, candidate, "after {operation}");
                    }
                }
                Some(_) => {}
                None => client = Client::open(&device).await,
            }
        }
    };
    device.block_on(LocalSet::new().run_until(session));
}

/// An operation, and whether it edits the candidate.
fn operation(tree: &Tree, random: &mut Rng) -> (String, bool) {
    let (whole, is_edit) = match random.u8(0..8) {
        0..3 => {
            let config = with_operations(&tree.to_xml(false), random);
            let options = [
                "",
                "<default-operation>replace</default-operation>",
                "<default-operation>none</default-operation>",
            ];
            let option = options[random.usize(..options.len())];
            let edit = format!(
                "<edit-config><target><candidate/></target>{option}<config>{config}</config></edit-config>"
            );
            (edit, true)
        }
        3 => {
            let filter = tree.subtree(&place(random, tree)).to_xml(false);
            (format!("<get><filter type=\"subtree\">{filter}</filter></get>"), false)
        }
        _ => (OPERATIONS[random.usize(..OPERATIONS.len())].into(), false),
    };
    if random.u8(0..3) > 0 {
        return (whole, is_edit);
    }
    let mut bytes = whole.into_bytes();
    damage(&mut bytes, random);
    (String::from_utf8_lossy(&bytes).into_owned(), is_edit)
}

/// Gives some elements an operation (RFC 6241 section 7.2).
fn with_operations(xml: &str, random: &mut Rng) -> String {
    const OPERATIONS: [&str; 6] = ["merge", "replace", "create", "delete", "remove", "none"];
    let mut out = String::new();
    for part in xml.split_inclusive('>') {
        let is_start = part.contains('<') && !part.contains("</");
        match part
            .strip_suffix('>')
            .filter(|part| is_start && !part.ends_with('/') && random.u8(0..12) == 0)
        {
            Some(part) => {
                let operation = OPERATIONS[random.usize(..OPERATIONS.len())];
                out += &format!(
                    "{part} xmlns:nc=\"{}\" nc:operation=\"{operation}\">",
                    netconf::namespace::BASE
                );
            }
            None => out += part,
        }
    }
    out
}

/// The client end of a session.
struct Client {
    stream: UnixStream,
    decoder: Decoder,
    framing: Framing,
}

impl Client {
    async fn open(device: &Device) -> Self {
        let (stream, served) = UnixStream::pair().expect("a pair of sockets");
        let origin = Origin { user: "fuzz".into(), from: "the fuzzer".into() };
        tokio::task::spawn_local(northbound::serve(served, origin, device.engine(), schema()));
        let mut client = Self { stream, decoder: Decoder::default(), framing: Framing::default() };
        let own = Hello { capabilities: vec![BASE_1_1.into()], session_id: None };
        client.send(&own.to_xml()).await;
        let server = client.receive().await.expect("the server's hello");
        let server = Hello::from_xml(&server).expect("a hello");
        client.framing = own.framing(&server).unwrap_or_default();
        client.decoder.set_framing(client.framing);
        client
    }

    /// Sends an operation and returns the reply; none if the session has ended.
    async fn call(&mut self, operation: &str) -> Option<String> {
        const BASE: &str = netconf::namespace::BASE;
        self.send(&format!("<rpc message-id=\"1\" xmlns=\"{BASE}\">{operation}</rpc>")).await;
        loop {
            let message = self.receive().await?;
            if !message.starts_with("<notification") {
                return Some(message);
            }
        }
    }

    async fn send(&mut self, message: &str) {
        // Only a read shows that the server has closed the stream.
        let _ = self.stream.write_all(&encode(self.framing, message)).await;
    }

    async fn receive(&mut self) -> Option<String> {
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
}
