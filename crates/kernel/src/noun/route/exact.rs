//! Whether the kernel holds an IPv4 route, asked about that route alone.
//!
//! rtnetlink tells all routes of a table, or the one that a packet would take, which need not be the one in question:
//! no request reads a route by its key. But a request to make one that does not allow it to be made (no
//! `NLM_F_CREATE`) alters nothing, and its refusal tells what there is (`fib_table_insert`, net/ipv4/fib_trie.c):
//! `EEXIST` where a route is there that is the same in everything, `ENOENT` where none is; with `NLM_F_EXCL` it is
//! `EEXIST` for any route with that key. IPv6 would make the route all the same (`fib6_add_1`, net/ipv6/ip6_fib.c).

use std::collections::BTreeMap;

use netstate::{Key, NetnsName, Object, Route, RouteKey, RouteKind, Wanted};

use super::{set, told};
use crate::fault::Fault;
use crate::message::message;
use crate::observer::{Observer, Result, failed};

/// How many questions go out at once: the answers to all have to fit into the receive buffer.
const BATCH: usize = 400;

/// What is asked, and what it says of the route if the answer is `EEXIST`.
struct Question<'a> {
    key: &'a RouteKey,
    /// The route, as it would be told; none where the question is for any by this key.
    route: Option<Route>,
    request: Vec<u8>,
}

impl<'a> Question<'a> {
    /// Whether there is any route by this key.
    fn any(key: &'a RouteKey) -> Self {
        let any = Route { kind: RouteKind::Blackhole, ..Route::default() };
        let mut request = Vec::new();
        set(&mut request, key, &any, &[]);
        Question { key, route: None, request }
    }
}

impl Observer<'_> {
    /// Takes in those of the routes that are there, all of one table. False where that takes reading the table:
    /// where there are too many to be asked for, or one is not what it is expected to be.
    pub(super) fn expected_routes(
        &mut self,
        netns: &NetnsName,
        keys: &[&RouteKey],
        wanted: &Wanted,
    ) -> Result<bool> {
        let mut questions = Vec::new();
        for key in keys {
            let Some(expected) = wanted.expected.get(*key) else { return Ok(false) };
            if key.prefix.addr().is_ipv6() {
                return Ok(false);
            }
            for route in expected {
                // Which link the kernel chose matters where links may change.
                let named = route.nexthops.iter().all(|nexthop| nexthop.dev.is_some());
                if (named || wanted.links.is_empty())
                    && let Some(told) = told(key, route)
                    && let Some(indexes) = self.nexthop_indexes(netns, route)?
                {
                    let mut request = Vec::new();
                    set(&mut request, key, route, &indexes);
                    questions.push(Question { key, route: Some(told), request });
                }
            }
            questions.push(Question::any(key));
        }
        self.ask(netns, &questions)
    }

    /// Whether none of these keys has a route; false also where that cannot be asked.
    pub(super) fn absent(&mut self, netns: &NetnsName, keys: &[&RouteKey]) -> Result<bool> {
        let questions: Vec<_> = keys.iter().map(|key| Question::any(key)).collect();
        let ipv4 = keys.iter().all(|key| key.prefix.addr().is_ipv4());
        Ok(ipv4 && self.ask(netns, &questions)?)
    }

    fn nexthop_indexes(&mut self, netns: &NetnsName, route: &Route) -> Result<Option<Vec<u32>>> {
        let mut indexes = Vec::with_capacity(route.nexthops.len());
        for nexthop in &route.nexthops {
            match &nexthop.dev {
                None => indexes.push(0),
                Some(dev) => match self.index(netns, dev)? {
                    Some(index) => indexes.push(index),
                    None => return Ok(None),
                },
            }
        }
        Ok(Some(indexes))
    }

    /// Puts the questions; false where some route is there, and is none of those asked for.
    fn ask(&mut self, netns: &NetnsName, questions: &[Question<'_>]) -> Result<bool> {
        let mut found: BTreeMap<&RouteKey, &Route> = BTreeMap::new();
        let mut answered = true;
        for questions in questions.chunks(BATCH) {
            let answers = self.answers(netns, questions)?;
            for (question, errno) in questions.iter().zip(answers) {
                match (&question.route, errno) {
                    (Some(route), Some(libc::EEXIST)) => drop(found.insert(question.key, route)),
                    // The last question for this key.
                    (None, Some(libc::EEXIST)) => answered &= found.contains_key(question.key),
                    (None, Some(libc::ENOENT)) => drop(found.remove(question.key)),
                    (None, _) => answered = false,
                    (Some(_), _) => {}
                }
            }
        }
        if answered {
            for (key, route) in found {
                self.insert(Key::Route(key.clone()), Object::Route(route.clone()));
            }
        }
        Ok(answered)
    }

    /// The error number that answers each question.
    fn answers(
        &mut self,
        netns: &NetnsName,
        questions: &[Question<'_>],
    ) -> Result<Vec<Option<i32>>> {
        let failed = failed("read routes of", netns);
        let Some(namespace) = self.namespaces.find(netns).map_err(&failed)? else {
            return Ok(vec![Some(libc::ENOENT); questions.len()]);
        };
        let mut bytes = Vec::new();
        for (sequence, question) in (0..).zip(questions) {
            let flags = if question.route.is_none() { libc::NLM_F_EXCL } else { 0 };
            message(&mut bytes, (libc::RTM_NEWROUTE, flags, sequence), |out| {
                out.extend(&question.request);
            });
        }
        let refusals = namespace.socket.transact(&bytes).map_err(|error| failed(error.into()))?;
        let mut answers = vec![None; questions.len()];
        for (sequence, Fault { errno, .. }) in refusals {
            let answer = usize::try_from(sequence).ok().and_then(|at| answers.get_mut(at));
            answer.into_iter().for_each(|answer| *answer = Some(errno));
        }
        Ok(answers)
    }
}
