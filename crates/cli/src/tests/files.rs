//! `load` and `save`: a file in each form is what was saved, and a fault in it changes nothing.

use super::*;
use crate::grammar::pipe::Form;
use crate::load;

#[test]
fn files_in_each_form_are_what_was_saved() {
    let mut device = Device::new();
    device.play(TUTORIAL);
    let folder = tempfile::tempdir().expect("make a folder");
    for name in ["a.conf", "a.json", "a.xml", "a.set"] {
        let file = folder.path().join(name).display().to_string();
        device.play(&format!("save {file}\nno links-iproute2\nload merge {file}"));
        assert_eq!(device.play("show config-candidate diff").lines().count(), 2, "merge {name}");
        device.play(&format!("links-iproute2 link other\nload replace {file}"));
        assert_eq!(device.play("show config-candidate diff").lines().count(), 2, "replace {name}");
    }
    let broken = folder.path().join("broken.json");
    std::fs::write(&broken, "{\"iproute2-ip-netns:netnses\": {\n  \"netns\": [").expect("write");
    let shown = device.play(&format!("load merge {}", broken.display()));
    assert!(shown.contains("line 2 column"), "{shown}");
}

#[test]
fn a_fault_late_in_a_long_file_leaves_the_candidate_as_it_was() {
    let mut device = Device::new();
    let folder = tempfile::tempdir().expect("make a folder");
    let file = folder.path().join("routes.conf");
    let mut content = String::from("links-iproute2\n link eth0\nroutes-iproute2\n");
    for number in 0..6_000 {
        let (high, low) = (number >> 8, number & 255);
        content += &format!(" route 10.{high}.{low}.0/24\n  nexthop eth0 via address 192.0.2.1\n");
    }
    std::fs::write(&file, &content).expect("write");
    std::fs::write(folder.path().join("broken.conf"), content + " route 10.0.0.0/33\n")
        .expect("write");
    let (file, broken) = (file.display(), folder.path().join("broken.conf"));
    let load_broken = format!("load merge {}", broken.display());
    device.play("configure");
    for typed_before in ["", "netnses-iproute2 netns vpn"] {
        device.play(typed_before);
        let before = device.play("show config-candidate diff");
        let shown = device.play(&load_broken);
        assert!(
            shown.contains("line 12004: \n   route 10.0.0.0/33\n         ^^^^^^^^^^^\n"),
            "{shown}"
        );
        assert_eq!(device.play("show config-candidate diff"), before);
    }
    device.play(&format!("discard-changes\nload merge {file}"));
    let shown = device.play("show config-candidate routes-iproute2 | count");
    assert!(shown.contains("12001 lines"), "{shown}");
}

#[test]
fn odd_values_survive_being_typed() {
    let schema = Schema::netloom().expect("the modules compile");
    let json = r#"{"iproute2-ip-link:links": {"link": [
        {"name": "a b", "netloom-link:ifname": "ab", "netloom-link:description": "to \"the\" cellar | or # not"},
        {"name": "!x", "netloom-link:description": "it's"}]}}"#;
    let tree = yang::Tree::from_json(schema, json).expect("it is JSON of the models");
    for form in [Form::Text, Form::Set, Form::Json, Form::Xml] {
        let written = load::write(&tree, form);
        let read = load::read(schema, &written)
            .map(|(tree, _)| tree)
            .unwrap_or_else(|fault| panic!("{fault}\n{written}"));
        assert_eq!(read, tree, "{written}");
        assert_eq!(merged(&written), tree, "{written}");
    }
    let everything = Path::default();
    assert_eq!(crate::grammar::render::diff(&tree, &tree), "");
    assert!(!crate::grammar::render::text(&tree, &everything).is_empty());
}

/// What a file makes of an empty candidate when it is merged.
fn merged(content: &str) -> yang::Tree {
    let schema = Schema::netloom().expect("the modules compile");
    let mut tree = yang::Tree::empty(schema);
    // Parts of a length that every line is longer than.
    let merged = load::read_to_merge(schema, content, 0, |part| {
        let edit = yang::Edit::from_xml(schema, &part, yang::Operation::Merge);
        tree.edit(&edit.expect("it is an edit")).expect("it can be merged");
        Ok(())
    });
    merged.unwrap_or_else(|fault| panic!("{fault:?}\n{content}"));
    tree
}

#[test]
fn lines_lead_anywhere_from_the_mode_that_they_are_in() {
    for content in [
        "links-iproute2\n link a\n  mtu 1500\n  ip 10.0.0.1/8\n link b\n link a\n  mtu 1400\n",
        "links-iproute2\n link a\n  netnses-iproute2 netns vpn\n  mtu 1500\n exit\n link b mtu 70\n",
        "routes-iproute2 route 10.0.0.0/8 netns vpn table 7 nexthop a via address 192.0.2.1\n",
        "routes-iproute2\n\n ! nothing\nlinks-iproute2 link a ip 10.0.0.1/8 ip 10.0.0.2/8 mtu 1500\n",
        "links-iproute2\n",
    ] {
        let schema = Schema::netloom().expect("the modules compile");
        assert_eq!(merged(content), load::read(schema, content).expect(content).0, "{content}");
    }
}

#[test]
fn shown_lines_are_understood_in_the_mode_in_which_they_are_pasted() {
    let mut device = Device::new();
    device.play(
        "configure\nlinks-iproute2 link a bridge-conf link cost 5\nlinks-iproute2 link b mtu 1400",
    );
    device.play("sysctls-netloom netns 1 variable net.ipv4.tcp_sack value \"a b\"");
    let shown = device.play("show");
    let place = "sysctls-netloom netns 1 variable net.ipv4.tcp_sack value";
    let part = device.play(&format!("show config-candidate {place}"));
    expect_test::expect![[r#"
        dent-1(config)# show
        links-iproute2
         link a
          bridge-conf
           link
            cost 5
            exit
           exit
         link b
          mtu 1400
        sysctls-netloom
         netns 1
          variable net.ipv4.tcp_sack value "a b"
        dent-1(config)#
        dent-1(config)# show config-candidate sysctls-netloom netns 1 variable net.ipv4.tcp_sack value
        sysctls-netloom
         netns 1
          variable net.ipv4.tcp_sack value "a b"
        dent-1(config)#
    "#]].assert_eq(&(shown + &part));
}

#[test]
fn a_script_writes_a_document_as_a_terminal_shows_it() {
    let mut device = Device::new();
    device.play("configure\nlinks-iproute2 link enp0s4 description \"\u{e4}\u{9b}31m<&\"\ncommit");
    let whats = ["show config-running", "show rollback 0", "show config-candidate"];
    for what in whats {
        for form in ["json", "xml"] {
            let line = format!("{what} | display {form}");
            let shown = device.shell.run(&line).expect("it can be shown").text;
            assert!(shown.contains("9b31m") || shown.contains("9b;31m"), "{shown}");
            let mut script = connect(&device._runtime, &device.engine, "ann").scripted();
            let done = script.run(&line).expect("it can be shown");
            assert_eq!(done.text, "");
            let mut written = Vec::new();
            let document = done.document.expect("it is written in pieces");
            document.write(&mut written).expect("a vector takes all");
            assert_eq!(String::from_utf8(written).as_deref(), Ok(&*shown));
            let counted = script.run(&format!("{line} | count")).expect("it can be counted");
            assert_eq!(counted.text, format!("{} lines\n", shown.lines().count()));
            assert!(counted.document.is_none());
            script.close();
        }
    }
}
