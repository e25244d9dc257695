//! The engine on the real kernel, in this process and in the namespaces of the calling thread.

use std::collections::BTreeSet;
use std::path::{Path as FilePath, PathBuf};
use std::time::{Duration, Instant};

use engine::{
    CommitRequest, Confirmed, ConfirmedBy, Datastore, Handle, Origin, RpcError, Session, Settings,
};
use kernel::Kernel;
use netstate::Southbound;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use yang::{Schema, Tree};

use crate::daemon::DEADLINE;

/// A host whose configuration can be changed.
pub struct Device {
    runtime: Runtime,
    state_dir: TempDir,
    southbound: Box<dyn Fn() -> Box<dyn Southbound>>,
    serving: Option<(Handle, Session)>,
}

impl Device {
    /// On the kernel.
    pub fn start() -> Self {
        Self::on(|| Box::new(Kernel::open().expect("open the kernel")))
    }

    /// On any kernel.
    pub fn on(southbound: impl Fn() -> Box<dyn Southbound> + 'static) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        // There are so many commits that a slow disk would matter.
        let memory = FilePath::new("/dev/shm");
        let state_dir = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        let mut device = Self {
            runtime: runtime.expect("start a runtime"),
            state_dir: state_dir.expect("make a state directory"),
            southbound: Box::new(southbound),
            serving: None,
        };
        device.start_again();
        device
    }

    /// Makes this the whole configuration.
    pub fn commit(&self, content: &Tree) -> Result<(), String> {
        self.commit_with(content, CommitRequest::default())
    }

    /// The same, but undone unless it is confirmed by anybody within this time.
    pub fn try_out(&self, content: &Tree, timeout: Duration) -> Result<(), String> {
        let confirmed = Confirmed { timeout, by: ConfirmedBy::Anybody, probes: Vec::new() };
        self.commit_with(
            content,
            CommitRequest { confirmed: Some(confirmed), ..CommitRequest::default() },
        )
    }

    /// The way back of `rollback 1`, or of the rescue configuration.
    pub fn roll_back(&self, revision: engine::Revision) -> Result<(), String> {
        let session = self.session();
        let past = self.runtime.block_on(session.past()).expect("read the past");
        let content = past.configuration(revision).map_err(|errors| words(&errors))?;
        self.runtime
            .block_on(session.roll_back(&past, content))
            .map_err(|errors| words(&errors))?;
        self.commit_candidate(CommitRequest::default())
    }

    /// Saves running as the rescue configuration.
    pub fn save_rescue(&self) {
        self.runtime.block_on(self.session().save_rescue()).expect("save the rescue configuration");
    }

    /// The running configuration.
    pub fn running(&self) -> Tree {
        self.runtime.block_on(self.session().read(Datastore::Running)).expect("read running")
    }

    /// What the engine reports as not being as configured; empty if there is nothing.
    pub fn complaints(&self) -> Vec<String> {
        let own = [("netloom-state", "configuration-state"), ("netloom-drift", "drift")];
        let selected = own.map(|(module, name)| yang::Selected {
            top: schema().top_node(Some(module), name).expect("a top node"),
            below: None,
            keys: Vec::new(),
            nodes: None,
        });
        let told = self.runtime.block_on(self.session().observe(Some(selected.into())));
        let told = told.and_then(engine::Observed::into_tree).expect("read the state");
        let told: Value = serde_json::from_str(&told.to_json(false)).expect("a tree is JSON");
        let state = &told["netloom-state:configuration-state"];
        let complaints =
            [&state["missing"], &state["diverged"], &told["netloom-drift:drift"]["object"]];
        complaints.into_iter().filter_map(Value::as_array).flatten().map(Value::to_string).collect()
    }

    /// Ends the engine, as the daemon does.
    pub fn stop(&mut self) {
        if let Some((handle, session)) = self.serving.take() {
            session.close();
            self.runtime.block_on(handle.stop());
        }
    }

    /// Ends the engine if it runs, and starts it. A program that another thread is starting has the lock of the ended one until it
    /// begins: open files are closed only then (`O_CLOEXEC`, open(2)).
    pub fn start_again(&mut self) {
        let begun = Instant::now();
        while let Err(words) = self.try_start_again() {
            let is_locked = words.contains("in use by another");
            assert!(is_locked && begun.elapsed() < DEADLINE, "{words}");
            std::thread::yield_now();
        }
    }

    /// The same, if the state directory allows it.
    pub fn try_start_again(&mut self) -> Result<(), String> {
        self.stop();
        let handle = engine::start(self.settings(), schema(), (self.southbound)());
        let handle = handle.map_err(|errors| words(&errors))?;
        let origin = Origin { user: "root".into(), from: "the test".into() };
        let session = self.runtime.block_on(handle.open(origin)).expect("open a session");
        self.serving = Some((handle, session));
        Ok(())
    }

    /// The engine itself.
    pub fn engine(&self) -> Handle {
        self.serving.as_ref().expect("the engine runs").0.clone()
    }

    /// Where the engine keeps its files.
    pub fn state_dir(&self) -> PathBuf {
        self.state_dir.path().join("netloom")
    }

    /// Runs a future to its end.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Ends the engine and gives everything back, as `netloomd --release` does.
    pub fn release(&mut self) -> Result<(), String> {
        self.stop();
        engine::release(self.settings(), schema(), (self.southbound)())
            .map_err(|errors| words(&errors))
    }

    fn commit_with(&self, content: &Tree, request: CommitRequest) -> Result<(), String> {
        let session = self.session();
        let _seen = self.running();
        let replaced = self.runtime.block_on(session.replace(content.clone()));
        replaced.map_err(|errors| words(&errors))?;
        self.commit_candidate(request)
    }

    fn commit_candidate(&self, request: CommitRequest) -> Result<(), String> {
        let session = self.session();
        let committed = self.runtime.block_on(session.commit(request));
        committed.map(drop).map_err(|errors| {
            self.runtime.block_on(session.discard()).expect("discard the candidate");
            words(&errors)
        })
    }

    fn session(&self) -> &Session {
        &self.serving.as_ref().expect("the engine runs").1
    }

    fn settings(&self) -> Settings {
        Settings::of_host(self.state_dir()).expect("read the boot's id")
    }
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device").field("state_dir", &self.state_dir).finish_non_exhaustive()
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The schema of Netloom.
pub fn schema() -> &'static Schema {
    Schema::netloom().expect("the modules fit")
}

/// A configuration in JSON.
pub fn tree(json: &Value) -> Tree {
    Tree::from_json(schema(), &json.to_string()).unwrap_or_else(|error| panic!("{error}: {json}"))
}

/// The lines that differ.
pub fn differences(before: &BTreeSet<String>, after: &BTreeSet<String>) -> Vec<String> {
    let gone = before.difference(after).map(|line| format!("- {line}"));
    gone.chain(after.difference(before).map(|line| format!("+ {line}"))).collect()
}

fn words(errors: &[RpcError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
