//! What a user sees of held objects.

use super::*;

/// Two routes over a link that is then shut.
const SHUT: &str = "\
configure
links-iproute2 link enp0s4
admin-status up
ip 10.0.0.1/24
routes-iproute2 route 10.8.0.0/16 nexthop enp0s4
routes-iproute2 route 10.9.0.0/16 metric 5 nexthop enp0s4 via address 10.0.0.2
top
commit
links-iproute2 link enp0s4 admin-status down
top";

#[test]
fn a_commit_tells_what_it_leaves_held() {
    let mut device = Device::new();
    device.play(SHUT);
    device.check(
        "commit check\ncommit\nshow drift\nnetnses-iproute2 netns red\ncommit",
        expect![[r#"
        dent-1(config)# commit check
        set enp0s4 in the host's namespace down
        hold routes-iproute2 route 10.8.0.0/16: enp0s4 is down, as it is configured
        hold routes-iproute2 route 10.9.0.0/16 metric 5: enp0s4 is down, as it is configured
        dent-1(config)# commit
        commit 2: 1 link changed; 2 objects are held (… ms)
        held: routes-iproute2 route 10.8.0.0/16: enp0s4 is down, as it is configured
        held: routes-iproute2 route 10.9.0.0/16 metric 5: enp0s4 is down, as it is configured
        dent-1(config)# show drift
        routes-iproute2 route 10.8.0.0/16
             held since 1970-01-01T00:00:00.000Z: enp0s4 is down, as it is configured
             will be restored with links-iproute2 link enp0s4
        routes-iproute2 route 10.9.0.0/16 metric 5
             held since 1970-01-01T00:00:00.000Z: enp0s4 is down, as it is configured
             will be restored with links-iproute2 link enp0s4
        dent-1(config)# netnses-iproute2 netns red
        dent-1(config)# commit
        commit 3: 1 netns added; 2 objects are held (… ms)
        dent-1(config)#
    "#]],
    );
    device.check(
        "top\nlinks-iproute2 link enp0s4 admin-status up\ncommit check\ncommit\nshow drift\nshow history",
        expect![[r#"
            dent-1(config)# top
            dent-1(config)# links-iproute2 link enp0s4 admin-status up
            dent-1(config)# commit check
            set enp0s4 in the host's namespace up
            add route 10.8.0.0/16 dev enp0s4 in the host's namespace
            add route 10.9.0.0/16 via 10.0.0.2 dev enp0s4 metric 5 in the host's namespace
            dent-1(config)# commit
            commit 4: 1 link changed (… ms)
            dent-1(config)# show drift
            nothing differs from running
            dent-1(config)# show history
              0  #4  1970-01-01T00:00:00Z  ann (test)
                 1 link changed
              1  #3  1970-01-01T00:00:00Z  ann (test)
                 1 netns added; 2 objects were held
              2  #2  1970-01-01T00:00:00Z  ann (test)
                 1 link changed; 2 objects were held
              3  #1  1970-01-01T00:00:00Z  ann (test)
                 1 link, 2 routes added
            dent-1(config)#
        "#]],
    );
}

#[test]
fn a_held_object_has_a_mark_that_is_no_configuration() {
    let mut device = Device::new();
    device.play(SHUT);
    device.play("commit");
    device.check(
        "show config-running\nshow config-running routes-iproute2 route 10.8.0.0/16\n\
         show config-running routes-iproute2 | display set",
        expect![[r#"
            dent-1(config)# show config-running
            links-iproute2
             link enp0s4
              admin-status down
              ip 10.0.0.1/24
            routes-iproute2
             ! held: enp0s4 is down, as it is configured
             route 10.8.0.0/16
              nexthop enp0s4
             ! held: enp0s4 is down, as it is configured
             route 10.9.0.0/16 metric 5
              nexthop enp0s4 via address 10.0.0.2
            dent-1(config)# show config-running routes-iproute2 route 10.8.0.0/16
            routes-iproute2
             ! held: enp0s4 is down, as it is configured
             route 10.8.0.0/16
              nexthop enp0s4
            dent-1(config)# show config-running routes-iproute2 | display set
            ! held: enp0s4 is down, as it is configured
            routes-iproute2 route 10.8.0.0/16 nexthop enp0s4
            ! held: enp0s4 is down, as it is configured
            routes-iproute2 route 10.9.0.0/16 metric 5 nexthop enp0s4 via address 10.0.0.2
            dent-1(config)#
        "#]],
    );
    let json = device.play("show config-running | display json");
    assert!(!json.contains("held"), "{json}");
    // What is shown can be loaded, and whole lines can be pasted.
    for form in ["text", "set"] {
        let running = device.shell.run(&format!("show config-running | display {form}"));
        let running = running.expect("running can be shown").text;
        assert!(running.contains("! held: "), "{running}");
        let file = device.state.path().join("running.conf");
        std::fs::write(&file, &running).expect("write");
        device
            .play(&format!("no links-iproute2\nno routes-iproute2\nload merge {}", file.display()));
        assert_eq!(device.play("show config-candidate diff").lines().count(), 2, "{running}");
    }
    let lines =
        device.shell.run("show config-running | display set").expect("it can be shown").text;
    device.play("no links-iproute2\nno routes-iproute2");
    device.play(&lines);
    assert_eq!(device.play("top\nshow config-candidate diff").lines().count(), 3, "{lines}");
}

#[test]
fn one_line_has_one_mark_for_one_reason() {
    let mut device = Device::new();
    device.play("configure\nlinks-iproute2 link eth99 ip 10.0.0.1/24\ntop\ncommit");
    device.check(
        "show config-running | display set",
        expect![[r#"
        dent-1(config)# show config-running | display set
        ! held: there is no link eth99 in the host's namespace, and no type to make it by
        links-iproute2 link eth99 ip 10.0.0.1/24
        dent-1(config)#
    "#]],
    );
}

#[test]
fn a_long_list_of_held_objects_is_cut() {
    let mut device = Device::new();
    device.play("configure\nlinks-iproute2 link enp0s4 ip 10.0.0.1/24\ntop");
    let routes: String = (0..20)
        .map(|number| format!("routes-iproute2 route 10.{number}.0.0/16 nexthop enp0s4\ntop\n"))
        .collect();
    device.play(&routes);
    let shown = device.play("commit");
    assert_eq!(shown.matches("\nheld: routes-iproute2 route 10.").count(), 16, "{shown}");
    assert!(shown.contains("; 20 objects are held ("), "{shown}");
    assert!(shown.contains("\nheld: 4 more: `show drift`\n"), "{shown}");
}

#[test]
fn the_prompt_tells_that_objects_are_held() {
    let mut device = Device::new();
    device.play(SHUT);
    device.play("commit");
    assert_eq!(device.shell.prompt(), "dent-1(config)#");
    device.shell.learn_standing();
    assert_eq!(device.shell.prompt(), "dent-1[held 2](config)#");
}
