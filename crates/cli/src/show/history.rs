//! `show history` and `show schedule`: the commits that were made, and the scheduled commits.

use netconf::{HistoryEntry, ScheduledCommit};

use crate::grammar::time;
use crate::show::one_line;

/// Two lines for each commit, and a third line if its record is broken.
pub(crate) fn commits(commits: &[HistoryEntry]) -> String {
    let line = |commit: &HistoryEntry| {
        let comment = remark(commit.comment.as_deref());
        let (position, id) = (commit.position, commit.id);
        let fault = commit.fault.iter().map(|fault| format!("     broken: {}\n", one_line(fault)));
        let fault: String = fault.collect();
        let (Some(time), Some(user), Some(from)) = (&commit.time, &commit.user, &commit.from)
        else {
            return format!("{position:>3}  #{id}\n{fault}");
        };
        let held = match commit.held {
            0 => String::new(),
            1 => "; 1 object was held".into(),
            held => format!("; {held} objects were held"),
        };
        let [user, from, summary] = [user, from, &commit.summary].map(|text| one_line(text));
        format!(
            "{position:>3}  #{id}  {time}  {user} ({from}){comment}\n     {summary}{held}\n{fault}"
        )
    };
    commits.iter().map(line).collect()
}

/// Two lines for each scheduled commit, and a third line if it is due and cannot be made.
pub(crate) fn scheduled(commits: &[ScheduledCommit]) -> String {
    let line = |one: &ScheduledCommit| {
        let comment = remark(one.comment.as_deref());
        let ScheduledCommit { number, time, user, from, summary, delay_reason, .. } = one;
        let [user, from, summary] = [user, from, summary].map(|text| one_line(text));
        let time = time::local(time);
        let waits = delay_reason
            .iter()
            .map(|delay_reason| format!("     waits: {}\n", one_line(delay_reason)));
        let waits: String = waits.collect();
        format!("{number:>3}  {time}  {user} ({from}){comment}\n     {summary}\n{waits}")
    };
    match commits.is_empty() {
        true => "nothing is scheduled\n".into(),
        false => commits.iter().map(line).collect(),
    }
}

/// A commit's comment, in quotes after a space. Empty if there is no comment.
pub(crate) fn remark(comment: Option<&str>) -> String {
    comment.map(|comment| format!(" \"{}\"", one_line(comment))).unwrap_or_default()
}
