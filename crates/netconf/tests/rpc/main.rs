//! `<rpc>` as clients write it: the parsed operation, or the error reply.

mod message;

use expect_test::{Expect, expect};
use netconf::namespace::BASE;
use netconf::{
    Check, Configuration, Confirmed, Datastore, DefaultOperation, Envelope, ErrorOption, Question,
    Revision, Rpc, RpcError, Source, TestOption, Xml,
};

/// Reads `operation` within an `<rpc>` and shows it, or the error that refuses it.
fn check(operation: &str, expect: Expect) {
    let text = format!("<rpc message-id=\"7\" xmlns=\"{BASE}\">{operation}</rpc>");
    expect.assert_eq(&match Rpc::from_xml(&text) {
        Ok((_, rpc)) => format!("{rpc:?}"),
        Err(error) => shown(&error.error),
    });
}

fn shown(error: &RpcError) -> String {
    let message = error.message.as_deref().unwrap_or_default();
    let info = error.info.clone().unwrap_or_default().0.replace(&format!(" xmlns=\"{BASE}\""), "");
    format!("{:?} {}: {message} {info}", error.error_type, error.tag).trim_end().to_string()
}

#[test]
fn operations_on_conflicts() {
    const UPDATE: &str =
        "<update xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-private-candidate\">";
    let update = |content: &str| format!("{UPDATE}{content}</update>");
    check(&update(""), expect!["Update(RevertOnConflict)"]);
    check(
        &update("<resolution-mode> prefer-candidate </resolution-mode>"),
        expect!["Update(PreferCandidate)"],
    );
    check(
        &update("<resolution-mode>both</resolution-mode>"),
        expect![[
            r#"Protocol invalid-value: <resolution-mode>: "both" is not a value of it <bad-element>resolution-mode</bad-element>"#
        ]],
    );
    check(
        "<update/>",
        expect![[
            r#"Protocol operation-not-supported: there is no operation <update> in namespace "urn:ietf:params:xml:ns:netconf:base:1.0" <bad-element>update</bad-element>"#
        ]],
    );
    check("<get-conflicts xmlns=\"urn:netloom:rpc\"/>", expect!["GetConflicts"]);
    let resolve = |content: &str| {
        format!("<resolve-conflicts xmlns=\"urn:netloom:rpc\">{content}</resolve-conflicts>")
    };
    check(
        &resolve("<keep>theirs</keep>"),
        expect!["ResolveConflicts { path: None, keep: Theirs }"],
    );
    check(
        &resolve("<path>/a:b</path><keep>mine</keep>"),
        expect![[r#"ResolveConflicts { path: Some("/a:b"), keep: Mine }"#]],
    );
    check(
        &resolve("<path>/a:b</path>"),
        expect!["Protocol missing-element: <keep> is missing <bad-element>keep</bad-element>"],
    );
}

#[test]
fn operations() {
    check("<get/>", expect!["Get { filter: None }"]);
    check("<get><filter/></get>", expect![[r#"Get { filter: Some(Xml("")) }"#]]);
    check(
        "<get><filter type=\"subtree\"><a xmlns=\"urn:a\"><b/></a></filter></get>",
        expect![[r#"Get { filter: Some(Xml("<a xmlns=\"urn:a\"><b/></a>")) }"#]],
    );
    check(
        "<get-config><source><running/></source></get-config>",
        expect!["GetConfig { source: Running, filter: None }"],
    );
    check(
        "<edit-config><target><candidate/></target><config><a xmlns=\"urn:a\"/></config></edit-config>",
        expect![[
            r#"EditConfig { target: Candidate, default_operation: Merge, test_option: None, error_option: StopOnError, config: Xml("<a xmlns=\"urn:a\"/>") }"#
        ]],
    );
    check(
        "<edit-config>
           <target> <candidate></candidate> </target>
           <default-operation>none</default-operation>
           <test-option>test-only</test-option>
           <error-option>rollback-on-error</error-option>
           <config/>
         </edit-config>",
        expect![[
            r#"EditConfig { target: Candidate, default_operation: None, test_option: Some(TestOnly), error_option: RollbackOnError, config: Xml("") }"#
        ]],
    );
    check(
        "<copy-config><target><startup/></target><source><running/></source></copy-config>",
        expect!["CopyConfig { target: Startup, source: Datastore(Running) }"],
    );
    check(
        "<copy-config><target><candidate/></target><source><config><a xmlns=\"urn:a\"/></config></source></copy-config>",
        expect![[
            r#"CopyConfig { target: Candidate, source: Config(Xml("<a xmlns=\"urn:a\"/>")) }"#
        ]],
    );
    check(
        "<delete-config><target><startup/></target></delete-config>",
        expect!["DeleteConfig { target: Startup }"],
    );
    check("<lock><target><running/></target></lock>", expect!["Lock(Running)"]);
    check("<unlock><target><running/></target></unlock>", expect!["Unlock(Running)"]);
    check(
        "<validate><source><candidate/></source></validate>",
        expect!["Validate(Datastore(Candidate))"],
    );
    check(
        "<validate><source><config/></source></validate>",
        expect![[r#"Validate(Config(Xml("")))"#]],
    );
    check("<commit/>", expect!["Commit { confirmed: None, persist_id: None }"]);
    check(
        "<commit><confirmed/></commit>",
        expect![
            "Commit { confirmed: Some(Confirmed { timeout: 600, persist: None }), persist_id: None }"
        ],
    );
    check(
        "<commit><confirmed/><confirm-timeout>60</confirm-timeout><persist>x</persist><persist-id>y</persist-id></commit>",
        expect![[
            r#"Commit { confirmed: Some(Confirmed { timeout: 60, persist: Some("x") }), persist_id: Some("y") }"#
        ]],
    );
    check(
        "<commit><persist>x</persist></commit>",
        expect![
            "Protocol missing-element: <confirmed> is missing <bad-element>confirmed</bad-element>"
        ],
    );
    check(
        "<commit><confirmed/><confirm-timeout>0</confirm-timeout></commit>",
        expect![[
            r#"Protocol invalid-value: <confirm-timeout>: "0" is not a value of it <bad-element>confirm-timeout</bad-element>"#
        ]],
    );
    check("<cancel-commit/>", expect!["CancelCommit { persist_id: None }"]);
    check(
        "<cancel-commit><persist-id>x</persist-id></cancel-commit>",
        expect![[r#"CancelCommit { persist_id: Some("x") }"#]],
    );
    check(
        "<commit xmlns=\"urn:netloom:rpc\"><confirm-timeout>60</confirm-timeout></commit>",
        expect!["CommitWithComment { comment: None, confirm_timeout: Some(60), checks: [] }"],
    );
    check("<discard-changes></discard-changes>", expect!["DiscardChanges"]);
    check("<close-session/>", expect!["CloseSession"]);
    check("<kill-session><session-id>4</session-id></kill-session>", expect!["KillSession(4)"]);
    check(
        "<get-schema xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring\" xmlns:m=\"urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring\">
           <identifier>a</identifier><version/><format>m:yang</format></get-schema>",
        expect![[r#"GetSchema { identifier: "a", version: Some(""), format: Some("yang") }"#]],
    );
    check(
        "<get-data xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-nmda\">
           <datastore xmlns:d=\"urn:ietf:params:xml:ns:yang:ietf-datastores\">d:operational</datastore>
           <subtree-filter><a xmlns=\"urn:a\"/></subtree-filter><config-filter>true</config-filter></get-data>",
        expect![[r#"GetData { datastore: Operational, filter: Some(Xml("<a xmlns=\"urn:a\"/>")), config_filter: Some(true) }"#]],
    );
    check(
        "<commit xmlns=\"urn:netloom:rpc\"/>",
        expect!["CommitWithComment { comment: None, confirm_timeout: None, checks: [] }"],
    );
    check(
        "<commit xmlns=\"urn:netloom:rpc\"><comment>a &lt; b &#x21;<![CDATA[ & c]]></comment></commit>",
        expect![[
            r#"CommitWithComment { comment: Some("a < b ! & c"), confirm_timeout: None, checks: [] }"#
        ]],
    );
    check("<check-commit xmlns=\"urn:netloom:rpc\"/>", expect!["CheckCommit"]);
    check(
        "<rollback xmlns=\"urn:netloom:rpc\"><position>2</position></rollback>",
        expect!["Rollback(Position(2))"],
    );
    check("<get-history xmlns=\"urn:netloom:rpc\"/>", expect!["GetHistory"]);
    check("<get-schedule xmlns=\"urn:netloom:rpc\"/>", expect!["GetSchedule"]);
    check(
        "<schedule-commit xmlns=\"urn:netloom:rpc\"/>",
        expect!["Protocol missing-element: <time> is missing <bad-element>time</bad-element>"],
    );
    check(
        "<schedule-commit xmlns=\"urn:netloom:rpc\"><time>soon</time><comment/></schedule-commit>",
        expect![[
            r#"Protocol invalid-value: <comment>: "" is not a value of it <bad-element>comment</bad-element>"#
        ]],
    );
    check(
        "<get-blame xmlns=\"urn:netloom:rpc\"><path>/m:a[k='1']</path></get-blame>",
        expect![[r#"GetBlame { path: Some("/m:a[k='1']") }"#]],
    );
}

#[test]
fn refused_operations() {
    check(
        "",
        expect![
            "Rpc malformed-message: the message does not parse: byte 74: <rpc> holds no operation"
        ],
    );
    check(
        "<frobnicate/>",
        expect![[
            r#"Protocol operation-not-supported: there is no operation <frobnicate> in namespace "urn:ietf:params:xml:ns:netconf:base:1.0" <bad-element>frobnicate</bad-element>"#
        ]],
    );
    check(
        "<get xmlns=\"urn:other\"/>",
        expect![[
            r#"Protocol operation-not-supported: there is no operation <get> in namespace "urn:other" <bad-element>get</bad-element>"#
        ]],
    );
    check(
        "<get/><get/>",
        expect![
            "Protocol bad-element: <rpc> holds a second operation, <get> <bad-element>get</bad-element>"
        ],
    );
    check(
        "<get-config/>",
        expect!["Protocol missing-element: <source> is missing <bad-element>source</bad-element>"],
    );
    check(
        "<get-config><source/></get-config>",
        expect![
            "Protocol missing-element: <get-config>: a datastore is due, such as <candidate/> <bad-element>candidate</bad-element>"
        ],
    );
    check(
        "<get-config><source><operational/></source></get-config>",
        expect![
            "Protocol unknown-element: <operational> has no place here <bad-element>operational</bad-element>"
        ],
    );
    check(
        "<get-config><source><running/><startup/></source></get-config>",
        expect![
            "Protocol bad-element: <startup>: there is <running> already <bad-element>startup</bad-element>"
        ],
    );
    check(
        "<get-config><source><config/></source></get-config>",
        expect![
            "Protocol bad-element: <config> cannot stand here: name a datastore <bad-element>config</bad-element>"
        ],
    );
    check(
        "<get-config><source><url>file:///x</url></source></get-config>",
        expect!["Protocol unknown-element: <url> has no place here <bad-element>url</bad-element>"],
    );
    check(
        "<get-config><source><running>x<y/></running></source></get-config>",
        expect![
            "Rpc malformed-message: the message does not parse: byte 102: <y> where text is due"
        ],
    );
    check(
        "<get><filter type=\"xpath\" select=\"/\"/></get>",
        expect![[
            r#"Protocol bad-attribute: filters of type "xpath" are not supported <bad-attribute>type</bad-attribute><bad-element>filter</bad-element>"#
        ]],
    );
    check(
        "<get><filter/><filter/></get>",
        expect!["Protocol bad-element: <filter> stands twice <bad-element>filter</bad-element>"],
    );
    check(
        "<get><x:filter xmlns:x=\"urn:x\"/></get>",
        expect![[
            r#"Protocol unknown-namespace: <filter> is in the namespace "urn:x" <bad-element>filter</bad-element><bad-namespace>urn:x</bad-namespace>"#
        ]],
    );
    check(
        "<get>text</get>",
        expect![
            "Rpc malformed-message: the message does not parse: byte 77: text where an element is due"
        ],
    );
    check(
        "<edit-config><target><candidate/></target></edit-config>",
        expect!["Protocol missing-element: <config> is missing <bad-element>config</bad-element>"],
    );
    check(
        "<edit-config><target><candidate/></target><default-operation>delete</default-operation><config/></edit-config>",
        expect![[
            r#"Protocol invalid-value: <default-operation>: "delete" is not a value of it <bad-element>default-operation</bad-element>"#
        ]],
    );
    check(
        "<kill-session><session-id>-4</session-id></kill-session>",
        expect![[
            r#"Protocol invalid-value: <session-id>: "-4" is not a value of it <bad-element>session-id</bad-element>"#
        ]],
    );
    check(
        "<commit><confirm/></commit>",
        expect![
            "Protocol unknown-element: <confirm> has no place here <bad-element>confirm</bad-element>"
        ],
    );
    check(
        "<commit xmlns=\"urn:netloom:rpc\"><comment/></commit>",
        expect![[
            r#"Protocol invalid-value: <comment>: "" is not a value of it <bad-element>comment</bad-element>"#
        ]],
    );
    check(
        "<rollback xmlns=\"urn:netloom:rpc\"/>",
        expect![
            "Protocol missing-element: <position> is missing <bad-element>position</bad-element>"
        ],
    );
    check(
        "<get-data xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-nmda\"><datastore>operational</datastore></get-data>",
        expect![[
            r#"Protocol invalid-value: <datastore>: "operational" is not a value of it <bad-element>datastore</bad-element>"#
        ]],
    );
    check(
        "<get-data xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-nmda\"><max-depth>3</max-depth></get-data>",
        expect![
            "Protocol operation-not-supported: <max-depth> is not supported <bad-element>max-depth</bad-element>"
        ],
    );
}

#[test]
fn what_is_written_is_read() {
    let xml = || Xml("<a xmlns=\"urn:a\"><b>1 &lt; 2</b></a>".into());
    let text = |text: &str| Some(text.to_string());
    let rpcs = [
        Rpc::GetConfig { source: Datastore::Startup, filter: Some(xml()) },
        Rpc::Get { filter: None },
        Rpc::GetData {
            datastore: Datastore::Operational,
            filter: Some(xml()),
            config_filter: Some(false),
        },
        Rpc::EditConfig {
            target: Datastore::Candidate,
            default_operation: DefaultOperation::Replace,
            test_option: Some(TestOption::Set),
            error_option: ErrorOption::RollbackOnError,
            config: xml(),
        },
        Rpc::EditConfig {
            target: Datastore::Running,
            default_operation: DefaultOperation::Merge,
            test_option: None,
            error_option: ErrorOption::ContinueOnError,
            config: Xml::default(),
        },
        Rpc::CopyConfig {
            target: Datastore::Startup,
            source: Source::Datastore(Datastore::Running),
        },
        Rpc::CopyConfig { target: Datastore::Candidate, source: Source::Config(xml()) },
        Rpc::DeleteConfig { target: Datastore::Startup },
        Rpc::Lock(Datastore::Running),
        Rpc::Unlock(Datastore::Candidate),
        Rpc::Validate(Source::Datastore(Datastore::Candidate)),
        Rpc::Commit { confirmed: None, persist_id: None },
        Rpc::Commit {
            confirmed: Some(Confirmed { timeout: 60, persist: text("a < b") }),
            persist_id: text("b"),
        },
        Rpc::CancelCommit { persist_id: None },
        Rpc::Rollback(Revision::Id(7)),
        Rpc::GetRevision(Revision::Rescue),
        Rpc::GetDifference {
            from: Configuration::Revision(Revision::Position(3)),
            to: Configuration::Datastore(Datastore::Candidate),
        },
        Rpc::GetDifference {
            from: Configuration::Datastore(Datastore::Running),
            to: Configuration::Revision(Revision::Rescue),
        },
        Rpc::Repair,
        Rpc::SaveRescue,
        Rpc::DeleteRescue,
        Rpc::CancelCommit { persist_id: text("b") },
        Rpc::DiscardChanges,
        Rpc::CloseSession,
        Rpc::CreateSubscription { stream: None, filter: None },
        Rpc::CreateSubscription { stream: text("NETCONF"), filter: Some(xml()) },
        Rpc::KillSession(3),
        Rpc::GetSchema { identifier: "a".into(), version: text("1"), format: text("yang") },
        Rpc::CommitWithComment {
            comment: text("<why> & \"what\""),
            confirm_timeout: Some(60),
            checks: vec![
                Check {
                    question: Question::Ping("2001:db8::1".parse().unwrap()),
                    netns: text("vpn10"),
                },
                Check { question: Question::Tcp("10.0.0.1".parse().unwrap(), 179), netns: None },
            ],
        },
        Rpc::CommitWithComment { comment: None, confirm_timeout: None, checks: vec![] },
        Rpc::CheckCommit,
        Rpc::Rollback(Revision::Position(0)),
        Rpc::GetHistory,
        Rpc::ScheduleCommit {
            time: "2026-12-01T22:30:00Z".into(),
            comment: Some("<night>".into()),
        },
        Rpc::ScheduleCommit { time: "2026-12-01T22:30:00Z".into(), comment: None },
        Rpc::CancelScheduledCommit(7),
        Rpc::GetSchedule,
        Rpc::GetBlame { path: None },
        Rpc::Import { netns: Vec::new(), routing_daemons: false },
        Rpc::Import { netns: vec!["1".into(), "red".into()], routing_daemons: true },
        Rpc::GetBlame { path: Some("/m:a[k='<1>']".into()) },
    ];
    for rpc in rpcs {
        let (envelope, read) = Rpc::from_xml(&rpc.to_xml("\"<1>\"")).unwrap();
        assert_eq!(envelope, Envelope::new("\"<1>\""));
        assert_eq!(read, rpc);
    }
}
