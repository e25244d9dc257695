//! Namespaces are created and removed in the way of ip-netns(8).

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::UnixListener;
use std::sync::Arc;

use netstate::plan::{plan, target, wanted};
use netstate::{Action, Key, Object, Op, Plan, Scope, Southbound, State, Watched};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::mount::MountFlags;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use testkit::netns::{has_link_kind, ip, ip_json, isolated};

use crate::{Host, is_up, link, netns, state, sysctl, veth};

fn names(host: &mut Host) -> Vec<String> {
    let everything = Scope::Everything { known: Default::default() };
    let state = host.kernel.observe(&everything).expect("observe");
    let name = |key: &Key| match key {
        Key::Netns(name) => Some(name.to_string()),
        _ => None,
    };
    state.objects.keys().filter_map(name).collect()
}

#[test]
fn ours_are_found_by_ip_and_isolate() {
    isolated(|| {
        let mut host = Host::open();
        host.converge(&state([netns("red"), netns("blue")]));
        assert_eq!(ip_json("netns list").as_array().unwrap().len(), 2);
        ip("link add outside type veth peer name other");
        // The kernel may have devices of its own in each namespace.
        let inside = ip_json("-n red link show").to_string();
        assert!(inside.contains("\"lo\"") && !inside.contains("outside"), "{inside}");
        let inode = |path: &str| fs::metadata(path).unwrap().ino();
        let own = inode("/proc/thread-self/ns/net");
        assert!(
            inode("/run/netns/red") != own && inode("/run/netns/red") != inode("/run/netns/blue")
        );
        host.converge(&State::default());
        assert_eq!(fs::read_dir("/run/netns").unwrap().count(), 0);
    });
}

#[test]
fn routes_of_others_are_seen_while_they_exist() {
    isolated(|| {
        let mut host = Host::open();
        ip("netns add theirs");
        assert_eq!(names(&mut host), ["theirs"]);
        ip("netns delete theirs");
        assert_eq!(names(&mut host), [""; 0]);
        ip("netns add theirs");
        ip("-n theirs link add v type veth peer name w");
        assert_eq!(names(&mut host), ["theirs"]);
        host.converge(&state([link("v", "v@theirs", None)]));
        assert!(is_up(&ip_json("-n theirs link show v")));
    });
}

#[test]
fn a_file_without_a_namespace_is_replaced() {
    isolated(|| {
        fs::create_dir_all("/run/netns").unwrap();
        fs::write("/run/netns/red", "").unwrap();
        let mut host = Host::open();
        assert_eq!(names(&mut host), [""; 0]);
        host.converge(&state([netns("red"), link("a", "a@red", veth("b@1"))]));
        assert_eq!(ip_json("-n red link show a")[0]["ifname"], "a");
    });
}

#[test]
fn what_is_not_a_namespace_is_left_alone() {
    isolated(|| {
        fs::create_dir_all("/run/netns").unwrap();
        let fifo = |path: &str| mknodat(CWD, path, FileType::Fifo, Mode::RUSR, 0).unwrap();
        let odd: [fn(&str); 5] = [
            |path| fs::write(path, "theirs").unwrap(),
            |path| fs::create_dir(path).unwrap(),
            |path| symlink("/nowhere", path).unwrap(),
            |path| symlink(path, path).unwrap(),
            |path| drop(UnixListener::bind(path).unwrap()),
        ];
        let mut host = Host::open();
        let mut check = |make: &dyn Fn(&str)| {
            make("/run/netns/red");
            let inode = || fs::symlink_metadata("/run/netns/red").unwrap().ino();
            let before = inode();
            assert_eq!(names(&mut host), [""; 0]);
            let create = Op::new(netns("red").0, Action::Create(Object::Netns));
            let refusal = host.kernel.execute(&Plan { ops: vec![create] }).unwrap_err();
            assert!(refusal.message.contains("/run/netns/red is there"), "{}", refusal.message);
            assert_eq!(inode(), before);
            ip("netns add blue");
            fs::rename("/run/netns/red", "/run/netns/odd").unwrap();
            assert_eq!(names(&mut host), ["blue"]);
            ip("netns delete blue");
            match fs::symlink_metadata("/run/netns/odd").unwrap().is_dir() {
                true => fs::remove_dir("/run/netns/odd").unwrap(),
                false => fs::remove_file("/run/netns/odd").unwrap(),
            }
        };
        check(&fifo);
        for make in odd {
            check(&make);
        }
    });
}

#[test]
fn a_namespace_that_cannot_be_removed_stays() {
    isolated(|| {
        let mut host = Host::open();
        host.converge(&state([netns("red"), link("a", "a@red", veth("b@1"))]));
        let inode = || fs::metadata("/run/netns/red").unwrap().ino();
        let before = inode();
        let remount = |flags| {
            let flags = MountFlags::BIND | flags;
            rustix::mount::mount_remount("/run/netns", flags, "").unwrap();
        };
        remount(MountFlags::RDONLY);
        let delete = Op::new(netns("red").0, Action::Delete(Object::Netns));
        let refusal = host.kernel.execute(&Plan { ops: vec![delete] }).unwrap_err();
        assert_eq!(refusal.errno, libc::EROFS);
        assert_eq!((inode(), names(&mut host)), (before, vec!["red".to_owned()]));
        assert_eq!(ip_json("-n red link show a")[0]["ifname"], "a");
        remount(MountFlags::empty());
        host.converge(&State::default());
        assert!(!fs::exists("/run/netns/red").unwrap());
    });
}

#[test]
fn everybody_may_list_the_names() {
    isolated(|| {
        let before = rustix::process::umask(Mode::from_raw_mode(0o077));
        let mut host = Host::open();
        host.converge(&state([netns("red")]));
        rustix::process::umask(before);
        assert_eq!(fs::metadata("/run/netns").unwrap().mode() & 0o777, 0o755);
    });
}

/// Each takes several files, and a process starts with a limit of about a thousand.
#[test]
fn four_hundred_namespaces_can_be_watched() {
    isolated(|| {
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(1024), ..limit }).unwrap();
        let many = state((0..400).map(|number| netns(&format!("n{number}"))));
        let mut host = Host::open();
        host.converge(&many);
        let namespaces = names(&mut host).iter().map(|name| name.parse().unwrap()).collect();
        let watched = Watched { namespaces, ..Watched::default() };
        host.kernel.watch(watched, Arc::new(|_| ())).expect("watch");
        // Another process opens all of them at once.
        let mut other = Host { touched: host.touched.clone(), ..Host::open() };
        other.converge(&many);
        host.converge(&State::default());
        assert_eq!(fs::read_dir("/run/netns").unwrap().count(), 0);
    });
}

#[test]
fn the_first_namespace_that_fails_is_named() {
    isolated(|| {
        let mut host = Host::open();
        ip("netns add n2");
        let create =
            |number| Op::new(netns(&format!("n{number}")).0, Action::Create(Object::Netns));
        let refusal = host.kernel.execute(&Plan { ops: (0..5).map(create).collect() }).unwrap_err();
        assert_eq!((refusal.index, refusal.errno), (2, libc::EEXIST));
        assert_eq!(names(&mut host), ["n0", "n1", "n2"]);
    });
}

/// The modules of tunnels create devices in every namespace. These are not configured, and cannot
/// be removed.
#[test]
fn devices_of_the_kernel_do_not_keep_a_namespace() {
    isolated(|| {
        // In a virtual machine, this loads the module of every kind. Elsewhere, it uses those that
        // are loaded.
        if std::env::var_os("NETLOOM_REQUIRE_ALL_KINDS").is_some() {
            for kind in
                ["sit", "ipip", "gre", "gretap", "erspan", "ip6tnl", "ip6gre", "vti", "vti6"]
            {
                assert!(has_link_kind(kind), "{kind}");
            }
        }
        let mut host = Host::open();
        host.converge(&state([netns("red")]));
        let links = ip_json("-n red link show");
        println!("{} links", links.as_array().unwrap().len());
        host.converge(&State::default());
        assert!(!fs::exists("/run/netns/red").unwrap());

        // A device that somebody else has created keeps the namespace.
        host.converge(&state([netns("red")]));
        ip("link add mine netns red type veth peer name far");
        let nothing = State::default();
        let only = Scope::Only(wanted(&nothing, &host.touched, &host.originals));
        let observed = host.kernel.observe(&only).unwrap();
        let target = target(&nothing, &host.touched, &host.originals, &observed).unwrap();
        let refused = plan(&target, &observed).unwrap_err();
        assert!(refused.reason.contains("mine"), "{}", refused.reason);
    });
}

#[test]
fn parameters_of_a_new_one_go_back_to_what_they_are_at_first() {
    isolated(|| {
        let mut host = Host::open();
        let path = |name: &str| format!("net/ipv4/{name}");
        let shown = |name: &str| ip(&format!("netns exec red cat /proc/sys/{}", path(name)));
        ip("netns add red");
        let names = ["ip_forward", "conf/all/accept_redirects", "ip_default_ttl", "tcp_retries1"];
        let initial = names.map(shown);
        ip("netns delete red");
        let values = ["1", "1", "77", "9"];
        let parameters = names.iter().zip(values);
        let parameters = parameters.map(|(name, value)| sysctl("red", &path(name), value));
        host.converge(&state(parameters.chain([netns("red")])));
        assert_eq!(names.map(shown), values.map(|value| format!("{value}\n")));
        host.converge(&state([netns("red")]));
        assert_eq!(names.map(shown), initial);
    });
}
