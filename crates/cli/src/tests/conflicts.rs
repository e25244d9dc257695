//! Two sessions that changed the same: the conflicts are told and settled.

use expect_test::expect;

use super::*;

#[test]
fn conflicts_are_told_and_settled_one_by_one() {
    let mut device = Device::new();
    device.play("configure\nlinks-iproute2 link enp0s4 mtu 1500\ncommit\nshow config-running");
    device.play("links-iproute2\nlink enp0s4 mtu 1400 group 7\nlink enp0s5 mtu 1400");
    device.check(
        "show conflicts\nresolve all mine",
        expect![[r#"
            dent-1(config-links-iproute2)# show conflicts
            there are no conflicts
            dent-1(config-links-iproute2)# resolve all mine
            nothing is in conflict at or below /
            dent-1(config-links-iproute2)#
        "#]],
    );
    device.meanwhile(
        "configure\nlinks-iproute2 link enp0s4 mtu 1300 group 8\nno links-iproute2 link enp0s4 mtu\n\
         links-iproute2 link enp0s5 mtu 1300 netns 1\ncommit",
    );
    device.check(
        "commit\ncommit check\nupdate\nshow",
        expect![[r#"
            dent-1(config-links-iproute2)# commit
            others have changed the same nodes as you; nothing is done, and your candidate is unchanged
            path                              was   yours  theirs  by
            links-iproute2 link enp0s4 mtu    1500  1400   -       #2 bob 1970-01-01T00:00:00Z
            links-iproute2 link enp0s4 group  -     7      8       #2 bob 1970-01-01T00:00:00Z
            links-iproute2 link enp0s5 mtu    -     1400   1300    #2 bob 1970-01-01T00:00:00Z
            `resolve PATH mine` or `theirs` resolves one of these, `resolve all mine` or `theirs` all
            dent-1(config-links-iproute2)# commit check
            others have changed the same nodes as you; nothing is done, and your candidate is unchanged
            path                              was   yours  theirs  by
            links-iproute2 link enp0s4 mtu    1500  1400   -       #2 bob 1970-01-01T00:00:00Z
            links-iproute2 link enp0s4 group  -     7      8       #2 bob 1970-01-01T00:00:00Z
            links-iproute2 link enp0s5 mtu    -     1400   1300    #2 bob 1970-01-01T00:00:00Z
            `resolve PATH mine` or `theirs` resolves one of these, `resolve all mine` or `theirs` all
            dent-1(config-links-iproute2)# update
            others have changed the same nodes as you; nothing is done, and your candidate is unchanged
            path                              was   yours  theirs  by
            links-iproute2 link enp0s4 mtu    1500  1400   -       #2 bob 1970-01-01T00:00:00Z
            links-iproute2 link enp0s4 group  -     7      8       #2 bob 1970-01-01T00:00:00Z
            links-iproute2 link enp0s5 mtu    -     1400   1300    #2 bob 1970-01-01T00:00:00Z
            `resolve PATH mine` or `theirs` resolves one of these, `resolve all mine` or `theirs` all
            dent-1(config-links-iproute2)# show
            links-iproute2
             link enp0s4
              mtu 1400
              group 7
             link enp0s5
              mtu 1400
            dent-1(config-links-iproute2)#
        "#]],
    );
    device.help(
        "resolve ",
        expect![[r#"
        all: All conflicts
        links-iproute2
    "#]],
    );
    device.help(
        "resolve links-iproute2 link ",
        expect![[r#"
        enp0s4
        enp0s5
    "#]],
    );
    device.help(
        "resolve links-iproute2 link enp0s4 ",
        expect![[r#"
        mine: Keep your value
        theirs: Keep the running value
        mtu
        group
    "#]],
    );
    device.check(
        "resolve links-iproute2 mtu mine\nresolve links-iproute2 link enp0s4 mtu\n\
         resolve links-iproute2 link enp0s4 mtu mine\nshow conflicts\n\
         resolve li l enp0s4 theirs\nresolve all mine\nshow config-candidate diff\ncommit\nshow",
        expect![[r#"
            dent-1(config-links-iproute2)# resolve links-iproute2 mtu mine
              resolve links-iproute2 mtu mine
                                     ^^^
            "mtu" is unknown here; expected one of mine, theirs, link
            dent-1(config-links-iproute2)# resolve links-iproute2 link enp0s4 mtu
              resolve links-iproute2 link enp0s4 mtu
                                                    ^
            the command is incomplete; expected one of mine, theirs
            dent-1(config-links-iproute2)# resolve links-iproute2 link enp0s4 mtu mine
            2 conflicts are left: `show conflicts`
            dent-1(config-links-iproute2)# show conflicts
            path                              was  yours  theirs  by
            links-iproute2 link enp0s4 group  -    7      8       #2 bob 1970-01-01T00:00:00Z
            links-iproute2 link enp0s5 mtu    -    1400   1300    #2 bob 1970-01-01T00:00:00Z
            dent-1(config-links-iproute2)# resolve li l enp0s4 theirs
            1 conflict is left: `show conflicts`
            dent-1(config-links-iproute2)# resolve all mine
            no conflict is left
            dent-1(config-links-iproute2)# show config-candidate diff
            links-iproute2
             link enp0s4
            +  mtu 1400
             link enp0s5
            -  mtu 1300
            +  mtu 1400
            dent-1(config-links-iproute2)# commit
            commit 3: 2 links changed (… ms)
            dent-1(config-links-iproute2)# show
            links-iproute2
             link enp0s4
              mtu 1400
              group 8
             link enp0s5
              mtu 1400
              netns 1
            dent-1(config-links-iproute2)#
        "#]],
    );
}

#[test]
fn an_update_brings_in_what_others_have_committed() {
    let mut device = Device::new();
    device.play("configure\nnetnses-iproute2 netns vpn10");
    device.meanwhile("configure\nnetnses-iproute2 netns vpn20\ncommit");
    device.check(
        "update\nshow config-candidate",
        expect![[r#"
        dent-1(config)# update
        dent-1(config)# show config-candidate
        netnses-iproute2
         netns vpn10
         netns vpn20
        dent-1(config)#
    "#]],
    );
}

#[test]
fn a_narrow_terminal_shows_a_line_for_each_cell() {
    let mut device = Device::new();
    device.play("configure\nlinks-iproute2 link enp0s4 mtu 1400");
    device.meanwhile("configure\nlinks-iproute2 link enp0s4 mtu 1300\ncommit");
    device.shell = device.shell.with_columns(|| Some(80));
    device.check(
        "show conflicts",
        expect![[r#"
            dent-1(config)# show conflicts
            path                            was  yours  theirs  by
            links-iproute2 link enp0s4 mtu  -    1400   1300    #1 bob 1970-01-01T00:00:00Z
            dent-1(config)#
        "#]],
    );
    device.shell = device.shell.with_columns(|| Some(60));
    device.check(
        "show conflicts\ncommit",
        expect![[r#"
        dent-1(config)# show conflicts
        links-iproute2 link enp0s4 mtu
             was: -
             yours: 1400
             theirs: 1300
             by: #1 bob 1970-01-01T00:00:00Z
        dent-1(config)# commit
        others have changed the same nodes as you; nothing is done, and your candidate is unchanged
        links-iproute2 link enp0s4 mtu
             was: -
             yours: 1400
             theirs: 1300
             by: #1 bob 1970-01-01T00:00:00Z
        `resolve PATH mine` or `theirs` resolves one of these, `resolve all mine` or `theirs` all
        dent-1(config)#
    "#]],
    );
    // A filter works on the lines of the table.
    device.check(
        "show conflicts | match enp0s4",
        expect![[r#"
        dent-1(config)# show conflicts | match enp0s4
        links-iproute2 link enp0s4 mtu  -    1400   1300
          #1 bob 1970-01-01T00:00:00Z
        dent-1(config)#
    "#]],
    );
}

#[test]
fn a_narrow_terminal_shows_authors_above_their_lines() {
    let mut device = Device::new();
    device.play("configure\nlinks-iproute2 link enp0s4 mtu 1400\ncommit");
    device.meanwhile("configure\nlinks-iproute2 link enp0s4 mtu 1300 group 7\ncommit");
    device.shell = device.shell.with_columns(|| Some(62));
    device.check(
        "show config-running | blame",
        expect![[r#"
        dent-1(config)# show config-running | blame
        #1  ann  1970-01-01T00:00:00Z  links-iproute2
        #1  ann  1970-01-01T00:00:00Z   link enp0s4
        #2  bob  1970-01-01T00:00:00Z    mtu 1300
        #2  bob  1970-01-01T00:00:00Z    group 7
        dent-1(config)#
    "#]],
    );
    device.shell = device.shell.with_columns(|| Some(61));
    device.check(
        "show config-running | blame\nshow config-running | blame | match mtu",
        expect![[r#"
            dent-1(config)# show config-running | blame
            ! #1  ann  1970-01-01T00:00:00Z
            links-iproute2
             link enp0s4
            ! #2  bob  1970-01-01T00:00:00Z
              mtu 1300
              group 7
            dent-1(config)# show config-running | blame | match mtu
            #2  bob  1970-01-01T00:00:00Z    mtu 1300
            dent-1(config)#
        "#]],
    );
}
