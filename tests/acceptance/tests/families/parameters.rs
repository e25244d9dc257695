//! Every writable parameter under `/proc/sys/net`, with values that the kernel may keep in another form.
//!
//! What the kernel does with a value is first tried by hand, in namespaces that are thrown away.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

use serde_json::json;
use testkit::netns::{ip, isolated};

use acceptance::in_process::{Device, differences, tree};

/// Parameters that are not tried, by their folder or the end of their path, and why.
const SKIPPED: [(&str, &str); 10] = [
    ("route/flush", "a write is an action, and there is no value"),
    ("/stable_secret", "the kernel cannot unset it"),
    ("/nf_hooks_lwtunnel", "the kernel cannot unset it"),
    ("ipv4/ip_forward", "it has a leaf of its own"),
    ("conf/all/forwarding", "it has a leaf of its own"),
    ("/base_reachable_time", "it is refused: base_reachable_time_ms has the finer unit"),
    ("/retrans_time", "it is refused: retrans_time_ms has the finer unit"),
    ("/unres_qlen", "it is refused: unres_qlen_bytes has the finer unit"),
    ("/gc_min_interval", "it is refused: gc_min_interval_ms has the finer unit"),
    ("/lo/", "the parameters of another link are tried"),
];

/// The answer of the kernel to a write.
#[derive(Clone, Debug, PartialEq)]
enum Answer {
    /// It keeps this.
    Keeps(String),
    /// It keeps what it has, which may be its form of the value.
    KeepsOld,
    /// It refuses the value, or does not keep one.
    Refuses,
}

/// A parameter with a value, and what the kernel made of it.
#[derive(Clone, Debug)]
struct Member {
    parameter: String,
    value: String,
    answer: Answer,
}

#[test]
fn every_parameter_with_values_that_are_kept_in_another_form() {
    let start = Instant::now();
    let rounds = isolated(|| {
        surroundings();
        SKIPPED.iter().for_each(|(part, why)| println!("skipped: {part}: {why}"));
        rounds(parameters())
    });
    println!(
        "{} values in {} rounds, {:?}",
        rounds.iter().map(Vec::len).sum::<usize>(),
        rounds.len(),
        start.elapsed()
    );
    let failures = isolated(|| {
        surroundings();
        let mut trial =
            Trial { device: Device::start(), before: snapshot(), failures: Vec::new(), commits: 0 };
        for (number, round) in rounds.iter().enumerate() {
            // Some parameters set those of other folders.
            for folder in round.chunk_by(|one, other| one.folder() == other.folder()) {
                // More failures would say nothing new.
                if trial.failures.len() < 20 {
                    trial.try_folder(folder, number);
                }
            }
        }
        println!("{} commits, {:?}", trial.commits, start.elapsed());
        trial.failures
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

impl Member {
    fn folder(&self) -> &str {
        self.parameter.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

struct Trial {
    device: Device,
    /// Every parameter before any commit.
    before: BTreeSet<String>,
    failures: Vec<String>,
    commits: usize,
}

impl Trial {
    /// Commits what the kernel accepts, takes it out again, and commits it beside one value that the kernel refuses.
    fn try_folder(&mut self, members: &[Member], number: usize) {
        let is_kept = |member: &&Member| matches!(member.answer, Answer::Keeps(_));
        let (kept, others): (Vec<&Member>, Vec<&Member>) = members.iter().partition(is_kept);
        let (ignored, refused): (Vec<&Member>, Vec<&Member>) =
            others.into_iter().partition(|member| member.answer == Answer::KeepsOld);
        if let Some(one) = ignored.get(number % ignored.len().max(1)) {
            self.try_either(one);
        }
        self.try_kept(&kept);
        if let Some(one) = refused.get(number % refused.len().max(1)) {
            self.try_refused(&kept, one);
        }
    }

    fn try_kept(&mut self, members: &[&Member]) {
        if members.is_empty() {
            return;
        }
        let committed = self.commit(members);
        if let Err(words) = &committed {
            if let [one] = members {
                // It depends on another parameter, which was set when this was tried by hand.
                let by_kernel = words.contains("Invalid argument (EINVAL)");
                if by_kernel {
                    self.is_as_before(members);
                    return;
                }
                self.failures.push(format!("{one:?}: is refused: {words}"));
            } else {
                let (some, others) = members.split_at(members.len() / 2);
                self.try_kept(some);
                self.try_kept(others);
            }
            return;
        }
        for member in members {
            let seen = read(&member.parameter);
            if seen.clone().map(Answer::Keeps) != Some(member.answer.clone()) {
                self.failures.push(format!("{member:?}: is {seen:?}"));
            }
        }
        self.holds(members);
        let removed = self.commit(&[]);
        if let Err(words) = removed {
            self.failures.push(format!("{members:?}: cannot be taken out: {words}"));
        }
        self.is_as_before(members);
    }

    fn try_refused(&mut self, kept: &[&Member], refused: &Member) {
        let members: Vec<&Member> = kept
            .iter()
            .copied()
            .filter(|member| member.parameter != refused.parameter)
            .chain([refused])
            .collect();
        match self.commit(&members) {
            Ok(()) => self.failures.push(format!("{refused:?}: is accepted")),
            Err(words) => {
                if !words.contains(&refused.value.trim().to_owned())
                    && !words.contains(&refused.parameter)
                {
                    self.failures.push(format!("{refused:?}: unclear: {words}"));
                }
                self.holds(&members);
            }
        }
        if self.device.commit(&tree(&json!({}))).is_err() {
            self.failures.push(format!("{refused:?}: the next commit fails"));
        }
        self.is_as_before(&[refused]);
    }

    /// Commits what the kernel ignores, or keeps in the form that it has: both answers are good.
    fn try_either(&mut self, member: &Member) {
        let _either = self.commit(&[member]);
        self.holds(&[member]);
        if let Err(words) = self.commit(&[]) {
            self.failures.push(format!("{member:?}: cannot be taken out: {words}"));
        }
        self.is_as_before(&[member]);
    }

    fn commit(&mut self, members: &[&Member]) -> Result<(), String> {
        self.commits += 1;
        let entries =
            members.iter().map(|member| json!({"name": member.parameter, "value": member.value}));
        let entries: Vec<_> = entries.collect();
        self.device.commit(&tree(&match entries.is_empty() {
            true => json!({}),
            false => {
                json!({"netloom-sysctl:sysctls": {"netns": [{"name": "1", "variable": entries}]}})
            }
        }))
    }

    fn holds(&mut self, members: &[&Member]) {
        let complaints = self.device.complaints();
        if !complaints.is_empty() {
            self.failures.push(format!("{members:?}: {complaints:?}"));
        }
    }

    fn is_as_before(&mut self, members: &[&Member]) {
        let after = snapshot();
        if after != self.before {
            let names: Vec<&str> = members.iter().map(|member| member.parameter.as_str()).collect();
            self.failures.push(format!("{names:?} leave {:?}", differences(&self.before, &after)));
            self.before = after;
        }
    }
}

/// For each parameter a value, again and again until each has had all of its values.
fn rounds(parameters: Vec<String>) -> Vec<Vec<Member>> {
    let mut rounds: Vec<Vec<Member>> = Vec::new();
    for parameter in parameters {
        for (number, (value, answer)) in answers(&parameter).into_iter().enumerate() {
            if rounds.len() <= number {
                rounds.push(Vec::new());
            }
            rounds[number].push(Member { parameter: parameter.clone(), value, answer });
        }
    }
    rounds
}

/// A link whose parameters are tried too.
fn surroundings() {
    ip("link set lo up");
    ip("netns add other");
    ip("link add n1 type veth peer name n2 netns other");
}

/// The writable parameters of this namespace.
fn parameters() -> Vec<String> {
    let mut found = Vec::new();
    walk(Path::new("/proc/sys/net"), &mut |path, mode| {
        let is_skipped = |(part, _): &(&str, &str)| match part.ends_with('/') {
            true => path.contains(part),
            false => path.ends_with(part),
        };
        if mode & 0o200 != 0 && !SKIPPED.iter().any(is_skipped) {
            found.push(path.to_owned());
        }
    });
    found
}

/// Writes values by hand, and returns what the kernel makes of them.
fn answers(parameter: &str) -> Vec<(String, Answer)> {
    let before = read(parameter);
    let values = values(before.as_deref()).into_iter().map(|value| {
        let answer = answer(parameter, &value, before.as_deref());
        write(parameter, before.as_deref().unwrap_or_default());
        (value, answer)
    });
    values.collect()
}

fn answer(parameter: &str, value: &str, before: Option<&str>) -> Answer {
    if !write(parameter, value) {
        return Answer::Refuses;
    }
    let kept = read(parameter).unwrap_or_default();
    if Some(kept.as_str()) == before && kept != plain(value) {
        return Answer::KeepsOld;
    }
    let count = |value: &str| value.split_whitespace().count();
    let are_numbers = kept.split_whitespace().all(|word| word.parse::<i64>().is_ok());
    if are_numbers && count(value) < count(&kept) {
        // The kernel sets the first numbers, and Netloom sets all or none.
        return Answer::Refuses;
    }
    let is_stable = write(parameter, &kept) && read(parameter).as_ref() == Some(&kept);
    if is_stable { Answer::Keeps(kept) } else { Answer::Refuses }
}

/// Values that are like `now`, but spelled or chosen in a way that the kernel may not keep.
fn values(now: Option<&str>) -> Vec<String> {
    let now = now.unwrap_or_default();
    let words: Vec<&str> = now.split_whitespace().collect();
    let numbers: Option<Vec<i64>> = words.iter().map(|word| word.parse().ok()).collect();
    let fixed: &[&str] = match (words.len(), &numbers) {
        (0, _) => &["8080,148", "9,8-10 3", "x", "2001:db8::5"],
        (1, Some(_)) => {
            &["0", "1", "2", " 003", "1001", "-1", "2147483648", "99999999999999999999", "x"]
        }
        (_, Some(_)) => &["1", "1 2 3 4 5", "x", "-1 -1 -1 -1"],
        (..) => &["x", "1", "0"],
    };
    let mut values: Vec<String> = fixed.iter().map(|value| (*value).to_owned()).collect();
    if let Some(numbers) = numbers.filter(|numbers| numbers.len() > 1) {
        let next: Vec<String> = numbers.iter().map(|number| format!("0{}", number + 1)).collect();
        values.push(next.join("  "));
        let reversed: Vec<String> = numbers.iter().rev().map(i64::to_string).collect();
        values.push(reversed.join("\t"));
    } else if words.len() > 1 {
        values.push(words.iter().rev().copied().collect::<Vec<_>>().join("  "));
    }
    values
}

fn snapshot() -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    walk(Path::new("/proc/sys/net"), &mut |path, _| {
        // The kernel chooses one when another parameter asks for random addresses.
        if !path.ends_with("/stable_secret") {
            lines.insert(format!("{path}: {:?}", read(path)));
        }
    });
    lines
}

/// Calls `found` with the path below `/proc/sys` of each parameter, and with the mode of its file.
fn walk(folder: &Path, found: &mut impl FnMut(&str, u32)) {
    let mut entries: Vec<_> = fs::read_dir(folder).expect("read /proc/sys").flatten().collect();
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        let metadata = entry.metadata().expect("a parameter's mode");
        if metadata.is_dir() {
            walk(&path, found);
        } else {
            let below = path.strip_prefix("/proc/sys").expect("it is below").display().to_string();
            found(&below, metadata.permissions().mode());
        }
    }
}

fn read(parameter: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/sys/{parameter}")).ok().map(|value| plain(&value))
}

fn write(parameter: &str, value: &str) -> bool {
    let file = File::options().write(true).open(format!("/proc/sys/{parameter}"));
    let line = format!("{value}\n");
    file.and_then(|mut file| file.write(line.as_bytes()))
        .is_ok_and(|written| written >= value.len())
}

fn plain(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}
