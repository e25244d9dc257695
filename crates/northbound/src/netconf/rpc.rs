//! Executes each NETCONF operation with the engine.
//!
//! Each session has its own candidate (draft-ietf-netconf-privcand), which is the only datastore that can be
//! edited. Running changes only by commits, and startup can only be replaced as a whole. Large content is parsed
//! and printed on other threads than those that serve connections.

use std::time::{Duration, SystemTime};

use ::netconf::namespace::{BASE, MONITORING, NETLOOM, NMDA};
use ::netconf::{
    BlameOutput, Blamed, Check, CheckOutput, CommitOutput, Configuration, Confirmed, Conflict,
    ConflictsOutput, DefaultOperation, DifferenceOutput, ErrorOption, HistoryEntry, HistoryOutput,
    Hold, Holds, ImportOutput, Reply, ResolutionMode, ResolveOutput, Revision, Rpc, ScheduleOutput,
    ScheduledCommit, Side, Source, TestOption, Xml,
};
use engine::{CommitRequest, ConfirmedBy, Datastore, NetnsName, Past, Probe, Question, Session};
use yang::{Edit, ErrorTag, Operation, Path, Schema, Tree};

use super::answer::{Answer, Data};
use super::blocking::blocking;
use super::error::{Errors, Result};
use super::read::{self, Read};
use super::subscription::Subscription;
use super::time;

/// The operations of one session.
pub(super) struct Operations {
    pub(super) session: Session,
    pub(super) schema: &'static Schema,
    /// The notifications that the session sends between its replies.
    pub(super) subscription: Option<Subscription>,
}

impl Operations {
    pub(super) async fn perform(&mut self, rpc: Rpc) -> Result<Answer> {
        match rpc {
            Rpc::GetConfig { source, filter } => {
                self.read(Read { filter, ..Read::of(store(source), BASE) }).await
            }
            // RFC 6241 section 7.7: running and the state of the device.
            Rpc::Get { filter } => {
                let read = Read::of(Datastore::Operational, BASE);
                self.read(Read { filter, with_running: true, ..read }).await
            }
            Rpc::GetData { config_filter: Some(false), .. } => {
                let message = "<config-filter> can only be true";
                Err(Errors::request(ErrorTag::OperationNotSupported, message))
            }
            Rpc::GetData { datastore, filter, config_filter } => {
                let config_only = config_filter.unwrap_or_default();
                let read = Read::of(store(datastore), NMDA);
                self.read(Read { filter, config_only, ..read }).await
            }
            Rpc::EditConfig { target, default_operation, test_option, error_option, config } => {
                writable(target, "edit-config")?;
                // The edit is applied completely or not at all, which satisfies the other error options too.
                if error_option == ErrorOption::ContinueOnError {
                    let message = "continue-on-error: an edit happens whole or not at all";
                    return Err(Errors::request(ErrorTag::OperationNotSupported, message));
                }
                let edit = self.parse_edit(config, default_operation).await?;
                self.edit(edit, test_option.unwrap_or_default()).await
            }
            Rpc::CopyConfig { target, source } => self.copy(target, source).await,
            Rpc::DeleteConfig { target: ::netconf::Datastore::Startup } => {
                ok(self.session.replace_startup(Tree::empty(self.schema)).await)
            }
            Rpc::DeleteConfig { target } => {
                let message = format!("{} cannot be deleted, only startup can", target.name());
                Err(Errors::request(ErrorTag::OperationNotSupported, message))
            }
            Rpc::Lock(target) => ok(self.session.lock(store(target)).await),
            Rpc::Unlock(target) => ok(self.session.unlock(store(target)).await),
            Rpc::Validate(Source::Datastore(source)) => {
                ok(self.session.validate(store(source)).await)
            }
            Rpc::Validate(Source::Config(config)) => {
                ok(self.session.validate_content(self.parse(config).await?).await)
            }
            Rpc::Commit { confirmed, persist_id } => {
                let confirmed = confirmed.map(|Confirmed { timeout, persist }| engine::Confirmed {
                    timeout: Duration::from_secs(timeout.into()),
                    by: persist.map_or(ConfirmedBy::Session, ConfirmedBy::Persist),
                    probes: Vec::new(),
                });
                let request = CommitRequest { comment: None, confirmed, persist_id };
                ok(self.session.commit(request).await.map(drop))
            }
            Rpc::CancelCommit { persist_id } => ok(self.session.cancel(persist_id).await),
            Rpc::Update(mode) => {
                let prefers = match mode {
                    ResolutionMode::RevertOnConflict => None,
                    ResolutionMode::PreferCandidate => Some(engine::Side::Ours),
                    ResolutionMode::PreferRunning => Some(engine::Side::Theirs),
                };
                ok(self.session.update(prefers).await)
            }
            Rpc::DiscardChanges => ok(self.session.discard().await),
            Rpc::CloseSession => ok(Ok(())),
            Rpc::CreateSubscription { stream, filter } => {
                if self.subscription.is_some() {
                    let message = "the session has a subscription, which lasts as long as it";
                    return Err(Errors::request(ErrorTag::InUse, message));
                }
                let notices = self.session.notices();
                let subscribed = Subscription::new(notices, stream.as_deref(), filter.as_ref())?;
                self.subscription = Some(subscribed);
                ok(Ok(()))
            }
            Rpc::KillSession(id) if id == self.session.id() => {
                // RFC 6241 section 7.9.
                let message = "a session does not kill itself: use <close-session>";
                Err(Errors::request(ErrorTag::InvalidValue, message))
            }
            Rpc::KillSession(id) => ok(self.session.kill(id).await),
            Rpc::GetSchema { identifier, version, format } => {
                self.module(&identifier, version.as_deref(), format.as_deref())
            }
            Rpc::CommitWithComment { comment, confirm_timeout, checks } => {
                let probes = checks.into_iter().map(probe).collect::<Result<Vec<Probe>>>()?;
                let confirmed = confirm_timeout.map(|seconds| engine::Confirmed {
                    timeout: Duration::from_secs(seconds.into()),
                    by: ConfirmedBy::Anybody,
                    probes,
                });
                let request = CommitRequest { comment, confirmed, persist_id: None };
                let done = self.session.commit(request).await?;
                let engine::Committed { id, summary, held, milliseconds } = done;
                let held = holds(held);
                Ok(output(CommitOutput { id, summary, held, milliseconds }.to_xml()))
            }
            Rpc::ScheduleCommit { time, comment } => {
                let due = instant(&time)?;
                let commits = vec![scheduled(self.session.schedule(due, comment).await?)];
                Ok(output(ScheduleOutput { commits }.to_xml()))
            }
            Rpc::CancelScheduledCommit(number) => ok(self.session.unschedule(number).await),
            Rpc::GetSchedule => {
                let commits = self.session.scheduled().await?.into_iter().map(scheduled).collect();
                Ok(output(ScheduleOutput { commits }.to_xml()))
            }
            Rpc::CheckCommit => {
                let engine::Checked { operations, held } = self.session.check().await?;
                Ok(output(CheckOutput { operations, held: holds(held) }.to_xml()))
            }
            Rpc::Rollback(to) => {
                let (past, content) = self.past(to).await?;
                ok(self.session.roll_back(&past, content).await)
            }
            Rpc::GetDifference { from, to } => {
                // Both must come from the same history: another commit changes all positions.
                let past = self.session.past().await?;
                let to = self.configuration(&past, to).await?;
                let from = self.configuration(&past, from).await?;
                let sides = blocking(move || {
                    let (before, after) = from.diff(&to).sides(&from, &to)?;
                    let [before, after] = [before, after].map(|side| Xml(side.to_xml(false)));
                    Ok::<_, yang::Error>(DifferenceOutput { before, after })
                });
                Ok(output(sides.await?.to_xml()))
            }
            Rpc::GetRevision(of) => {
                let (_, tree) = self.past(of).await?;
                Ok(Answer::Data(Data { tree, namespace: NETLOOM, size: 0 }))
            }
            Rpc::Import { netns, routing_daemons } => {
                let named = |name: String| {
                    name.parse().map_err(|_| {
                        let message = format!("{name:?} is no name of a namespace");
                        Errors::request(ErrorTag::InvalidValue, message)
                    })
                };
                let namespaces = netns.into_iter().map(named).collect::<Result<_>>()?;
                let request = engine::ImportRequest { namespaces, routing_daemons };
                let engine::Imported { tree, left_out } = self.session.import(request).await?;
                let configuration = Xml(tree.to_xml(false));
                Ok(output(ImportOutput { configuration, left_out }.to_xml()))
            }
            Rpc::Repair => ok(self.session.repair().await),
            Rpc::SaveRescue => ok(self.session.save_rescue().await),
            Rpc::DeleteRescue => ok(self.session.delete_rescue().await),
            Rpc::GetConflicts => {
                let conflicts = self.session.conflicts().await?;
                let conflicts = blocking(move || conflicts.list()).await;
                let conflicts = conflicts.into_iter().map(conflict).collect();
                Ok(output(ConflictsOutput { conflicts }.to_xml()))
            }
            Rpc::ResolveConflicts { path, keep } => {
                let place = path.map(|path| Path::parse(self.schema, &path)).transpose()?;
                let side = match keep {
                    Side::Mine => engine::Side::Ours,
                    Side::Theirs => engine::Side::Theirs,
                };
                let left = self.session.resolve(place.unwrap_or_default(), side).await?;
                let left = u32::try_from(left).unwrap_or(u32::MAX);
                Ok(output(ResolveOutput { left }.to_xml()))
            }
            Rpc::GetBlame { path } => {
                let place = path.map(|path| Path::parse(self.schema, &path)).transpose()?;
                let place = place.unwrap_or_default();
                let past = self.session.past().await?;
                let blamed = blocking(move || past.blame(&place)).await;
                let commits = blamed.into_iter().map(|blamed| Blamed {
                    commit: history_entry(blamed.entry),
                    paths: blamed.paths.iter().map(ToString::to_string).collect(),
                });
                Ok(output(BlameOutput { commits: commits.collect() }.to_xml()))
            }
            Rpc::GetHistory => {
                let past = self.session.past().await?;
                let commits = blocking(move || past.verify()).await?;
                let commits = commits.into_iter().map(history_entry).collect();
                Ok(output(HistoryOutput { commits }.to_xml()))
            }
        }
    }

    /// An earlier configuration, and the revision that selects it.
    async fn past(&self, of: Revision) -> Result<(Past, Tree)> {
        let past = self.session.past().await?;
        let found =
            blocking(move || past.configuration(revision(of)).map(|content| (past, content)));
        Ok(found.await?)
    }

    async fn configuration(&self, past: &Past, of: Configuration) -> Result<Tree> {
        match of {
            Configuration::Datastore(datastore) => self.whole(store(datastore)).await,
            Configuration::Revision(of) => {
                let past = past.clone();
                Ok(blocking(move || past.configuration(revision(of))).await?)
            }
        }
    }

    async fn read(&self, read: Read) -> Result<Answer> {
        read.answer(&self.session, self.schema).await
    }

    async fn whole(&self, datastore: Datastore) -> Result<Tree> {
        read::whole(&self.session, self.schema, datastore).await
    }

    async fn edit(&self, edit: Edit, test_option: TestOption) -> Result<Answer> {
        if test_option == TestOption::Set {
            return ok(self.session.edit(edit).await);
        }
        let mut draft = self.session.draft().await?;
        let (edit, tested) = blocking(move || {
            let result = draft.edit(&edit);
            (edit, result.map(|()| draft.merged()))
        })
        .await;
        self.session.validate_content(tested?).await?;
        match test_option {
            TestOption::TestOnly => ok(Ok(())),
            TestOption::Set | TestOption::TestThenSet => ok(self.session.edit(edit).await),
        }
    }

    async fn copy(&self, target: ::netconf::Datastore, source: Source) -> Result<Answer> {
        use ::netconf::Datastore::{Candidate, Operational, Running, Startup};
        if source == Source::Datastore(target) {
            // RFC 6241 section 7.3.
            let message = format!("{} is both source and target", target.name());
            return Err(Errors::request(ErrorTag::InvalidValue, message));
        }
        let content = match source {
            Source::Datastore(source) => self.whole(store(source)).await?,
            Source::Config(config) => self.parse(config).await?,
        };
        match target {
            Candidate => ok(self.session.replace(content).await),
            Startup => ok(self.session.replace_startup(content).await),
            Running | Operational => writable(target, "copy-config").and_then(|()| ok(Ok(()))),
        }
    }

    /// RFC 6022 section 3.1.
    fn module(
        &self,
        identifier: &str,
        version: Option<&str>,
        format: Option<&str>,
    ) -> Result<Answer> {
        if let Some(format) = format.filter(|format| *format != "yang") {
            let message = format!("modules are there in the format yang, not {format}");
            return Err(Errors::request(ErrorTag::InvalidValue, message));
        }
        let module = self.schema.modules().iter().find(|module| {
            module.name == identifier
                && version.is_none_or(|version| version == module.revision.as_deref().unwrap_or(""))
        });
        let Some(module) = module else {
            let version = version.map(|version| format!(" of {version}")).unwrap_or_default();
            let message = format!("there is no module {identifier}{version}");
            return Err(Errors::request(ErrorTag::InvalidValue, message));
        };
        let text = module.text()?;
        Ok(Reply::Data(Xml::leaf("data", MONITORING, &text)).into())
    }

    async fn parse(&self, Xml(config): Xml) -> Result<Tree> {
        let schema = self.schema;
        Ok(blocking(move || Tree::from_xml(schema, &config)).await?)
    }

    async fn parse_edit(&self, Xml(config): Xml, default: DefaultOperation) -> Result<Edit> {
        let schema = self.schema;
        let default = match default {
            DefaultOperation::Merge => Operation::Merge,
            DefaultOperation::Replace => Operation::Replace,
            DefaultOperation::None => Operation::None,
        };
        Ok(blocking(move || Edit::from_xml(schema, &config, default)).await?)
    }
}

/// The point in time of a `yang:date-and-time` (RFC 9911).
fn instant(text: &str) -> Result<SystemTime> {
    time::parse(text).map_err(|error| {
        Errors::request(ErrorTag::InvalidValue, format!("<time>: {text:?}: {error}"))
    })
}

fn revision(of: Revision) -> engine::Revision {
    match of {
        Revision::Position(position) => engine::Revision::Position(position as usize),
        Revision::Id(id) => engine::Revision::Id(id),
        Revision::Rescue => engine::Revision::Rescue,
    }
}

fn scheduled(one: engine::Scheduled) -> ScheduledCommit {
    let engine::Scheduled { number, due, made, origin, comment, summary, delay_reason, .. } = one;
    let engine::Origin { user, from } = origin;
    let time = time::seconds(due);
    let scheduled = time::seconds(made);
    ScheduledCommit { number, time, scheduled, user, from, comment, summary, delay_reason }
}

/// A check of a confirmed commit, and the namespace that it is sent from.
fn probe(check: Check) -> Result<Probe> {
    let Check { question, netns } = check;
    let netns = match netns {
        None => NetnsName::own(),
        Some(name) => name
            .parse()
            .map_err(|error| Errors::request(ErrorTag::InvalidValue, format!("check: {error}")))?,
    };
    let what = match question {
        ::netconf::Question::Ping(address) => Question::Ping(address),
        ::netconf::Question::Tcp(address, port) => Question::Tcp((address, port).into()),
    };
    Ok(Probe { netns, what })
}

fn ok(result: engine::Result<()>) -> Result<Answer> {
    result?;
    Ok(Reply::Ok.into())
}

/// RFC 7950 section 7.14.4: if there is no output, the reply is `<ok/>`.
fn output(content: Xml) -> Answer {
    let reply = if content == Xml::default() { Reply::Ok } else { Reply::Data(content) };
    reply.into()
}

/// Only the candidate can be edited, since there is no capability `:writable-running`.
fn writable(target: ::netconf::Datastore, operation: &str) -> Result<()> {
    use ::netconf::Datastore::{Candidate, Operational, Running, Startup};
    match target {
        Candidate => Ok(()),
        Running | Startup | Operational => {
            let target = target.name();
            let message =
                format!("{operation}: {target} is not writable: change candidate, then commit");
            Err(Errors::request(ErrorTag::OperationNotSupported, message))
        }
    }
}

fn store(datastore: ::netconf::Datastore) -> Datastore {
    match datastore {
        ::netconf::Datastore::Candidate => Datastore::Candidate,
        ::netconf::Datastore::Running => Datastore::Running,
        ::netconf::Datastore::Startup => Datastore::Startup,
        ::netconf::Datastore::Operational => Datastore::Operational,
    }
}

fn holds(held: engine::Holds) -> Holds {
    let listed = held.listed.into_iter().map(|hold| Hold { path: hold.path, reason: hold.reason });
    Holds { listed: listed.collect(), more: u64::try_from(held.more).unwrap_or(u64::MAX) }
}

fn history_entry(entry: engine::HistoryEntry) -> HistoryEntry {
    let (user, from) = entry.origin.map(|origin| (origin.user, origin.from)).unzip();
    HistoryEntry {
        position: u32::try_from(entry.position).unwrap_or(u32::MAX),
        id: entry.id,
        user,
        from,
        time: entry.time.map(time::seconds),
        comment: entry.comment,
        summary: entry.summary,
        held: u64::try_from(entry.held).unwrap_or(u64::MAX),
        digest: entry.digest.map(|digest| digest.to_string()),
        fault: entry.fault,
    }
}

fn conflict(conflict: engine::Conflict) -> Conflict {
    let by = conflict.by.map(history_entry);
    let id = by.as_ref().map(|by| by.id);
    let by = by.unwrap_or_default();
    Conflict {
        path: conflict.path.to_string(),
        base: conflict.base,
        mine: conflict.ours,
        theirs: conflict.theirs,
        id,
        user: by.user,
        from: by.from,
        time: by.time,
    }
}
