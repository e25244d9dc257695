//! What `help` prints.

/// One paragraph on each line.
pub(super) const HELP: &str = "\
`?` shows what can follow, anywhere in a line. TAB completes. Words can be abbreviated as long as they are clear.
`configure` enters configuration mode. There, a container's name or a list entry enters its own mode, a leaf's name and \
a value set it, and `no` deletes.
All of this changes the candidate, which is yours alone, until `commit` brings it into effect: whole, or not at all. \
`commit check` shows what it would do.
`show` prints configuration and state. Its output can be filtered: `| display json`, `| match REGEX`, `| count`.
";
