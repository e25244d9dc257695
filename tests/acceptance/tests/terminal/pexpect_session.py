"""pexpect drives netloom: the usual loop of sendline and expect. Arguments: netloom and its options."""

import os
import sys

import pexpect

for term in ("dumb", "xterm", "vt100"):
    os.environ["TERM"] = term
    netloom = pexpect.spawn(sys.argv[1], sys.argv[2:], encoding="utf-8", timeout=30)

    def run(line, prompt="# "):
        netloom.sendline(line)
        netloom.expect_exact(line + "\r\n")
        netloom.expect(r"\r?\n?[\w.-]+\S*" + prompt + "$")
        return netloom.before

    netloom.expect(r"> $")
    run("configure")
    for number in range(5):
        run(f"netnses-iproute2 netns {term}{number}")
        run("top")
    summary = run("commit")
    assert "5 netns added" in summary, summary
    error = run("netnses-iproute2 nosuch x")
    assert "unknown here" in error, error
    shown = run("show config-running | display set")
    assert shown.split() == run("show config-running | display set | no-more").split(), shown
    assert f"netnses-iproute2 netns {term}4" in shown, shown
    assert "\x1b" not in shown, repr(shown)
    run("exit")
    netloom.sendline("exit")
    netloom.expect(pexpect.EOF)
    netloom.close()
    assert netloom.exitstatus == 0, netloom.exitstatus
    print(f"- pexpect, TERM={term}: {summary.strip()}")
