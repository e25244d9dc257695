//! Drift: what others have changed of what is configured, and what is done about it.
//!
//! An event names objects, these are observed and compared with running, and each difference is one of three. It went
//! along with a link or a namespace that is away, and waits for that; its link is back, and so it is given
//! back; or somebody has changed it, which the configuration's policy for its place decides about.

mod adopt;
mod policy;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use netstate::noun::{Need, goes_with_address, goes_with_down, needs};
use netstate::{Action, Desired, How, Key, NetnsName, Noun, Object, Op, Place};

use crate::clock::Moment;
use crate::datastore::Datastore;
use crate::engine::{Engine, Intent};
use crate::error::{Error, Errors};
use crate::kernel_state::diverged::Obstacle;
use crate::session::notice::News;
use crate::transaction::converge::{Course, Way};
use crate::transaction::reach::{Reach, netns_of, place_of, with_dependents};

use policy::Policy;
pub(crate) use policy::{MODULE, Policies};

/// How many missing links a look puts aside before it gives up.
const OBSTACLES: usize = 64;

/// How many changes by others are told one by one; a log is no place for a storm.
const TOLD: usize = 16;

/// How long what could not be looked at, repaired or adopted is left alone, at first.
const AGAIN: Duration = Duration::from_secs(1);

/// What has been repaired and changed again within this time is contested: it is repaired ever more seldom, up to
/// once in this time.
const CONTESTED: Duration = Duration::from_secs(60);

/// What is known of drift.
#[derive(Debug, Default)]
pub(crate) struct Drift {
    differing: BTreeMap<Key, Differing>,
    /// How often, and when last, an object has been repaired.
    repaired: BTreeMap<Key, (u32, Moment)>,
    /// How often what the policy wants of it has failed.
    failed: BTreeMap<Key, u32>,
    /// When these are looked at again.
    again: BTreeMap<Key, Moment>,
    /// How many objects were told to differ.
    told: usize,
}

/// An object that is not as it is configured.
#[derive(Clone, Debug)]
struct Differing {
    since: SystemTime,
    /// What would put it right, in words.
    difference: String,
    /// Whether it is not there at all.
    missing: bool,
    policy: Policy,
    /// What it went with.
    waits_for: Option<Key>,
    obstacle: Option<String>,
}

/// The links that something may have fallen from since they were last looked at.
#[derive(Debug, Default)]
pub(crate) struct Stirred {
    /// Those that may have been away: everything.
    pub(crate) links: BTreeSet<Key>,
    /// Those that an address has gone from: routes.
    pub(crate) without_address: BTreeSet<Key>,
}

impl Stirred {
    fn all(&self) -> impl Iterator<Item = &Key> {
        self.links.iter().chain(&self.without_address)
    }

    /// Whether an object on this link may have fallen from it.
    fn lets_fall(&self, link: &Key, (key, object): (&Key, &Object)) -> bool {
        self.links.contains(link)
            || (goes_with_address(key, object) && self.without_address.contains(link))
    }
}

/// What a look has found, by what is to be done about it.
#[derive(Debug, Default)]
struct Findings {
    /// As they are configured.
    right: BTreeSet<Key>,
    /// Gone with something that is away.
    waiting: BTreeMap<Key, (Differing, Key)>,
    /// Gone with something that is back.
    fallen: BTreeSet<Key>,
    changed: BTreeMap<Key, Differing>,
}

impl Drift {
    /// These are as they are configured, or no longer are configured.
    pub(crate) fn forget<'k>(&mut self, keys: impl IntoIterator<Item = &'k Key>) {
        for key in keys {
            self.differing.remove(key);
            self.failed.remove(key);
            self.again.remove(key);
        }
    }

    /// Everything is as it is configured.
    pub(crate) fn clear(&mut self) {
        self.differing.clear();
        self.failed.clear();
        self.again.clear();
    }

    /// What differs is dealt with anew where policies have changed.
    pub(crate) fn consider(&mut self, now: Moment, old: &Policies, new: &Policies) {
        if old != new {
            self.again.extend(self.differing.keys().map(|key| (key.clone(), now)));
        }
    }

    /// When there is something to look at again.
    pub(crate) fn due(&self) -> Option<Moment> {
        self.again.values().min().copied()
    }

    #[cfg(test)]
    pub(crate) fn differs(&self, key: &Key) -> bool {
        self.differing.contains_key(key)
    }

    /// How many objects differ that are not to be ignored.
    fn count(&self) -> usize {
        self.differing.values().filter(|differing| differing.policy != Policy::Ignore).count()
    }

    fn is_missing(&self, key: &Key) -> bool {
        self.differing.get(key).is_some_and(|differing| differing.missing)
    }

    /// How long to wait between this repair of an object and the next; nothing where it is not contested.
    fn patience(&mut self, key: &Key, now: Moment) -> Option<Moment> {
        self.repaired.retain(|_, (_, last)| now < *last + CONTESTED);
        let (times, last) = self.repaired.get(key)?;
        // The first few come at once: two programs that start together are no fight.
        let pause = Duration::from_millis(125) * 2u32.saturating_pow(times.saturating_sub(3));
        Some(*last + if *times < 3 { Duration::ZERO } else { pause.min(CONTESTED) })
    }

    fn count_repair(&mut self, key: &Key, now: Moment) {
        let (times, last) = self.repaired.entry(key.clone()).or_insert((0, now));
        *times += 1;
        *last = now;
    }
}

impl Engine {
    /// Looks at what could not be looked at, or dealt with, before.
    pub(crate) fn look_again(&mut self, now: Moment) {
        let due = self.drift.again.iter().filter(|(_, at)| **at <= now);
        let keys: BTreeSet<Key> = due.map(|(key, _)| key.clone()).collect();
        self.drift.again.retain(|key, _| !keys.contains(key));
        self.look_at_objects(keys, &Stirred::default());
    }

    /// Looks at these objects of running and at what stands on the links among them, and deals with what is not as
    /// it is configured. What the engine itself has changed is. A link that is `stirred` may have been away meanwhile.
    pub(crate) fn look_at_objects(&mut self, keys: BTreeSet<Key>, stirred: &Stirred) {
        // While the kernel could not be brought back, all of it is looked at each time that is tried again.
        if keys.is_empty() || self.diverged.is_some() {
            return;
        }
        let running = self.running.intent.clone();
        let desired = running.desired();
        let keys = with_loose_routes(with_dependents(keys, &[desired]), stirred, desired);
        let Some(course) = self.survey_what_is_there(&running, &keys) else { return };
        let findings = self.findings(&running, &course, stirred);
        let Findings { right, waiting, fallen, changed } = findings;
        self.drift.forget(&right);
        self.note_waiting(waiting);
        self.deal_with(&running, changed, fallen);
        self.tell_no_drift();
    }

    /// Surveys these objects. A link that was there before and has gone waits to come back, with what needs it.
    fn survey_what_is_there(&mut self, running: &Intent, keys: &BTreeSet<Key>) -> Option<Course> {
        for _ in 0..OBSTACLES {
            let reach = Reach::Named(keys.clone());
            let errors = match self.survey(&Way { reach, ..Way::from(running.desired(), running) })
            {
                Ok(course) => return Some(course),
                Err(errors) => errors,
            };
            tracing::warn!(errors = errors.told(), "no longer as configured");
            match errors.0.iter().find_map(Error::key).cloned() {
                Some(key) => {
                    let gone = BTreeSet::from([key.clone()]);
                    let gone = with_dependents(gone, &[running.desired()]);
                    self.drift.forget(&gone);
                    self.obstacles.insert(key, Obstacle::of(&errors));
                    self.stuck.extend(gone);
                }
                None => {
                    let at = self.again();
                    self.drift.again.extend(keys.iter().map(|key| (key.clone(), at)));
                    return None;
                }
            }
        }
        None
    }

    fn findings(&self, running: &Intent, course: &Course, stirred: &Stirred) -> Findings {
        let desired = running.desired();
        let mut findings = Findings::default();
        let off: BTreeSet<&Key> = course.plan.ops.iter().map(|op| &op.key).collect();
        findings.right.extend(course.keys.iter().filter(|key| !off.contains(key)).cloned());
        if off.is_empty() {
            return findings;
        }
        let now = (self.settings.clock.wall)();
        let footing = Footing::of(self, course, desired, stirred);
        let returned = self.returned(course, desired);
        for op in &course.plan.ops {
            let key = &op.key;
            let Some(object) = desired.get(key) else { continue };
            let policy = running.policies.at(&running.path(key));
            let differing = Differing {
                since: self.drift.differing.get(key).map_or(now, |known| known.since),
                difference: op.to_string(),
                missing: match key.noun() == Noun::Link {
                    true => !course.links.contains_key(key),
                    false => matches!(op.action, Action::Create(_)),
                },
                policy,
                waits_for: None,
                obstacle: None,
            };
            let below = footing.below(op, object);
            let back = matches!(below, Below::Back) || returned.contains(key);
            match below {
                Below::Away(link) => {
                    findings.waiting.entry(key.clone()).or_insert((differing, link));
                }
                Below::Back | Below::There if back && !self.is_reported(key) => {
                    findings.fallen.insert(key.clone());
                }
                Below::Back | Below::There => {
                    // A link's first difference is the one to tell.
                    findings.changed.entry(key.clone()).or_insert(differing);
                }
            }
        }
        findings.changed.retain(|key, _| !findings.waiting.contains_key(key));
        // What stands on a link that is given back comes along.
        loop {
            let is_back = |_: &Key, (_, link): &mut (_, Key)| findings.fallen.contains(link);
            let back: Vec<Key> =
                findings.waiting.extract_if(.., is_back).map(|(key, _)| key).collect();
            if back.is_empty() {
                break;
            }
            findings.fallen.extend(back);
        }
        findings
    }

    /// Whether somebody is known to have changed it: that its link comes back is no reason to put it right.
    fn is_reported(&self, key: &Key) -> bool {
        self.drift.differing.get(key).is_some_and(|known| {
            known.waits_for.is_none() && !(known.missing && key.noun() == Noun::Link)
        })
    }

    /// The links that were missing, or elsewhere, and are there: with all that stands on them.
    fn returned(&self, course: &Course, desired: &Desired) -> BTreeSet<Key> {
        let back = course.links.keys().filter(|key| self.drift.is_missing(key));
        let moved = course.plan.ops.iter().filter(|op| has_moved(op, desired)).map(|op| &op.key);
        let back: BTreeSet<Key> = back.chain(moved).cloned().collect();
        if back.is_empty() { back } else { with_dependents(back, &[desired]) }
    }

    fn note_waiting(&mut self, waiting: BTreeMap<Key, (Differing, Key)>) {
        let mut with: BTreeMap<Key, usize> = BTreeMap::new();
        for (key, (differing, link)) in waiting {
            let known = self.drift.differing.get(&key);
            if known.is_none_or(|known| known.waits_for.as_ref() != Some(&link)) {
                *with.entry(link.clone()).or_default() += 1;
            }
            self.drift.differing.insert(key, Differing { waits_for: Some(link), ..differing });
        }
        for (link, objects) in with.into_iter().take(TOLD) {
            let path = self.running.intent.path(&link);
            tracing::info!(%path, objects, "gone with it, until it is back");
        }
    }

    /// Does what the policies say about what others have changed, and gives back what has fallen.
    fn deal_with(
        &mut self,
        running: &Intent,
        changed: BTreeMap<Key, Differing>,
        fallen: BTreeSet<Key>,
    ) {
        let now = self.now();
        let (mut repair, mut adopt) = (BTreeSet::new(), BTreeSet::new());
        let (mut told, mut paths) = (0, Vec::new());
        for (key, differing) in changed {
            let policy = differing.policy;
            let known = self.drift.differing.get(&key).map(|known| &known.difference);
            if policy != Policy::Ignore && known != Some(&differing.difference) {
                told += 1;
                if told <= TOLD {
                    let (path, repair) = (running.path(&key), &differing.difference);
                    tracing::warn!(%path, repair, policy = policy.name(), "changed by somebody else");
                    paths.push(path.to_string());
                }
            }
            self.drift.differing.insert(key.clone(), differing);
            match policy {
                Policy::Report | Policy::Ignore => {}
                Policy::Repair => match self.drift.patience(&key, now).filter(|at| *at > now) {
                    Some(later) => drop(self.drift.again.insert(key, later)),
                    None => drop(repair.insert(key)),
                },
                Policy::Adopt => drop(adopt.insert(key)),
            }
        }
        if told > TOLD {
            tracing::warn!(more = told - TOLD, "changed by somebody else");
        }
        if !paths.is_empty() {
            self.drift.told = self.drift.count();
            self.tell_all(News::Drift { paths, count: self.drift.told });
        }
        if !repair.is_empty() || !fallen.is_empty() {
            self.repair(repair, fallen);
        }
        if !adopt.is_empty() {
            self.adopt_drift(running, adopt);
        }
    }

    /// Tells that nothing differs any more, where something was told to.
    pub(crate) fn tell_no_drift(&mut self) {
        if self.drift.told > 0 && self.drift.count() == 0 {
            self.drift.told = 0;
            self.tell_all(News::Drift { paths: Vec::new(), count: 0 });
        }
    }

    /// Puts all right that differs, at a user's request.
    pub(crate) fn repair_all(&mut self, session: u32) -> Result<(), Errors> {
        self.sessions.may_write(session, Datastore::Running)?;
        self.reconcile()?;
        let keys: BTreeSet<Key> = self.drift.differing.keys().cloned().collect();
        self.put_right(keys)?;
        self.tell_no_drift();
        Ok(())
    }

    /// Makes the kernel what running says of these, of what went with them, and of what has fallen: all at once, as they
    /// may need each other.
    fn repair(&mut self, keys: BTreeSet<Key>, fallen: BTreeSet<Key>) {
        let now = self.now();
        keys.iter().for_each(|key| self.drift.count_repair(key, now));
        let waits = |differing: &Differing| {
            differing.waits_for.as_ref().is_some_and(|link| keys.contains(link))
        };
        let with = self.drift.differing.iter().filter(|(_, differing)| waits(differing));
        let all: BTreeSet<Key> =
            with.map(|(key, _)| key).chain(&keys).chain(&fallen).cloned().collect();
        match self.put_right(all) {
            Ok(()) => tracing::info!(repaired = keys.len(), fallen = fallen.len(), "put right"),
            Err(errors) if keys.is_empty() => {
                tracing::error!(errors = errors.told(), "not given back");
            }
            Err(errors) => self.put_off(&keys, &errors),
        }
    }

    /// Makes the kernel what running says of these objects. What it does not take stays as it is.
    fn put_right(&mut self, keys: BTreeSet<Key>) -> Result<(), Errors> {
        let touched = self.touched();
        self.settle(&touched, &Reach::Named(keys.clone()))?;
        let right = keys.iter().filter(|key| !self.stuck.contains(key));
        self.drift.forget(right);
        Ok(())
    }

    /// Leaves these as they are for now, and says why.
    fn put_off(&mut self, keys: &BTreeSet<Key>, errors: &Errors) {
        let now = self.now();
        let told = errors.told();
        for key in keys {
            let failed = self.drift.failed.entry(key.clone()).or_default();
            if *failed == 0 {
                tracing::error!(errors = told, "drift stays");
            }
            let pause = AGAIN * 2u32.saturating_pow(*failed);
            *failed = failed.saturating_add(1);
            self.drift.again.insert(key.clone(), now + pause.min(CONTESTED));
            if let Some(differing) = self.drift.differing.get_mut(key) {
                differing.obstacle = Some(told.clone());
            }
        }
    }
}

/// Where the objects of a course stand: on links that are away, that an event has named, or that are just there.
struct Footing<'a> {
    links: BTreeMap<&'a Place, Key>,
    away: BTreeSet<Key>,
    /// Those that are down, though nobody has configured that.
    down: BTreeSet<Key>,
    stirred: &'a Stirred,
    desired: &'a Desired,
}

enum Below {
    /// On this, which is away.
    Away(Key),
    /// On a link that may have been away.
    Back,
    There,
}

impl<'a> Footing<'a> {
    fn of(engine: &Engine, course: &Course, desired: &'a Desired, stirred: &'a Stirred) -> Self {
        let links: BTreeMap<&Place, Key> =
            desired.links().map(|(id, link)| (&link.place, Key::Link(id.clone()))).collect();
        let ops = course.plan.ops.iter().filter(|op| is_away(op)).map(|op| op.key.clone());
        let stuck = links.values().filter(|key| engine.stuck.contains(*key)).cloned();
        let is_missing =
            |key: &&Key| course.keys.contains(*key) && !course.links.contains_key(*key);
        let missing = links.values().filter(is_missing).cloned();
        let away = ops.chain(stuck).chain(missing).collect();
        let is_to_be_down = |key: &Key| {
            desired.get(key).and_then(Object::link).is_some_and(|link| link.flags.up == Some(false))
        };
        let down = links.values().filter(|key| course.links.get(key) == Some(&false));
        let down = down.filter(|key| !is_to_be_down(key)).cloned().collect();
        Footing { links, away, down, stirred, desired }
    }

    fn below(&self, op: &Op, object: &Object) -> Below {
        let netns = netns_of(&op.key, object).map(|netns| Key::Netns(netns.clone()));
        if let Some(netns) = netns.filter(|netns| self.away.contains(netns)) {
            return Below::Away(netns);
        }
        if !matches!(op.action, Action::Create(_)) {
            return Below::There;
        }
        let links = self.links_below(&op.key, object);
        let goes_with_down = goes_with_down(&op.key, object);
        let is_away = |link: &&Key| {
            self.away.contains(*link) || (goes_with_down && self.down.contains(*link))
        };
        if let Some(away) = links.iter().find(is_away) {
            return Below::Away(away.clone());
        }
        match links.iter().any(|link| self.stirred.lets_fall(link, (&op.key, object))) {
            true => Below::Back,
            false => Below::There,
        }
    }

    /// The links that an object goes with: those that it cannot be without, and those that it may go with without naming
    /// them.
    fn links_below(&self, key: &Key, object: &Object) -> Vec<Key> {
        let needs = needs(key, object);
        let places = needs.iter().filter(|need| need.how != How::Mentioned).filter_map(Need::place);
        let own = places.filter_map(|place| self.links.get(place).cloned());
        let loose = object.loose();
        if !loose.is_any() {
            return own.collect();
        }
        let netns = |link: &Key| place_of(self.desired.get(link)?).map(|at| &at.netns);
        let beside = |link: &&Key| netns(link).is_some_and(|at| Some(at) == key.netns());
        let away = self.away.iter().chain(&self.down);
        let any = loose.links.then(|| away.chain(&self.stirred.links));
        let others = any.into_iter().flatten().chain(&self.stirred.without_address);
        own.chain(others.filter(beside).cloned()).collect()
    }
}

/// Whether what an operation is to bring back cannot carry anything until then.
fn is_away(op: &Op) -> bool {
    match (&op.key, &op.action) {
        (Key::Netns(_) | Key::Link(_), Action::Create(_)) => true,
        (Key::Link(_), Action::Update { from, change: Object::Link(change) }) => {
            place_of(from) != Some(&change.place)
        }
        (_, Action::Create(_) | Action::Update { .. } | Action::Delete(_)) => false,
    }
}

/// Whether a link that was there before the configuration is somewhere else: it has gone and come back.
fn has_moved(op: &Op, desired: &Desired) -> bool {
    match (&op.action, desired.get(&op.key)) {
        (Action::Update { from, change }, Some(Object::Link(link))) => {
            link.kind.is_none() && place_of(from) != place_of(change)
        }
        (Action::Update { .. } | Action::Create(_) | Action::Delete(_), _) => false,
    }
}

/// These, and the routes that may go over one of the links without saying so.
fn with_loose_routes(
    mut keys: BTreeSet<Key>,
    stirred: &Stirred,
    desired: &Desired,
) -> BTreeSet<Key> {
    let netns = |link: &Key| place_of(desired.get(link)?).map(|place| &place.netns);
    let namespaces: BTreeSet<&NetnsName> = stirred.all().filter_map(netns).collect();
    if !namespaces.is_empty() {
        let beside = |key: &Key| key.netns().is_some_and(|netns| namespaces.contains(netns));
        let loose = desired.iter().filter(|(key, object)| beside(key) && object.loose().is_any());
        keys.extend(loose.map(|(key, _)| key.clone()).collect::<Vec<_>>());
    }
    keys
}
