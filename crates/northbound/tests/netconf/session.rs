//! Hellos, the change of framing, invalid streams, and the end of sessions (RFC 6241 section 8.1, RFC 6242 section
//! 4).

use crate::server::Server;
use netconf::capability::{
    BASE_1_0, BASE_1_1, CANDIDATE, INTERLEAVE_1_0, NOTIFICATION_1_0, PRIVATE_CANDIDATE, STARTUP,
};
use netconf::namespace::BASE;
use tokio::io::AsyncReadExt;

const GET: &str = "<get-config><source><startup/></source></get-config>";
const NOTHING: &str = "<data xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"></data>";

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_what_it_can() {
    let server = Server::start();
    let hello = server.connect().hello(&[BASE_1_1]).await;
    for capability in [
        BASE_1_0,
        BASE_1_1,
        CANDIDATE,
        STARTUP,
        PRIVATE_CANDIDATE,
        NOTIFICATION_1_0,
        INTERLEAVE_1_0,
    ] {
        assert!(hello.has(capability), "{capability}");
    }
    let modules: Vec<&String> =
        hello.capabilities.iter().filter(|uri| uri.contains("?module=netloom-rpc")).collect();
    assert_eq!(modules, ["urn:netloom:rpc?module=netloom-rpc&revision=2026-11-23"]);
    assert!(hello.session_id.is_some());
    assert_ne!(server.connect().hello(&[BASE_1_1]).await.session_id, hello.session_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_framing_serves() {
    let server = Server::start();
    for versions in [&[BASE_1_0][..], &[BASE_1_1], &[BASE_1_0, BASE_1_1]] {
        let mut client = server.connect();
        client.hello(versions).await;
        assert_eq!(client.call(GET).await.as_deref(), Some(NOTHING), "{versions:?}");
    }
}

/// A large reply is sent while it is written, whatever the framing. A client that leaves in the middle of it disturbs
/// nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_reply_comes_in_parts() {
    const COUNT: usize = 20_000;
    let entry = |number: usize| format!("<netns><name>n{number}</name></netns>");
    let netnses = format!(
        "<netnses xmlns=\"urn:okda:iproute2:ip:netns\">{}</netnses>",
        (0..COUNT).map(entry).collect::<String>()
    );
    let edit = format!(
        "<edit-config><target><candidate/></target><config>{netnses}</config></edit-config>"
    );
    let get = "<get-config><source><candidate/></source></get-config>";
    let server = Server::start();
    for versions in [[BASE_1_0], [BASE_1_1]] {
        let mut client = server.connect();
        client.hello(&versions).await;
        assert_eq!(client.call(&edit).await.as_deref(), Some("<ok/>"));
        let data = client.call(get).await.expect("a reply");
        let content = data.strip_prefix(&format!("<data xmlns=\"{BASE}\">"));
        let content = content.and_then(|content| content.strip_suffix("</data>"));
        assert_eq!(content.expect("data").len(), netnses.len());
        assert!(data.contains(&entry(0)) && data.contains(&entry(COUNT - 1)));
    }
    let mut client = server.open().await;
    assert_eq!(client.call(&edit).await.as_deref(), Some("<ok/>"));
    client.send(&format!("<rpc message-id=\"2\" xmlns=\"{BASE}\">{get}</rpc>")).await;
    let mut header = [0; 16];
    client.stream.read_exact(&mut header).await.expect("a chunk");
    let header = String::from_utf8_lossy(&header);
    let length = header.trim_start_matches("\n#").lines().next().map(str::parse::<usize>);
    let length = length.and_then(Result::ok).expect("the length of a chunk");
    assert!(length < netnses.len() / 2, "{length} of {} bytes at once", netnses.len());
    drop(client);
    let mut other = server.open().await;
    assert_eq!(other.call(GET).await.as_deref(), Some(NOTHING));
}

#[tokio::test(flavor = "multi_thread")]
async fn hellos_that_end_the_session() {
    let server = Server::start();
    for hello in [
        format!(
            "<hello xmlns=\"{BASE}\"><capabilities><capability>urn:x</capability></capabilities></hello>"
        ),
        format!(
            "<hello xmlns=\"{BASE}\"><capabilities><capability>{BASE_1_1}</capability></capabilities>\
             <session-id>4</session-id></hello>"
        ),
        format!("<rpc message-id=\"1\" xmlns=\"{BASE}\"><get/></rpc>"),
        "garbage".to_string(),
    ] {
        let mut client = server.connect();
        client.send(&hello).await;
        assert!(client.receive().await.is_some(), "the server's own hello");
        assert_eq!(client.receive().await, None, "{hello}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_sent_at_once_are_answered_in_order() {
    let server = Server::start();
    let mut client = server.open().await;
    let rpc = |id: u32| format!("<rpc message-id=\"{id}\" xmlns=\"{BASE}\">{GET}</rpc>");
    let bytes: Vec<u8> =
        (0..50).flat_map(|id| netconf::encode(netconf::Framing::Chunked, &rpc(id))).collect();
    client.send_bytes(&bytes).await;
    for id in 0..50 {
        let reply = client.receive().await.expect("a reply");
        assert!(reply.starts_with(&format!("<rpc-reply message-id=\"{id}\"")), "{reply}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_small_pieces_is_one_request() {
    let server = Server::start();
    let mut client = server.open().await;
    let rpc = format!("<rpc message-id=\"1\" xmlns=\"{BASE}\">{GET}</rpc>");
    for piece in netconf::encode(netconf::Framing::Chunked, &rpc).chunks(3) {
        client.send_bytes(piece).await;
    }
    assert!(client.receive().await.is_some_and(|reply| reply.contains(NOTHING)));
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_chunk_end_the_session() {
    let server = Server::start();
    for bytes in [&b"<rpc/>]]>]]>"[..], b"\n#0\n", b"\n##\n", b"\n#4294967295\n"] {
        let mut client = server.open().await;
        client.send_bytes(bytes).await;
        assert_eq!(client.receive().await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_malformed_is_answered_and_the_session_goes_on() {
    let server = Server::start();
    let mut client = server.open().await;
    for bytes in [&b"\n#2\n\xff\xff\n##\n"[..], b"\n#5\n<rpc>\n##\n", b"\n#6\n<nope>\n##\n"] {
        client.send_bytes(bytes).await;
        let reply = client.receive().await.expect("a reply");
        assert!(reply.contains("<error-tag>malformed-message</error-tag>"), "{reply}");
    }
    client.send(&format!("<rpc xmlns=\"{BASE}\"><get/></rpc>")).await;
    let reply = client.receive().await.expect("a reply");
    assert!(reply.contains("<error-tag>missing-attribute</error-tag>"), "{reply}");
    assert_eq!(client.call(GET).await.as_deref(), Some(NOTHING));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_session_is_closed_and_its_lock_goes() {
    let server = Server::start();
    let (mut killer, mut killed) = (server.open().await, server.connect());
    let id = killed.hello(&[BASE_1_1]).await.session_id.expect("a session-id");
    let lock = "<lock><target><running/></target></lock>";
    assert_eq!(killed.call(lock).await.as_deref(), Some("<ok/>"));
    assert!(killer.call(lock).await.is_some_and(|reply| reply.contains("lock-denied")));
    let kill = format!("<kill-session><session-id>{id}</session-id></kill-session>");
    assert_eq!(killer.call(&kill).await.as_deref(), Some("<ok/>"));
    assert_eq!(killed.receive().await, None);
    assert_eq!(killer.call(lock).await.as_deref(), Some("<ok/>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_leaves_no_lock() {
    let server = Server::start();
    let lock = "<lock><target><running/></target></lock>";
    let mut gone = server.open().await;
    assert_eq!(gone.call(lock).await.as_deref(), Some("<ok/>"));
    drop(gone);
    let mut client = server.open().await;
    while client.call(lock).await.as_deref() != Some("<ok/>") {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_namespaces_in_one_edit() {
    let server = Server::start();
    let mut client = server.open().await;
    let entries: String =
        (0..10_000).map(|n| format!("<netns><name>vpn{n}</name></netns>")).collect();
    let config = format!("<netnses xmlns=\"urn:okda:iproute2:ip:netns\">{entries}</netnses>");
    let edit = format!(
        "<edit-config><target><candidate/></target><test-option>set</test-option>\
         <config>{config}</config></edit-config>"
    );
    assert_eq!(client.call(&edit).await.as_deref(), Some("<ok/>"));
    let get = "<get-config><source><candidate/></source></get-config>";
    let reply = client.call(get).await.expect("a reply");
    assert_eq!(reply.matches("<netns>").count(), 10_000);
}
