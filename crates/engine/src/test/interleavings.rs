//! Any interleaving of actions of several sessions corresponds to some serial order of their
//! commits, and each commit is complete.
//!
//! The configuration is seen as cells: leaves and entries that are independent of each other. A
//! session's changes are read from its candidate and its base. The test decides whether these are
//! the requested changes, and whether they may be committed.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::datastore::Datastore;
use crate::session::candidate::Side;
use crate::{Checked, Confirmed, ConfirmedBy};

/// The number of people, and the time that a commit waits for its confirmation.
const PEOPLE: usize = 4;
const WAIT: u64 = 60;

const CELLS: [&str; 6] = [
    "/iproute2-ip-link:links/link[name='enp0s4']/mtu",
    "/iproute2-ip-link:links/link[name='enp0s4']/group",
    "/iproute2-ip-link:links/link[name='enp0s5']/mtu",
    "/iproute2-ip-link:links/link[name='enp0s5']/group",
    "/iproute2-ip-netns:netnses/netns[name='red']",
    "/iproute2-ip-netns:netnses/netns[name='blue']",
];

/// The value of each cell; none if it does not exist.
type Cells = [Option<u32>; CELLS.len()];

/// An action of one person.
#[derive(Clone, Debug)]
enum Act {
    Set(usize, Option<u32>),
    Replace(Cells),
    Look,
    ReadRunning,
    Discard,
    Commit,
    CommitConfirmed,
    Cancel,
    Rollback(usize),
    Update(Option<Side>),
    Resolve(Option<usize>, Side),
    Lock,
    Unlock,
    Kill(usize),
    /// The connection is lost, and made again.
    Drop,
    /// The time for the confirmation passes.
    Sleep,
}

fn act() -> impl Strategy<Value = Act> {
    let value = || proptest::option::of(1300..1303_u32);
    let side = || prop_oneof![Just(Side::Ours), Just(Side::Theirs)];
    prop_oneof![
        12 => (0..CELLS.len(), value()).prop_map(|(cell, value)| Act::Set(cell, value)),
        2 => proptest::array::uniform6(value()).prop_map(Act::Replace),
        2 => Just(Act::Look),
        1 => Just(Act::ReadRunning),
        1 => Just(Act::Discard),
        10 => Just(Act::Commit),
        1 => Just(Act::CommitConfirmed),
        1 => Just(Act::Cancel),
        1 => (0..4_usize).prop_map(Act::Rollback),
        2 => proptest::option::of(side()).prop_map(Act::Update),
        2 => (proptest::option::of(0..CELLS.len()), side()).prop_map(|(at, side)| Act::Resolve(at, side)),
        1 => Just(Act::Lock),
        2 => Just(Act::Unlock),
        1 => (0..PEOPLE).prop_map(Act::Kill),
        1 => Just(Act::Drop),
        1 => Just(Act::Sleep),
    ]
}

/// A person's session, and what is known of it without the engine.
#[derive(Clone, Debug, Default)]
struct Person {
    session: u32,
    /// Cells that were set or resolved, with their values. Other cells may change only with a new
    /// whole content.
    named: BTreeMap<usize, Option<Option<u32>>>,
    /// Whether the whole content was replaced.
    replaced: bool,
    /// The commit that was running when the session last read running or the candidate.
    looked: u64,
}

struct World {
    host: Host,
    engine: Engine,
    people: Vec<Person>,
    /// Who holds the lock.
    lock: Option<u32>,
    /// The commit up to which a session knew a cell: it had changed the cell itself, or had
    /// resolved a conflict about it.
    knows: BTreeMap<(u32, usize), u64>,
    /// Running after each commit, with its author: zero for the daemon.
    commits: Vec<(u32, Tree)>,
}

impl World {
    fn new() -> World {
        let (host, mut engine) = Host::with_nics();
        let person = |engine: &mut Engine| Person {
            session: engine.session(),
            looked: 1,
            ..Person::default()
        };
        let people = (0..PEOPLE).map(|_| person(&mut engine)).collect();
        let commits = vec![(0, engine.running.intent.tree.clone())];
        World { host, engine, people, lock: None, knows: BTreeMap::new(), commits }
    }

    fn act(&mut self, who: usize, act: &Act) {
        let session = self.people[who].session;
        let others = self.candidates();
        match act {
            Act::Set(cell, value) => self.set(who, *cell, *value),
            Act::Replace(cells) => {
                self.engine.replace_candidate(session, content(cells)).unwrap();
                let looked = self.people[who].looked;
                self.people[who] = Person { session, replaced: true, looked, ..Person::default() };
            }
            Act::Look => {
                let clear = self.conflicts(who).is_empty();
                self.engine.candidate(session).unwrap();
                self.looked_if(who, clear);
            }
            Act::ReadRunning => {
                let clear = self.conflicts(who).is_empty();
                let running = self.engine.snapshot.borrow().running.clone();
                self.engine.saw(session, &running).unwrap();
                self.looked_if(who, clear);
            }
            Act::Discard => {
                self.engine.discard(session).unwrap();
                self.people[who] = Person { session, ..Person::default() };
                self.looked(who);
            }
            Act::Commit => self.commit(who, None),
            Act::CommitConfirmed => {
                let timeout = Duration::from_secs(WAIT);
                self.commit(
                    who,
                    Some(Confirmed { timeout, by: ConfirmedBy::Session, probes: Vec::new() }),
                );
            }
            Act::Cancel => {
                if self.engine.cancel(session, None).is_ok() {
                    self.undone();
                    self.looked(who);
                }
            }
            Act::Rollback(back) => {
                let position = back % self.commits.len();
                self.engine.rollback(session, Revision::Position(position)).unwrap();
                self.people[who] = Person { session, replaced: true, ..Person::default() };
                self.looked(who);
            }
            Act::Update(prefers) => {
                let conflicts = self.conflicts(who);
                let updated = self.engine.update(session, *prefers);
                let clear = prefers.is_some() || conflicts.is_empty();
                assert_eq!(updated.is_ok(), clear);
                self.looked_if(who, clear);
                if let Some(side) = prefers {
                    self.settled(who, &conflicts, *side);
                }
            }
            Act::Resolve(cell, side) => {
                drop(self.engine.conflicts(session).unwrap());
                let mut conflicts = self.conflicts(who);
                let all = conflicts.len();
                conflicts.retain(|found| cell.is_none_or(|cell| cell == *found));
                let place = cell.map(path).unwrap_or_default();
                let left = self.engine.resolve(session, &place, *side).ok();
                assert_eq!(left, (!conflicts.is_empty()).then(|| all - conflicts.len()));
                self.settled(who, &conflicts, *side);
                // Their conflicts have shown the session these cells, and no others.
                let latest = self.engine.running.id;
                self.knows.extend(conflicts.iter().map(|cell| ((session, *cell), latest)));
            }
            Act::Lock => {
                let locked = self.engine.sessions.lock(session, Datastore::Running).is_ok();
                assert_eq!(locked, self.lock.is_none());
                self.lock = self.lock.or(Some(session));
            }
            Act::Unlock => {
                let unlocked = self.engine.sessions.unlock(session, Datastore::Running).is_ok();
                assert_eq!(unlocked, self.lock == Some(session));
                self.lock = self.lock.filter(|_| !unlocked);
            }
            Act::Kill(whom) => {
                let victim = self.people[*whom].session;
                let may = self.engine.sessions.may_kill(session, victim).is_ok();
                assert_eq!(may, who != *whom);
                if may {
                    self.end(*whom, SessionEnd::Killed { by: session });
                }
            }
            Act::Drop => self.end(who, SessionEnd::Dropped),
            Act::Sleep => {
                NOW.set(NOW.get() + WAIT + 1);
                self.engine.do_due_work();
                self.undone();
            }
        }
        // A session's action does not change another session's candidate. The end of a session may
        // undo an unconfirmed commit.
        let quiet = !matches!(act, Act::Kill(_) | Act::Drop | Act::Sleep | Act::Cancel);
        for (other, candidate) in self.candidates().iter().enumerate() {
            assert!(!quiet || other == who || *candidate == others[other], "{other} sees {act:?}");
        }
    }

    fn set(&mut self, who: usize, cell: usize, value: Option<u32>) {
        let operation =
            if value.is_some() { yang::Operation::Merge } else { yang::Operation::Remove };
        let leaf = path(cell).steps.last().unwrap().node;
        let text = value.filter(|_| cell < 4).map(|value| leaf.value(&value.to_string()).unwrap());
        let edit = yang::Edit::one(&path(cell), operation, text);
        self.engine.edit_candidate(self.people[who].session, &edit).unwrap();
        let meant = value.map(|value| if cell < 4 { value } else { 0 });
        self.people[who].named.insert(cell, Some(meant));
    }

    /// A commit contains all that the session has changed and nothing else, or it is refused for a
    /// reason.
    fn commit(&mut self, who: usize, confirmed: Option<Confirmed>) {
        let Person { session, named, replaced, looked } = self.people[who].clone();
        let (before, ours) = (self.running(), self.ours(who));
        let conflicts = self.conflicts(who);
        let pending = self.engine.pending.as_ref().map(|pending| pending.awaited().session);
        let barred = self.lock.is_some_and(|holder| holder != session)
            || pending.is_some_and(|by| by != session);
        let unseen = self.changed_since(looked, session);
        let request = Request { confirmed, ..Request::default() };
        let committed = self.engine.commit(session, request);
        let after = self.running();
        let Ok(committed) = committed else {
            assert!(barred || !conflicts.is_empty(), "{}", message(committed));
            assert_eq!(after, before);
            return;
        };
        assert!(!barred && conflicts.is_empty());
        for cell in 0..CELLS.len() {
            match ours.get(&cell) {
                None => assert_eq!(after[cell], before[cell], "{cell} is changed by nobody"),
                Some(made) => {
                    assert_eq!(after[cell], *made, "{cell} is lost");
                    let known = named.contains_key(&cell) || (replaced && !unseen.contains(&cell));
                    assert!(known || after[cell] == before[cell], "{cell} was not seen");
                    if let Some(Some(meant)) = named.get(&cell) {
                        assert_eq!(made, meant, "{cell} is not what it was set to");
                    }
                }
            }
        }
        if let Some(id) = committed.id {
            assert_eq!(id, self.commits.len() as u64 + 1, "the numbers have no gaps");
            self.commits.push((session, self.engine.running.intent.tree.clone()));
        }
        let latest = self.commits.len() as u64;
        self.knows.extend(ours.keys().map(|cell| ((session, *cell), latest)));
        self.people[who] = Person { session, looked, ..Person::default() };
    }

    /// The session's changes.
    fn ours(&mut self, who: usize) -> BTreeMap<usize, Option<u32>> {
        let candidate = &self.engine.sessions.at(self.people[who].session).unwrap().candidate;
        let (base, tree) = (cells(&candidate.base().tree), cells(candidate.tree()));
        (0..CELLS.len())
            .filter(|cell| base[*cell] != tree[*cell])
            .map(|cell| (cell, tree[cell]))
            .collect()
    }

    /// The cells that running has changed as well, to another value.
    fn conflicts(&mut self, who: usize) -> Vec<usize> {
        let running = self.running();
        let ours = self.ours(who);
        let candidate = &self.engine.sessions.at(self.people[who].session).unwrap().candidate;
        let base = cells(&candidate.base().tree);
        let contradicts = |(cell, ours): &(usize, Option<u32>)| {
            running[*cell] != base[*cell] && running[*cell] != *ours
        };
        ours.into_iter().filter(contradicts).map(|(cell, _)| cell).collect()
    }

    fn settled(&mut self, who: usize, conflicts: &[usize], side: Side) {
        for cell in conflicts {
            match side {
                Side::Ours => _ = self.people[who].named.entry(*cell).or_default(),
                Side::Theirs => _ = self.people[who].named.remove(cell),
            }
        }
    }

    /// The cells that others have changed since a commit.
    fn changed_since(&self, id: u64, session: u32) -> BTreeSet<usize> {
        let first = id as usize - 1;
        let (then, now) = (cells(&self.commits[first].1), self.running());
        let mut changed = BTreeSet::new();
        for (pair, made) in self.commits[first..].windows(2).zip(id + 1..) {
            let (before, after) = (cells(&pair[0].1), cells(&pair[1].1));
            for cell in (0..CELLS.len()).filter(|cell| before[*cell] != after[*cell]) {
                let known = self.knows.get(&(session, cell)).is_some_and(|by| *by >= made);
                match pair[1].0 == session || known {
                    true => changed.remove(&cell),
                    false => changed.insert(cell),
                };
            }
        }
        changed.into_iter().filter(|cell| then[*cell] != now[*cell]).collect()
    }

    /// Reading merges nothing while there are conflicts: the session's changes keep their base.
    fn looked_if(&mut self, who: usize, clear: bool) {
        if clear {
            self.looked(who);
        }
    }

    fn looked(&mut self, who: usize) {
        self.people[who].looked = self.engine.running.id;
    }

    /// The daemon may have undone an unconfirmed commit with a commit of its own. The author of the
    /// former has seen that.
    fn undone(&mut self) {
        if self.engine.running.id > self.commits.len() as u64 {
            let (by, _) = self.commits[self.commits.len() - 1];
            self.commits.push((0, self.engine.running.intent.tree.clone()));
            let who = self.people.iter().position(|person| person.session == by);
            who.into_iter().for_each(|who| self.looked(who));
        }
    }

    /// A session ends with its candidate and its lock. The person comes back.
    fn end(&mut self, who: usize, end: SessionEnd) {
        let session = self.people[who].session;
        self.engine.end_session(session, end);
        self.undone();
        self.lock = self.lock.filter(|holder| *holder != session);
        assert!(self.engine.sessions.at(session).is_err());
        self.people[who] = Person { session: self.engine.session(), ..Person::default() };
        self.looked(who);
        assert!(self.ours(who).is_empty());
    }

    fn running(&self) -> Cells {
        cells(&self.engine.running.intent.tree)
    }

    fn candidates(&mut self) -> Vec<Tree> {
        let sessions: Vec<u32> = self.people.iter().map(|person| person.session).collect();
        let tree =
            |session: &u32| self.engine.sessions.at(*session).unwrap().candidate.tree().clone();
        sessions.iter().map(tree).collect()
    }

    /// The history has each configuration in order. The kernel holds the last one, and so does the
    /// next daemon, which builds it from the records.
    fn check_whole(mut self) {
        let past = self.engine.past();
        for (id, (_, tree)) in (1..).zip(&self.commits) {
            assert_eq!(past.configuration(Revision::Id(id)).unwrap(), *tree, "commit {id}");
        }
        let session = self.engine.session();
        assert_eq!(self.engine.check(session).unwrap(), Checked::default());
        let (running, kernel) = (self.engine.running.intent.tree.clone(), self.host.kernel.state());
        // The past holds the state directory open too.
        drop(past);
        drop(self.engine);
        let waits = self.host.start();
        // A commit that waits for its session is undone when the session ends, and the daemon's end
        // ends it.
        let undone = waits.running.id > self.commits.len() as u64;
        assert!(undone || waits.running.intent.tree == running);
        assert!(undone || self.host.kernel.state() == kernel);
    }
}

fn path(cell: usize) -> Path {
    Path::parse(schema(), CELLS[cell]).unwrap()
}

fn cells(tree: &Tree) -> Cells {
    std::array::from_fn(|cell| {
        let node = tree.node(&path(cell))?;
        Some(node.value().map_or(0, |value| value.to_string().parse().unwrap()))
    })
}

/// The configuration with these cells.
fn content(cells: &Cells) -> Tree {
    let line = |(cell, value): (usize, &Option<u32>)| match value {
        Some(value) if cell < 4 => format!("{} = {value}\n", CELLS[cell]),
        Some(_) => format!("{}\n", CELLS[cell]),
        None => String::new(),
    };
    tree(&(NICS.to_owned() + "\n" + &cells.iter().enumerate().map(line).collect::<String>()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_interleaving_equals_a_serial_order(
        acts in proptest::collection::vec((0..PEOPLE, act()), 1..60)
    ) {
        let mut world = World::new();
        for (who, act) in &acts {
            world.act(*who, act);
        }
        world.check_whole();
    }
}
