//! `<hello>`, `<rpc-reply>` and the replies of Netloom's own operations, written and read back.

use expect_test::{Expect, expect};
use netconf::capability::{BASE_1_0, BASE_1_1, CANDIDATE};
use netconf::{
    BlameOutput, Blamed, CheckOutput, CommitOutput, Envelope, ErrorType, Framing, Hello,
    HistoryEntry, HistoryOutput, Hold, Holds, Incoming, Reply, RpcError, Xml,
};

fn round_trip(reply: &Reply, expect: Expect) {
    let text = reply.clone().into_xml(&Envelope::new("5"));
    expect.assert_eq(&text);
    assert_eq!(Reply::from_xml(&text), Ok((Some("5".into()), reply.clone())));
}

#[test]
fn replies() {
    round_trip(
        &Reply::Ok,
        expect![[
            r#"<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="5"><ok/></rpc-reply>"#
        ]],
    );
    let base = netconf::namespace::BASE;
    round_trip(
        &Reply::Data(Xml(format!("<data xmlns=\"{base}\"><a xmlns=\"urn:a\"/></data>"))),
        expect![[
            r#"<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="5"><data xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><a xmlns="urn:a"/></data></rpc-reply>"#
        ]],
    );
    let denied = RpcError::new(ErrorType::Protocol, "lock-denied", "session 4 & others hold it")
        .with_info("session-id", "4");
    let mut invalid = RpcError::new(ErrorType::Application, "invalid-value", "no <way>");
    invalid.app_tag = Some("must-violation".into());
    invalid.path = Some("/a:b/c[d='<e>']".into());
    invalid.modules = [("a".to_string(), "urn:a".to_string())].into();
    round_trip(
        &Reply::Errors(vec![denied, invalid]),
        expect![[
            r#"<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="5"><rpc-error><error-type>protocol</error-type><error-tag>lock-denied</error-tag><error-severity>error</error-severity><error-message xml:lang="en">session 4 &amp; others hold it</error-message><error-info><session-id xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">4</session-id></error-info></rpc-error><rpc-error><error-type>application</error-type><error-tag>invalid-value</error-tag><error-severity>error</error-severity><error-app-tag>must-violation</error-app-tag><error-path xmlns:a="urn:a">/a:b/a:c[a:d='&lt;e&gt;']</error-path><error-message xml:lang="en">no &lt;way&gt;</error-message></rpc-error></rpc-reply>"#
        ]],
    );
}

#[test]
fn replies_that_are_none() {
    let check = |text: &str, expect: Expect| {
        expect.assert_eq(&Reply::from_xml(text).unwrap_err().to_string());
    };
    check(
        "<rpc-reply/>",
        expect![[
            r#"the message does not parse: byte 12: <rpc-reply> of "" where <rpc-reply> of "urn:ietf:params:xml:ns:netconf:base:1.0" is due"#
        ]],
    );
    check("", expect!["the message does not parse: byte 0: no element"]);
    check(
        "<rpc-reply xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"><rpc-error/><ok/></rpc-reply>",
        expect!["the message does not parse: byte 76: <ok> beside <rpc-error>"],
    );
}

#[test]
fn an_error_without_a_message_shows_its_tag() {
    let text = "<rpc-reply xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"><rpc-error>
        <error-type>protocol</error-type><error-tag>in-use</error-tag>
        <error-severity>error</error-severity><error-path>/a</error-path></rpc-error></rpc-reply>";
    let (message_id, Reply::Errors(errors)) = Reply::from_xml(text).unwrap() else { panic!() };
    assert_eq!((message_id, errors[0].to_string().as_str()), (None, "/a: in-use"));
}

#[test]
fn hellos() {
    let server = Hello {
        capabilities: vec![BASE_1_0.into(), BASE_1_1.into(), format!("{CANDIDATE}?a=b&c=<d>")],
        session_id: Some(4),
    };
    assert_eq!(Hello::from_xml(&server.to_xml()).unwrap(), server);
    assert!(server.has(CANDIDATE) && !server.has("urn:ietf:params:netconf:capability:candidate"));
    let peer = |capabilities: &[&str]| Hello {
        capabilities: capabilities.iter().map(ToString::to_string).collect(),
        session_id: None,
    };
    assert_eq!(server.framing(&peer(&[BASE_1_0, BASE_1_1])), Some(Framing::Chunked));
    assert_eq!(server.framing(&peer(&[BASE_1_0])), Some(Framing::EndOfMessage));
    assert_eq!(server.framing(&peer(&["urn:x"])), None);
}

#[test]
fn hellos_that_are_none() {
    let check = |content: &str, expect: Expect| {
        let text = format!("<hello xmlns=\"{}\">{content}</hello>", netconf::namespace::BASE);
        expect.assert_eq(&Hello::from_xml(&text).unwrap_err().to_string());
    };
    check("", expect!["the message does not parse: byte 63: a <hello> without <capabilities>"]);
    check(
        "<capabilities><x/></capabilities>",
        expect!["the message does not parse: byte 73: <x> where <capability> is due"],
    );
    check(
        "<capabilities/><session-id>0</session-id>",
        expect!["the message does not parse: byte 96: no session-id"],
    );
    check(
        "<capabilities/><other/>",
        expect!["the message does not parse: byte 78: <other> has no place in a <hello>"],
    );
}

#[test]
fn own_answers() {
    let commit = CommitOutput {
        id: Some(9),
        summary: "2 links & more".into(),
        held: Holds::default(),
        milliseconds: 1.25,
    };
    expect![[r#"<id xmlns="urn:netloom:rpc">9</id><summary xmlns="urn:netloom:rpc">2 links &amp; more</summary><milliseconds xmlns="urn:netloom:rpc">1.250</milliseconds>"#]].assert_eq(&commit.to_xml().0);
    assert_eq!(CommitOutput::from_xml(&commit.to_xml()).unwrap(), commit);
    let nothing = CommitOutput { summary: "nothing".into(), ..CommitOutput::default() };
    assert_eq!(CommitOutput::from_xml(&nothing.to_xml()).unwrap(), nothing);

    let operations = vec!["create <veth>".into(), "add route".into()];
    let check = CheckOutput { operations, held: Holds::default() };
    expect![[r#"<operation xmlns="urn:netloom:rpc">create &lt;veth&gt;</operation><operation xmlns="urn:netloom:rpc">add route</operation>"#]].assert_eq(&check.to_xml().0);
    assert_eq!(CheckOutput::from_xml(&check.to_xml()).unwrap(), check);

    let hold = |path: &str| Hold { path: path.into(), reason: "a is <down>".into() };
    let held = Holds { listed: vec![hold("/m:a"), hold("/m:b")], more: 3 };
    let check = CheckOutput { held: held.clone(), ..check };
    assert_eq!(CheckOutput::from_xml(&check.to_xml()).unwrap(), check);
    let commit = CommitOutput { held, ..commit };
    expect![[r#"<id xmlns="urn:netloom:rpc">9</id><summary xmlns="urn:netloom:rpc">2 links &amp; more</summary><held xmlns="urn:netloom:rpc"><path>/m:a</path><reason>a is &lt;down&gt;</reason></held><held xmlns="urn:netloom:rpc"><path>/m:b</path><reason>a is &lt;down&gt;</reason></held><held-more xmlns="urn:netloom:rpc">3</held-more><milliseconds xmlns="urn:netloom:rpc">1.250</milliseconds>"#]].assert_eq(&commit.to_xml().0);
    assert_eq!(CommitOutput::from_xml(&commit.to_xml()).unwrap(), commit);

    let history = HistoryOutput {
        commits: vec![
            HistoryEntry {
                position: 0,
                id: 7,
                user: Some("root".into()),
                from: Some("unix socket, pid 3".into()),
                time: Some("2026-01-02T03:04:05Z".into()),
                comment: Some("why".into()),
                summary: "1 link".into(),
                held: 2,
                digest: Some("00ff".into()),
                fault: Some("it is <broken>".into()),
            },
            HistoryEntry { position: 1, id: 6, ..HistoryEntry::default() },
        ],
    };
    expect![[r#"<commit xmlns="urn:netloom:rpc"><position>0</position><id>7</id><user>root</user><from>unix socket, pid 3</from><time>2026-01-02T03:04:05Z</time><comment>why</comment><summary>1 link</summary><held>2</held><digest>00ff</digest><fault>it is &lt;broken&gt;</fault></commit><commit xmlns="urn:netloom:rpc"><position>1</position><id>6</id><summary></summary></commit>"#]].assert_eq(&history.to_xml().0);
    assert_eq!(HistoryOutput::from_xml(&history.to_xml()).unwrap(), history);
    let paths = vec!["/m:a".to_owned(), "/m:b[c='<1>']/d".to_owned()];
    let commits = history.commits.iter().cloned();
    let commits = commits.map(|commit| Blamed { commit, paths: paths.clone() }).collect();
    let blame = BlameOutput { commits };
    assert_eq!(BlameOutput::from_xml(&blame.to_xml()).unwrap(), blame);

    // As a client receives them: as a part of the reply.
    let text = Reply::Data(history.to_xml()).into_xml(&Envelope::new("1"));
    let (_, Reply::Data(content)) = Reply::from_xml(&text).unwrap() else { panic!() };
    assert_eq!(HistoryOutput::from_xml(&content).unwrap(), history);
}

#[test]
fn leaves() {
    let leaf = Xml::leaf("data", "urn:a&b", "module a { /* <&> */ }");
    expect![[r#"<data xmlns="urn:a&amp;b">module a { /* &lt;&amp;&gt; */ }</data>"#]]
        .assert_eq(&leaf.0);
    assert_eq!(leaf.text().as_deref(), Some("module a { /* <&> */ }"));
    assert_eq!(Xml("<a/><b/>".into()).text(), None);
    assert_eq!(Xml("<a><b/></a>".into()).text(), None);
}

/// The data of a reply, which is `None` for anything else.
fn data(message: &str) -> Option<String> {
    let read = Incoming::from_message(message.into());
    if let Ok(checked) = Incoming::from_xml(message) {
        assert_eq!(read, Ok(checked), "{message}");
    }
    match read {
        Ok(Incoming::Reply { message_id, reply: Reply::Data(Xml(data)) }) => {
            assert_eq!(message_id.as_deref(), Some("5"));
            Some(data)
        }
        Ok(_) | Err(_) => None,
    }
}

#[test]
fn data_is_left_to_its_recipient() {
    let reply = |start: &str, content: &str| {
        format!(
            "<rpc-reply message-id=\"5\" xmlns=\"{}\"{start}>{content}</rpc-reply>",
            netconf::namespace::BASE
        )
    };
    let check = |content: &str, expect: Expect| {
        let shown = data(&reply(" xmlns:a='urn:\"a'", content));
        expect.assert_eq(shown.as_deref().unwrap_or("no data"));
    };
    check(
        "<data><a:b>&lt;1</a:b></data>",
        expect![[
            r#"<data xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" xmlns:a="urn:&quot;a"><a:b>&lt;1</a:b></data>"#
        ]],
    );
    check(
        "<data xmlns='urn:d' a:x='1'>\n <b/>\n</data>",
        expect![[r#"
        <data xmlns:a="urn:&quot;a" xmlns='urn:d' a:x='1'>
         <b/>
        </data>"#]],
    );
    check(
        "<a:data xmlns:a='urn:b'><b>1</b></a:data>",
        expect![[
            r#"<a:data xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" xmlns:a='urn:b'><b>1</b></a:data>"#
        ]],
    );
    check(
        "<data></data>",
        expect![[
            r#"<data xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" xmlns:a="urn:&quot;a"></data>"#
        ]],
    );
    check(
        "<data/>",
        expect![[
            r#"<data xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" xmlns:a="urn:&quot;a"/>"#
        ]],
    );
    check(
        " <data><b/></data>\n<!-- c -->",
        expect![[r#"
        <data xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" xmlns:a="urn:&quot;a"><b/></data>
        <!-- c -->"#]],
    );
    // What is wrong within the data is left to whoever parses the data.
    check(
        "<data><b></data>",
        expect![[
            r#"<data xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" xmlns:a="urn:&quot;a"><b></data>"#
        ]],
    );
    check(
        "<data><b/></data></rpc-reply><rpc-reply><data></data>",
        expect![[
            r#"<data xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" xmlns:a="urn:&quot;a"><b/></data></rpc-reply><rpc-reply><data></data>"#
        ]],
    );
    check(
        "<datas><b/></datas>",
        expect![[
            r#"<datas xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" xmlns:a="urn:&quot;a"><b/></datas>"#
        ]],
    );
    check("<data><b/></datas>", expect!["no data"]);
    check("<ok/>", expect!["no data"]);
    check("<c:data></c:data>", expect!["no data"]);
    let prefixed = format!(
        "<?xml version=\"1.0\"?><r:rpc-reply xmlns:r=\"{}\" message-id=\"5\">\
         <r:data><b xmlns=\"urn:b\"/></r:data></r:rpc-reply>\n",
        netconf::namespace::BASE
    );
    expect![[
        r#"<r:data xmlns:r="urn:ietf:params:xml:ns:netconf:base:1.0"><b xmlns="urn:b"/></r:data>"#
    ]]
    .assert_eq(data(&prefixed).as_deref().unwrap_or("no data"));
}
