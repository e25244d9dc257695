//! Slow subscribers: they delay nobody, and are informed about missed notifications.

use engine::Origin;
use netconf::notification::Event;
use netconf::{Incoming, Reply};

use crate::server::{Client, Server};

const SUBSCRIBE: &str =
    "<create-subscription xmlns=\"urn:ietf:params:xml:ns:netconf:notification:1.0\"/>";
const GET: &str = "<get-config><source><running/></source></get-config>";

/// More than the capacity of a socket and of the engine's ring.
const SESSIONS: usize = 2000;

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_that_does_not_read_holds_up_nobody() {
    let server = Server::start();
    let mut slow = server.open().await;
    assert_eq!(slow.call(SUBSCRIBE).await.as_deref(), Some("<ok/>"));
    come_and_go(&server).await;
    let mut other = server.open().await;
    assert!(other.call(GET).await.is_some());
    // The request is sent while earlier notifications are still unread.
    let rpc = |id: &str| netconf::Rpc::CloseSession.to_xml(id);
    slow.send(&rpc("last")).await;
    let mut count = Count::default();
    loop {
        match next(&mut slow).await {
            Incoming::Notification(notification) => count.add(&notification.event),
            Incoming::Reply { message_id, reply } => {
                assert_eq!((message_id.as_deref(), reply), (Some("last"), Reply::Ok));
                break;
            }
        }
    }
    let Count { missed, received } = count;
    assert!(received > 0);
    assert_eq!(slow.receive().await, None);
    // The last ones may not have been sent before the end.
    assert!(missed + received <= 2 * SESSIONS as u64 + 1, "{missed} missed, {received} received");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missed_is_counted() {
    let server = Server::start();
    let mut slow = server.open().await;
    slow.call(SUBSCRIBE).await;
    come_and_go(&server).await;
    let mut count = Count::default();
    while count.missed + count.received < 2 * SESSIONS as u64 {
        let Incoming::Notification(notification) = next(&mut slow).await else {
            panic!("nothing was asked");
        };
        count.add(&notification.event);
    }
    let Count { missed, received } = count;
    assert!(missed > 0 && received >= 256, "{missed} missed, {received} received");
    assert_eq!(missed + received, 2 * SESSIONS as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_that_does_not_read_can_be_killed() {
    let server = Server::start();
    let mut slow = server.connect();
    let id = slow.hello(&[netconf::capability::BASE_1_1]).await.session_id.expect("a session-id");
    slow.call(SUBSCRIBE).await;
    come_and_go(&server).await;
    let mut other = server.open().await;
    let kill = format!("<kill-session><session-id>{id}</session-id></kill-session>");
    assert_eq!(other.call(&kill).await.as_deref(), Some("<ok/>"));
    while slow.receive().await.is_some() {}
}

#[derive(Default)]
struct Count {
    received: u64,
    missed: u64,
}

impl Count {
    fn add(&mut self, event: &Event) {
        if let Event::Missed { count } = event {
            self.missed += count;
        } else {
            assert!(
                matches!(event, Event::SessionStart(_) | Event::SessionEnd { .. }),
                "{event:?}"
            );
            self.received += 1;
        }
    }
}

/// Sessions that open and end, with two notices each.
async fn come_and_go(server: &Server) {
    for _ in 0..SESSIONS {
        let origin = Origin { user: "bob".into(), from: "test".into() };
        server.engine.open(origin).await.expect("a session").close();
    }
}

async fn next(client: &mut Client) -> Incoming {
    let message = client.receive().await.expect("a message");
    Incoming::from_xml(&message).expect("a message of NETCONF's")
}
