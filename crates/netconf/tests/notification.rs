//! Tests that `<notification>` can be written and read back, and that invalid ones give an error.

use expect_test::{Expect, expect};
use netconf::notification::{Actor, ConfirmEvent, Event, Phase, TerminationReason};
use netconf::{Incoming, Notification, Reply, Xml};

#[track_caller]
fn check(event: Event, expect: Expect) {
    let written = Notification { time: "2026-11-24T03:15:00.000Z".into(), event };
    let text = written.to_xml();
    let start = "<notification xmlns=\"urn:ietf:params:xml:ns:netconf:notification:1.0\">\
                 <eventTime>2026-11-24T03:15:00.000Z</eventTime>";
    let content = text.strip_prefix(start).and_then(|text| text.strip_suffix("</notification>"));
    expect.assert_eq(content.unwrap_or(&text));
    assert_eq!(Incoming::from_xml(&text), Ok(Incoming::Notification(written)));
}

#[test]
fn events() {
    let ann = || Actor { user: "ann & co".into(), session: 3 };
    check(
        Event::ConfigChange { by: Some(ann()) },
        expect![[
            r#"<netconf-config-change xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"><changed-by><username>ann &amp; co</username><session-id>3</session-id></changed-by><datastore>running</datastore></netconf-config-change>"#
        ]],
    );
    check(
        Event::ConfigChange { by: None },
        expect![[
            r#"<netconf-config-change xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"><changed-by><server/></changed-by><datastore>running</datastore></netconf-config-change>"#
        ]],
    );
    let start = ConfirmEvent::Start;
    check(
        Event::ConfirmedCommit { by: Some(ann()), event: start, timeout: Some(600) },
        expect![[
            r#"<netconf-confirmed-commit xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"><username>ann &amp; co</username><session-id>3</session-id><confirm-event>start</confirm-event><timeout>600</timeout></netconf-confirmed-commit>"#
        ]],
    );
    let (event, timeout) = (ConfirmEvent::Timeout, None);
    check(
        Event::ConfirmedCommit { by: None, event, timeout },
        expect![[
            r#"<netconf-confirmed-commit xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"><confirm-event>timeout</confirm-event></netconf-confirmed-commit>"#
        ]],
    );
    check(
        Event::SessionStart(ann()),
        expect![[
            r#"<netconf-session-start xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"><username>ann &amp; co</username><session-id>3</session-id></netconf-session-start>"#
        ]],
    );
    let reason = TerminationReason::Killed;
    check(
        Event::SessionEnd { by: ann(), reason, killed_by: Some(4) },
        expect![[
            r#"<netconf-session-end xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"><username>ann &amp; co</username><session-id>3</session-id><killed-by>4</killed-by><termination-reason>killed</termination-reason></netconf-session-end>"#
        ]],
    );
    let reason = TerminationReason::Dropped;
    check(
        Event::SessionEnd { by: ann(), reason, killed_by: None },
        expect![[
            r#"<netconf-session-end xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"><username>ann &amp; co</username><session-id>3</session-id><termination-reason>dropped</termination-reason></netconf-session-end>"#
        ]],
    );
    let (comment, summary) = (Some("a < b".into()), "1 link added".into());
    check(
        Event::Commit { id: 7, by: Some(ann()), comment, summary },
        expect![[
            r#"<commit xmlns="urn:netloom:notifications"><id>7</id><username>ann &amp; co</username><session-id>3</session-id><comment>a &lt; b</comment><summary>1 link added</summary></commit>"#
        ]],
    );
    let summary = "1 link removed".into();
    check(
        Event::Commit { id: 8, by: None, comment: None, summary },
        expect![[
            r#"<commit xmlns="urn:netloom:notifications"><id>8</id><summary>1 link removed</summary></commit>"#
        ]],
    );
    let (phase, seconds) = (Phase::Expiring, Some(60));
    check(
        Event::Confirmation { id: 7, by: None, phase, seconds },
        expect![[
            r#"<confirmation xmlns="urn:netloom:notifications"><id>7</id><phase>expiring</phase><seconds>60</seconds></confirmation>"#
        ]],
    );
    for phase in [
        Phase::Started,
        Phase::Extended,
        Phase::Confirmed,
        Phase::TimedOut,
        Phase::Cancelled,
        Phase::SessionEnded,
    ] {
        let event = Event::Confirmation { id: 7, by: Some(ann()), phase, seconds: None };
        let written = Notification { time: String::new(), event };
        let read = Incoming::from_xml(&written.to_xml());
        assert_eq!(read, Ok(Incoming::Notification(written)));
    }
    check(
        Event::NotUndone { id: 7, cause: "the kernel refused".into() },
        expect![[
            r#"<confirmed-commit-not-undone xmlns="urn:netloom:notifications"><id>7</id><cause>the kernel refused</cause></confirmed-commit-not-undone>"#
        ]],
    );
    let paths = vec!["/a:b[c='1']".into(), "/a:d".into()];
    check(
        Event::Diverged { paths, cause: "the kernel refused".into() },
        expect![[
            r#"<diverged xmlns="urn:netloom:notifications"><path>/a:b[c='1']</path><path>/a:d</path><cause>the kernel refused</cause></diverged>"#
        ]],
    );
    check(
        Event::Converged,
        expect![[r#"<converged xmlns="urn:netloom:notifications"></converged>"#]],
    );
    check(
        Event::Missed { count: 12 },
        expect![[r#"<missed xmlns="urn:netloom:notifications"><count>12</count></missed>"#]],
    );
    check(
        Event::Other { namespace: "urn:a".into(), name: "b".into() },
        expect![[r#"<b xmlns="urn:a"></b>"#]],
    );
}

#[track_caller]
fn check_read(content: &str, expect: Expect) {
    let text = format!(
        "<n:notification xmlns:n=\"urn:ietf:params:xml:ns:netconf:notification:1.0\">{content}</n:notification>"
    );
    expect.assert_eq(&match Incoming::from_xml(&text) {
        Ok(incoming) => format!("{incoming:?}"),
        Err(error) => error.to_string(),
    });
}

#[test]
fn notifications_of_others() {
    let time = "<n:eventTime>now</n:eventTime>";
    check_read(
        &format!("{time}<b xmlns=\"urn:a\"><c>1</c>text</b>"),
        expect![[
            r#"Notification(Notification { time: "now", event: Other { namespace: "urn:a", name: "b" } })"#
        ]],
    );
    check_read(
        &format!("{time}<new xmlns=\"urn:netloom:notifications\"><a><b>1</b></a></new>"),
        expect![[
            r#"Notification(Notification { time: "now", event: Other { namespace: "urn:netloom:notifications", name: "new" } })"#
        ]],
    );
    check_read(
        &format!("{time}<commit xmlns=\"urn:netloom:notifications\"/>"),
        expect!["the message does not parse: byte 147: an event lacks what it must tell"],
    );
    check_read(
        &format!(
            "{time}<confirmation xmlns=\"urn:netloom:notifications\"><id>1</id><phase>x</phase></confirmation>"
        ),
        expect!["the message does not parse: byte 193: an event lacks what it must tell"],
    );
    check_read(
        time,
        expect!["the message does not parse: byte 121: a notification has a time and an event"],
    );
    check_read(
        "<b xmlns=\"urn:a\"/>",
        expect!["the message does not parse: byte 109: a notification has a time and an event"],
    );
    check_read(
        &format!("{time}<b xmlns=\"urn:a\"/><b xmlns=\"urn:a\"/>"),
        expect!["the message does not parse: byte 140: a notification of two events"],
    );
}

#[test]
fn replies_are_told_from_notifications() {
    let reply = Reply::Data(Xml("<a xmlns=\"urn:a\"/>".into()));
    let text = reply.clone().into_xml(&netconf::Envelope::new("7"));
    let message_id = Some("7".to_string());
    assert_eq!(Incoming::from_xml(&text), Ok(Incoming::Reply { message_id, reply }));
    let hello = "<hello xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"/>";
    expect![[r#"the message does not parse: byte 56: <hello> of "urn:ietf:params:xml:ns:netconf:base:1.0" where <rpc-reply> of "urn:ietf:params:xml:ns:netconf:base:1.0" is due"#]].assert_eq(&Incoming::from_xml(hello).unwrap_err().to_string());
}
