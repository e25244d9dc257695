//! A kernel that refuses an operation or cannot be read: once, or from then on, also while the
//! commit is undone.

use super::report::{Row, check_section};
use super::southbound::Interfered;
use super::*;

/// The errors with which a kernel refuses.
const ERRNOS: [i32; 4] = [libc::EPERM, libc::EBUSY, libc::ENOMEM, libc::ENOBUFS];

#[test]
fn a_failed_commit_restores_the_kernel() {
    let cases = CASES.iter().filter(|case| case.reaches_kernel);
    let sections = cases.map(|case| (case.title, rows(case)));
    check_section("kernel", &["at", "fails", "fails, as does all that follows"], sections);
}

/// One row for each request to the kernel.
fn rows(case: &Case) -> Vec<Row> {
    let ends = case.ends();
    let (host, mut engine) = case.prepared();
    let calls = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&calls);
    Interfered::between(&mut engine, &host.kernel, move |call, _| {
        recorded.lock().unwrap().push(call.to_string());
        None
    });
    (case.act)(&mut engine).unwrap();
    let calls = calls.lock().unwrap().clone();
    assert!(calls.len() >= 3, "only {calls:?}");
    let row = |(index, call): (usize, &String)| Row {
        boundary: call.clone(),
        outcomes: [false, true].map(|onwards| outcome(case, &ends, index, onwards)).to_vec(),
    };
    calls.iter().enumerate().map(row).collect()
}

/// The result if a request fails, with any of the errors.
fn outcome(case: &Case, ends: &Ends, failing: usize, onwards: bool) -> String {
    let outcomes = ERRNOS.map(|errno| outcome_by(case, ends, (failing, onwards, errno)));
    assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{outcomes:?}");
    let [outcome, ..] = outcomes;
    outcome
}

fn outcome_by(case: &Case, ends: &Ends, (failing, onwards, errno): (usize, bool, i32)) -> String {
    let what = format!("{}, request {failing}", case.title);
    let (host, mut engine) = case.prepared();
    let mut count = 0;
    let meddled = Interfered::between(&mut engine, &host.kernel, move |_, _| {
        let index = count;
        count += 1;
        (index == failing || (onwards && index > failing)).then_some(errno)
    });
    let message = (case.act)(&mut engine).map_err(|errors| errors.describe());
    let message = message.expect_err(&what);
    let words = std::io::Error::from_raw_os_error(errno).to_string();
    assert!(message.contains(&words), "{what}: {message}");
    assert_eq!(Held::after_restart(&host, case).unlike(&ends.old), "", "{what}");
    let outcome = match engine.diverged.is_some() {
        true => {
            assert_eq!(engine.running.intent.tree, ends.old.running, "{what}");
            check_diverged(&mut engine, &message, &what);
            meddled.stop();
            NOW.set(NOW.get() + 10);
            engine.do_due_work();
            assert!(engine.diverged.is_none(), "{what}");
            "diverged, then old".into()
        }
        false => "old".into(),
    };
    meddled.stop();
    assert_eq!(Held::by(&engine, &host).unlike(&ends.old), "", "{what}");
    check_next_commit(&mut engine, &host, &what);
    let then = Held::by(&engine, &host);
    drop(engine);
    assert_eq!(Held::after_restart(&host, case).unlike(&then), "", "{what}");
    outcome
}

/// Checks that the user and operational data name the objects that could not be restored, that
/// nothing is committed, and that the engine tries again.
fn check_diverged(engine: &mut Engine, message: &str, what: &str) {
    assert!(message.contains("kernel and running differ"), "{what}: {message}");
    let state = engine.own_state().unwrap().to_json(false);
    assert!(
        state.contains(r#""converged":false"#) && state.contains(r#""diverged":[{"path":"#),
        "{what}: {state}"
    );
    let refused = commit(engine, "/iproute2-ip-netns:netnses/netns[name='other']");
    let refused = refused.map_err(|errors| errors.describe()).expect_err(what);
    assert!(refused.starts_with("an earlier commit failed"), "{what}: {refused}");
    NOW.set(NOW.get() + 10);
    engine.do_due_work();
    assert!(engine.diverged.is_some() && engine.waits().is_some(), "{what}");
}
