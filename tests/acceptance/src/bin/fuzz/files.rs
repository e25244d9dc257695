//! Damaged files: a state directory that the next start finds, and configurations that a user loads.
//!
//! The engine starts or says why not. It never touches what others have, and what it has read can be changed.

use std::fs;
use std::path::{Path, PathBuf};

use acceptance::in_process::{Device, schema};
use acceptance::random::configuration;
use fastrand::Rng;
use netstate::{Key, Object, State};
use testkit::FakeKernel;
use yang::Tree;

use crate::values::Drawn;

pub(crate) fn run(random: &mut Rng) {
    load(random);
    state_directory(random);
}

/// Damaged text of a configuration is refused, or it is a configuration.
fn load(random: &mut Rng) {
    let tree = configuration(random, 8);
    for text in [tree.to_json(random.bool()), tree.to_xml(random.bool())] {
        let mut bytes = text.into_bytes();
        damage(&mut bytes, random);
        let text = String::from_utf8_lossy(&bytes);
        for read in [Tree::from_json, Tree::from_xml] {
            if let Ok(read) = read(schema(), &text) {
                let again = Tree::from_json(schema(), &read.to_json(false));
                assert_eq!(again.ok().as_ref(), Some(&read), "{text}");
            }
        }
    }
}

fn state_directory(random: &mut Rng) {
    let mut drawn = Drawn::new(random);
    let foreign = foreign();
    let kernel = FakeKernel::holding(foreign.clone());
    let own = kernel.clone();
    let mut device = Device::on(move || Box::new(own.clone()));
    for _ in 0..random.u8(1..5) {
        // Some are refused.
        let _ = device.commit(&drawn.configuration());
    }
    device.stop();
    let mut damaged = Vec::new();
    for _ in 0..random.u8(1..4) {
        damaged.extend(damage_one(&device.state_dir(), random));
    }
    match device.try_start_again() {
        Err(words) => assert!(!words.is_empty(), "a refusal to start gives a reason"),
        Ok(()) => {
            let running = device.running();
            if device.commit(&drawn.configuration()).is_err() {
                assert_eq!(device.running(), running, "running after a refusal, {damaged:?}");
            }
        }
    }
    let now = kernel.state();
    for (key, object) in &foreign.objects {
        assert_eq!(now.objects.get(key), Some(object), "a foreign object, {damaged:?}");
    }
}

/// Objects with names that no random configuration has.
fn foreign() -> State {
    let place = netstate::Place {
        netns: netstate::NetnsName::own(),
        ifname: "theirs".parse().expect("a name"),
    };
    let link = netstate::Link {
        kind: Some(netstate::LinkKind::Other(String::new())),
        ..netstate::Link::at(place)
    };
    let id = "theirs".parse().expect("a name");
    let netns = "theirs".parse().expect("a name");
    let objects =
        [(Key::Link(id), Object::Link(Box::new(link))), (Key::Netns(netns), Object::Netns)];
    State { objects: objects.into() }
}

/// Damages a file of the directory, or puts something odd in its place.
fn damage_one(folder: &Path, random: &mut Rng) -> Option<String> {
    let mut files = files(folder);
    files.sort();
    let file = (!files.is_empty()).then(|| files[random.usize(..files.len())].clone())?;
    let what = match random.u8(0..8) {
        0 => {
            fs::remove_file(&file).ok()?;
            "removed"
        }
        1 => {
            fs::remove_file(&file).ok()?;
            fs::create_dir(&file).ok()?;
            "a folder"
        }
        2 => {
            fs::remove_file(&file).ok()?;
            let fifo = rustix::fs::FileType::Fifo;
            rustix::fs::mknodat(rustix::fs::CWD, &file, fifo, 0o600.into(), 0).ok()?;
            "a pipe"
        }
        3 => {
            fs::remove_file(&file).ok()?;
            std::os::unix::fs::symlink("nowhere", &file).ok()?;
            "a dangling link"
        }
        4 => {
            let other = &files[random.usize(..files.len())];
            fs::write(&file, fs::read(other).ok()?).ok()?;
            "another file's content"
        }
        _ => {
            let mut bytes = fs::read(&file).ok()?;
            damage(&mut bytes, random);
            fs::write(&file, bytes).ok()?;
            "damaged"
        }
    };
    Some(format!("{}: {what}", file.display()))
}

/// The files of a folder and those below it. Only regular ones, because reading others may wait.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&entry.path())),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            Ok(_) | Err(_) => {}
        }
    }
    found
}

/// Removes, doubles or replaces some bytes.
pub(crate) fn damage(bytes: &mut Vec<u8>, random: &mut Rng) {
    const PARTS: [&[u8]; 18] = [
        b"<",
        b">",
        b"&",
        b"\"",
        b"'",
        b"{",
        b"}",
        b"[",
        b",",
        b":",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"-1",
        b"99999999999999999999",
        b"]]>",
        b"<!--",
        b"&#0;",
    ];
    for _ in 0..random.u8(1..4) {
        let at = random.usize(..=bytes.len());
        let end = (at + random.usize(..24)).min(bytes.len());
        match random.u8(0..5) {
            0 => drop(bytes.drain(at..end)),
            1 => {
                let part = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, part));
            }
            2 => drop(
                bytes.splice(at..(at + 1).min(end), PARTS[random.usize(..PARTS.len())].to_vec()),
            ),
            3 => bytes.truncate(at),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.u8(0..8);
                }
            }
        }
    }
}
