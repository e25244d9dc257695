//! `<rpc>` as XML.

use super::{
    Check, Configuration, Confirmed, Datastore, Envelope, Named, Question, Revision, Rpc, Source,
};
use crate::namespace::{DATASTORES, MONITORING, NETLOOM, NMDA, NOTIFICATION, PRIVATE_CANDIDATE};
use crate::xml::{Xml, leaf};

impl Rpc {
    /// Writes it.
    pub fn to_xml(&self, message_id: &str) -> String {
        let Envelope { attributes, .. } = Envelope::new(message_id);
        let mut out = format!("<rpc{attributes}>");
        self.write(&mut out);
        out + "</rpc>"
    }

    fn write(&self, out: &mut String) {
        match self {
            Rpc::GetConfig { source, filter } => {
                *out += "<get-config>";
                datastore(out, "source", *source);
                subtree(out, filter.as_ref());
                *out += "</get-config>";
            }
            Rpc::Get { filter } => {
                *out += "<get>";
                subtree(out, filter.as_ref());
                *out += "</get>";
            }
            Rpc::GetData { datastore, filter, config_filter } => {
                let name = datastore.name();
                *out += &format!(
                    "<get-data xmlns=\"{NMDA}\"><datastore xmlns:ds=\"{DATASTORES}\">ds:{name}</datastore>"
                );
                if let Some(Xml(filter)) = filter {
                    *out += &format!("<subtree-filter>{filter}</subtree-filter>");
                }
                if let Some(config) = config_filter {
                    leaf(out, "config-filter", &config.to_string());
                }
                *out += "</get-data>";
            }
            Rpc::EditConfig { target, default_operation, test_option, error_option, config } => {
                *out += "<edit-config>";
                datastore(out, "target", *target);
                leaf(out, "default-operation", default_operation.name());
                if let Some(test_option) = test_option {
                    leaf(out, "test-option", test_option.name());
                }
                leaf(out, "error-option", error_option.name());
                *out += "<config>";
                *out += &config.0;
                *out += "</config></edit-config>";
            }
            Rpc::CopyConfig { target, source: from } => {
                *out += "<copy-config>";
                datastore(out, "target", *target);
                source(out, from);
                *out += "</copy-config>";
            }
            Rpc::DeleteConfig { target } => on_target(out, "delete-config", *target),
            Rpc::Lock(target) => on_target(out, "lock", *target),
            Rpc::Unlock(target) => on_target(out, "unlock", *target),
            Rpc::Validate(from) => {
                *out += "<validate>";
                source(out, from);
                *out += "</validate>";
            }
            Rpc::Commit { confirmed: None, persist_id: None } => *out += "<commit/>",
            Rpc::Commit { confirmed, persist_id } => {
                *out += "<commit>";
                if let Some(Confirmed { timeout, persist }) = confirmed {
                    *out += "<confirmed/>";
                    leaf(out, "confirm-timeout", &timeout.to_string());
                    persist.iter().for_each(|persist| leaf(out, "persist", persist));
                }
                persist_id.iter().for_each(|id| leaf(out, "persist-id", id));
                *out += "</commit>";
            }
            Rpc::CancelCommit { persist_id } => {
                *out += "<cancel-commit>";
                persist_id.iter().for_each(|id| leaf(out, "persist-id", id));
                *out += "</cancel-commit>";
            }
            Rpc::DiscardChanges => *out += "<discard-changes/>",
            Rpc::Update(mode) => {
                *out += &format!("<update xmlns=\"{PRIVATE_CANDIDATE}\">");
                leaf(out, "resolution-mode", mode.name());
                *out += "</update>";
            }
            Rpc::CloseSession => *out += "<close-session/>",
            Rpc::CreateSubscription { stream, filter } => {
                *out += &format!("<create-subscription xmlns=\"{NOTIFICATION}\">");
                stream.iter().for_each(|stream| leaf(out, "stream", stream));
                subtree(out, filter.as_ref());
                *out += "</create-subscription>";
            }
            Rpc::KillSession(id) => {
                *out += &format!("<kill-session><session-id>{id}</session-id></kill-session>");
            }
            Rpc::GetSchema { identifier, version, format } => {
                *out += &format!("<get-schema xmlns=\"{MONITORING}\">");
                leaf(out, "identifier", identifier);
                for (name, value) in [("version", version), ("format", format)] {
                    if let Some(value) = value {
                        leaf(out, name, value);
                    }
                }
                *out += "</get-schema>";
            }
            Rpc::CommitWithComment { comment, confirm_timeout, checks } => {
                *out += &format!("<commit xmlns=\"{NETLOOM}\">");
                if let Some(comment) = comment {
                    leaf(out, "comment", comment);
                }
                if let Some(timeout) = confirm_timeout {
                    leaf(out, "confirm-timeout", &timeout.to_string());
                }
                checks.iter().for_each(|one| check(out, one));
                *out += "</commit>";
            }
            Rpc::ScheduleCommit { time, comment } => {
                *out += &format!("<schedule-commit xmlns=\"{NETLOOM}\">");
                leaf(out, "time", time);
                comment.iter().for_each(|comment| leaf(out, "comment", comment));
                *out += "</schedule-commit>";
            }
            Rpc::CancelScheduledCommit(number) => {
                *out += &format!("<cancel-scheduled-commit xmlns=\"{NETLOOM}\">");
                leaf(out, "number", &number.to_string());
                *out += "</cancel-scheduled-commit>";
            }
            Rpc::GetSchedule => *out += &format!("<get-schedule xmlns=\"{NETLOOM}\"/>"),
            Rpc::CheckCommit => *out += &format!("<check-commit xmlns=\"{NETLOOM}\"/>"),
            Rpc::Rollback(to) => {
                *out += &format!("<rollback xmlns=\"{NETLOOM}\">");
                revision(out, *to);
                *out += "</rollback>";
            }
            Rpc::GetRevision(of) => {
                *out += &format!("<get-revision xmlns=\"{NETLOOM}\">");
                revision(out, *of);
                *out += "</get-revision>";
            }
            Rpc::GetDifference { from, to } => {
                *out += &format!("<get-difference xmlns=\"{NETLOOM}\"><from>");
                configuration(out, *from);
                *out += "</from><to>";
                configuration(out, *to);
                *out += "</to></get-difference>";
            }
            Rpc::Import { netns, routing_daemons } => {
                *out += &format!("<import xmlns=\"{NETLOOM}\">");
                netns.iter().for_each(|netns| leaf(out, "netns", netns));
                if *routing_daemons {
                    *out += "<routing-daemons/>";
                }
                *out += "</import>";
            }
            Rpc::Repair => *out += &format!("<repair xmlns=\"{NETLOOM}\"/>"),
            Rpc::SaveRescue => *out += &format!("<save-rescue xmlns=\"{NETLOOM}\"/>"),
            Rpc::DeleteRescue => *out += &format!("<delete-rescue xmlns=\"{NETLOOM}\"/>"),
            Rpc::GetConflicts => *out += &format!("<get-conflicts xmlns=\"{NETLOOM}\"/>"),
            Rpc::ResolveConflicts { path, keep } => {
                *out += &format!("<resolve-conflicts xmlns=\"{NETLOOM}\">");
                path.iter().for_each(|path| leaf(out, "path", path));
                leaf(out, "keep", keep.name());
                *out += "</resolve-conflicts>";
            }
            Rpc::GetBlame { path } => {
                *out += &format!("<get-blame xmlns=\"{NETLOOM}\">");
                path.iter().for_each(|path| leaf(out, "path", path));
                *out += "</get-blame>";
            }
            Rpc::GetHistory => *out += &format!("<get-history xmlns=\"{NETLOOM}\"/>"),
        }
    }
}

fn datastore(out: &mut String, role: &str, datastore: Datastore) {
    *out += &format!("<{role}><{}/></{role}>", datastore.name());
}

fn on_target(out: &mut String, operation: &str, target: Datastore) {
    *out += &format!("<{operation}>");
    datastore(out, "target", target);
    *out += &format!("</{operation}>");
}

fn source(out: &mut String, source: &Source) {
    match source {
        Source::Datastore(from) => datastore(out, "source", *from),
        Source::Config(Xml(config)) => {
            *out += "<source><config>";
            *out += config;
            *out += "</config></source>";
        }
    }
}

fn configuration(out: &mut String, configuration: Configuration) {
    match configuration {
        Configuration::Datastore(datastore) => *out += &format!("<{}/>", datastore.name()),
        Configuration::Revision(of) => revision(out, of),
    }
}

fn revision(out: &mut String, revision: Revision) {
    match revision {
        Revision::Position(position) => leaf(out, "position", &position.to_string()),
        Revision::Id(id) => leaf(out, "id", &id.to_string()),
        Revision::Rescue => *out += "<rescue/>",
    }
}

fn subtree(out: &mut String, filter: Option<&Xml>) {
    if let Some(Xml(filter)) = filter {
        *out += "<filter type=\"subtree\">";
        *out += filter;
        *out += "</filter>";
    }
}

fn check(out: &mut String, Check { question, netns }: &Check) {
    *out += "<check>";
    match question {
        Question::Ping(address) => leaf(out, "ping", &address.to_string()),
        Question::Tcp(address, port) => {
            leaf(out, "tcp", &address.to_string());
            leaf(out, "port", &port.to_string());
        }
    }
    netns.iter().for_each(|netns| leaf(out, "netns", netns));
    *out += "</check>";
}
