//! What has been: commits that wait, who changed what, and the configurations of the past.

use expect_test::expect;

use super::*;

#[test]
fn a_commit_to_be_confirmed() {
    let mut device = Device::new();
    device.check(
        "configure\nnetnses-iproute2 netns red\ncommit confirmed 5 comment try it\ncommit\ncommit cancel\n\
         netnses-iproute2 netns blue\ncommit confirmed\ncommit cancel\nshow config-running\n\
         commit confirmed 0\ncommit confirmed",
        expect![[r#"
            dent-1> configure
            dent-1(config)# netnses-iproute2 netns red
            dent-1(config)# commit confirmed 5 comment try it
            commit 1: 1 netns added (… ms)
            it is undone in 5 minutes unless `commit` confirms it
            dent-1(config)# commit
            commit 1 is confirmed
            dent-1(config)# commit cancel
            no commit waits for its confirmation
            dent-1(config)# netnses-iproute2 netns blue
            dent-1(config)# commit confirmed
            commit 2: 1 netns added (… ms)
            it is undone in 10 minutes unless `commit` confirms it
            dent-1(config)# commit cancel
            the commit that waited for confirmation is undone
            dent-1(config)# show config-running
            netnses-iproute2
             netns red
            dent-1(config)# commit confirmed 0
              commit confirmed 0
                               ^
            "0" is not a number of minutes from 1 to 10080
            dent-1(config)# commit confirmed
            nothing to commit
            dent-1(config)#
        "#]],
    );
    device.help(
        "commit confirmed ",
        expect![[r#"
            check: A check that also confirms the commit
            comment: Add a comment for the history
            <minutes> (told): How long to wait for the confirmation, 10 by default
            <cr> (told)
        "#]],
    );
}

#[test]
fn who_last_changed_what() {
    let mut device = Device::new();
    device.play(TUTORIAL);
    device.play(
        "top\nlinks-iproute2 link enp0s4 mtu 1400\ncommit\n\
         routes-iproute2 route 10.0.0.0/8 netns vpn10 nexthop enp0s4\n\
         routes-iproute2 route 11.0.0.0/8 netns vpn10 nexthop enp0s4\ncommit\n\
         routes-iproute2 route 10.0.0.0/8 netns vpn10 nexthop enp0s4 weight 2\ncommit\nend",
    );
    device.check(
        "show config-running | blame\nshow config-running links-iproute2 link enp0s4 | blame\n\
         show config-running | display set | blame | match 4\nshow config-running | blame | display json\n\
         show config-candidate | blame\nshow history | blame",
        expect![[r#"
            dent-1# show config-running | blame
            #1  ann  1970-01-01T00:00:00Z  netnses-iproute2
            #1  ann  1970-01-01T00:00:00Z   netns vpn10
            #1  ann  1970-01-01T00:00:00Z   netns vpn20
            #1  ann  1970-01-01T00:00:00Z  links-iproute2
            #1  ann  1970-01-01T00:00:00Z   link enp0s4
            #2  ann  1970-01-01T00:00:00Z    mtu 1400
            #1  ann  1970-01-01T00:00:00Z    admin-status up
            #1  ann  1970-01-01T00:00:00Z    netns vpn10
            #1  ann  1970-01-01T00:00:00Z    ip 192.168.10.10/24
            #1  ann  1970-01-01T00:00:00Z   link enp0s5
            #1  ann  1970-01-01T00:00:00Z    admin-status up
            #1  ann  1970-01-01T00:00:00Z    netns vpn20
            #1  ann  1970-01-01T00:00:00Z    ip 192.168.20.20/24
            #3  ann  1970-01-01T00:00:00Z  routes-iproute2
            #3  ann  1970-01-01T00:00:00Z   route 10.0.0.0/8 netns vpn10
            #4  ann  1970-01-01T00:00:00Z    nexthop enp0s4 weight 2
            #3  ann  1970-01-01T00:00:00Z   route 11.0.0.0/8 netns vpn10
            #3  ann  1970-01-01T00:00:00Z    nexthop enp0s4
            dent-1# show config-running links-iproute2 link enp0s4 | blame
            older                             links-iproute2
            #1     ann  1970-01-01T00:00:00Z   link enp0s4
            #2     ann  1970-01-01T00:00:00Z    mtu 1400
            #1     ann  1970-01-01T00:00:00Z    admin-status up
            #1     ann  1970-01-01T00:00:00Z    netns vpn10
            #1     ann  1970-01-01T00:00:00Z    ip 192.168.10.10/24
            dent-1# show config-running | display set | blame | match 4
            #2  ann  1970-01-01T00:00:00Z  links-iproute2 link enp0s4 mtu 1400
            #1  ann  1970-01-01T00:00:00Z  links-iproute2 link enp0s4 admin-status up
            #1  ann  1970-01-01T00:00:00Z  links-iproute2 link enp0s4 netns vpn10
            #1  ann  1970-01-01T00:00:00Z  links-iproute2 link enp0s4 ip 192.168.10.10/24
            #1  ann  1970-01-01T00:00:00Z  links-iproute2 link enp0s5 ip 192.168.20.20/24
            #4  ann  1970-01-01T00:00:00Z  routes-iproute2 route 10.0.0.0/8 netns vpn10 nexthop enp0s4 weight 2
            #3  ann  1970-01-01T00:00:00Z  routes-iproute2 route 11.0.0.0/8 netns vpn10 nexthop enp0s4
            dent-1# show config-running | blame | display json
            `blame` works only for config-running, as text or with `display set`
            dent-1# show config-candidate | blame
            `blame` works only for config-running, as text or with `display set`
            dent-1# show history | blame
            `blame` works only for config-running, as text or with `display set`
            dent-1#
        "#]],
    );
    // Where the history does not reach, nobody is named.
    let first = device.state.path().join("history/000000000001.json");
    std::fs::remove_file(first).expect("remove the first commit");
    device.check(
        "show config-running links-iproute2 link enp0s4 | blame",
        expect![[r#"
            dent-1# show config-running links-iproute2 link enp0s4 | blame
            older                             links-iproute2
            older                              link enp0s4
            #2     ann  1970-01-01T00:00:00Z    mtu 1400
            older                               admin-status up
            older                               netns vpn10
            older                               ip 192.168.10.10/24
            dent-1#
        "#]],
    );
}

#[test]
fn the_past() {
    let mut device = Device::new();
    device.check(
        "configure\nnetnses-iproute2 netns red\ncommit\nsave rescue\nnetnses-iproute2 netns blue\ncommit\n\
         show history 0 diff\nshow config-running | compare rollback 2\n\
         show config-running netnses-iproute2 | compare rollback id 1\nrollback rescue\nshow config-candidate diff\n\
         rollback id 2\nshow config-candidate diff\nrollback id 7\nshow history 9 diff\nrollback",
        expect![[r#"
            dent-1> configure
            dent-1(config)# netnses-iproute2 netns red
            dent-1(config)# commit
            commit 1: 1 netns added (… ms)
            dent-1(config)# save rescue
            running is saved as the rescue configuration
            dent-1(config)# netnses-iproute2 netns blue
            dent-1(config)# commit
            commit 2: 1 netns added (… ms)
            dent-1(config)# show history 0 diff
            netnses-iproute2
            + netns blue
            dent-1(config)# show config-running | compare rollback 2
            +netnses-iproute2
            + netns blue
            + netns red
            dent-1(config)# show config-running netnses-iproute2 | compare rollback id 1
            netnses-iproute2
            + netns blue
            dent-1(config)# rollback rescue
            dent-1(config)# show config-candidate diff
            netnses-iproute2
            - netns blue
            dent-1(config)# rollback id 2
            dent-1(config)# show config-candidate diff
            dent-1(config)# rollback id 7
            there is no commit 7 in the history
            dent-1(config)# show history 9 diff
            there is no rollback 9: 0 to 2 can be had
            dent-1(config)# rollback
              rollback
                      ^
            how many commits to go back is missing
            dent-1(config)#
        "#]],
    );
    device.help(
        "rollback ",
        expect![[r#"
        id: The configuration after the commit with this number
        rescue: The rescue configuration
        <number> (told): How many commits ago; 0 is running
    "#]],
    );
    device.help(
        "show history ",
        expect![[r#"
        <number> (told): How many commits ago; 0 is the latest
        <cr> (told)
    "#]],
    );
    device.help(
        "show config-running | compare rollback ",
        expect![[r#"
        id: The configuration after the commit with this number
        rescue: The rescue configuration
        <number> (told): How many commits ago; 0 is running
    "#]],
    );
    device.help(
        "save ",
        expect![[r#"
        rescue: Running, as the rescue configuration
        <file> (told): A file's path
    "#]],
    );
}

#[test]
fn any_two_of_the_past() {
    let mut device = Device::new();
    device.play(
        "configure\nnetnses-iproute2 netns red\ncommit\nnetnses-iproute2 netns blue\ncommit\nend",
    );
    device.check(
        "show rollback 0 | compare rollback 2\nshow rollback id 1 netnses-iproute2 | display set\n\
         show rollback 2 | compare rollback 1 | display xml\nshow history 0 diff | display json\n\
         show rollback 1 | compare rollback 0 | display set\nshow rollback 7\nshow rollback",
        expect![[r#"
            dent-1# show rollback 0 | compare rollback 2
            +netnses-iproute2
            + netns blue
            + netns red
            dent-1# show rollback id 1 netnses-iproute2 | display set
            netnses-iproute2 netns red
            dent-1# show rollback 2 | compare rollback 1 | display xml
            <netnses xmlns="urn:okda:iproute2:ip:netns" xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="remove"/>
            dent-1# show history 0 diff | display json
            {
              "ietf-yang-patch:yang-patch": {
                "edit": [
                  {
                    "edit-id": "1",
                    "operation": "create",
                    "target": "/iproute2-ip-netns:netnses/netns=blue",
                    "value": {
                      "iproute2-ip-netns:netns": [
                        {
                          "name": "blue"
                        }
                      ]
                    }
                  }
                ],
                "patch-id": "difference"
              }
            }
            dent-1# show rollback 1 | compare rollback 0 | display set
            a difference is shown as text, json or xml
            dent-1# show rollback 7
            there is no rollback 7: 0 to 2 can be had
            dent-1# show rollback
              show rollback
                           ^
            how many commits to go back is missing
            dent-1#
        "#]],
    );
}

#[test]
fn outputs_of_operations_are_data() {
    let mut device = Device::new();
    device.play("configure\nlinks-iproute2 link enp0s4 mtu 1400\ncommit comment \"a < b\"");
    device.play("links-iproute2 link enp0s4 mtu 1300");
    device.meanwhile("configure\nlinks-iproute2 link enp0s4 mtu 1200\ncommit");
    let mut shown = device.play("show conflicts | display json\nshow history | display xml");
    device.play(
        "discard-changes\nlinks-iproute2 link enp0s4 mtu 1500\nlinks-iproute2 link far0 mtu 1500",
    );
    shown += &device.play(
        "commit check | display json\nshow schedule | display xml\nshow schedule | display json\n\
         show history | display set",
    );
    // The digests of the records depend on the version.
    let digests = regex::Regex::new("[0-9a-f]{64}").expect("a regular expression");
    expect![[r#"
        dent-1(config)# show conflicts | display json
        {
          "netloom-rpc:output": {
            "conflict": [
              {
                "path": "/iproute2-ip-link:links/link[name='enp0s4']/mtu",
                "base": "1400",
                "mine": "1300",
                "theirs": "1200",
                "id": "2",
                "user": "bob",
                "from": "test",
                "time": "1970-01-01T00:00:00Z"
              }
            ]
          }
        }
        dent-1(config)# show history | display xml
        <output xmlns="urn:netloom:rpc">
          <commit>
            <position>0</position>
            <id>2</id>
            <user>bob</user>
            <from>test</from>
            <time>1970-01-01T00:00:00Z</time>
            <summary>1 link changed</summary>
            <digest>…</digest>
          </commit>
          <commit>
            <position>1</position>
            <id>1</id>
            <user>ann</user>
            <from>test</from>
            <time>1970-01-01T00:00:00Z</time>
            <comment>a &lt; b</comment>
            <summary>1 link added</summary>
            <digest>…</digest>
          </commit>
        </output>
        dent-1(config)#
        dent-1(config)# commit check | display json
        {
          "netloom-rpc:output": {
            "operation": [
              "set enp0s4 in the host's namespace mtu 1500"
            ],
            "held": [
              {
                "path": "/iproute2-ip-link:links/link[name='far0']",
                "reason": "there is no link far0 in the host's namespace, and no type to make it by"
              }
            ]
          }
        }
        dent-1(config)# show schedule | display xml
        <output xmlns="urn:netloom:rpc"/>
        dent-1(config)# show schedule | display json
        {
          "netloom-rpc:output": {
            "commit": []
          }
        }
        dent-1(config)# show history | display set
        this is shown as text, json or xml, and not with `display set`
        dent-1(config)#
    "#]]
    .assert_eq(&digests.replace_all(&shown, "…"));
}
