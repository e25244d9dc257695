//! Whether the kernel holds an IPv4 route, without reading the table.
//!
//! rtnetlink has no request that reads a route by its key. It reports all routes of a table, or the
//! one that a packet would take, which may be another one. But a request to create a route without
//! `NLM_F_CREATE` changes nothing, and its error tells what exists (`fib_table_insert`,
//! net/ipv4/fib_trie.c). It is `EEXIST` if an identical route exists, and `ENOENT` otherwise. With
//! `NLM_F_EXCL` it is `EEXIST` for any route with that key. For IPv6 this is not possible, because
//! the kernel would create the route (`fib6_add_1`, net/ipv6/ip6_fib.c).

use std::collections::BTreeMap;
use std::sync::Arc;

use netstate::{Key, NetnsName, Object, Route, RouteKey, RouteKind, Wanted};

use super::{as_reported, set};
use crate::fault::Fault;
use crate::message::message;
use crate::observer::{Observer, Result, failed};

/// The number of questions that are sent at once. The answers to all must fit into the receive
/// buffer.
const BATCH: usize = 400;

/// A question, and what is known about the route if the answer is `EEXIST`.
struct Question<'a> {
    key: &'a RouteKey,
    /// The route as the kernel would report it; none if the question is about any route with this
    /// key.
    route: Option<Arc<Route>>,
    request: Vec<u8>,
}

impl<'a> Question<'a> {
    /// Whether any route with this key exists.
    fn any(key: &'a RouteKey) -> Self {
        let any = Route { kind: RouteKind::Blackhole, ..Route::default() };
        let mut request = Vec::new();
        set(&mut request, key, &any, &[]);
        Question { key, route: None, request }
    }
}

impl Observer<'_> {
    /// Takes over those of the routes that exist, all from one table. False if the table must be
    /// read: there are too many routes, or one differs from what is expected.
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
                // The link must be named, because the link that the kernel chose may have changed.
                let named = route.nexthops.iter().all(|nexthop| nexthop.dev.is_some());
                if (named || wanted.links.is_empty())
                    && let Some(as_reported) = as_reported(key, route)
                    && let Some(indexes) = self.nexthop_indexes(netns, route)?
                {
                    let mut request = Vec::new();
                    set(&mut request, key, route, &indexes);
                    questions.push(Question { key, route: Some(as_reported.into()), request });
                }
            }
            questions.push(Question::any(key));
        }
        self.ask(netns, &questions)
    }

    /// Whether no route with one of these keys exists; false also if this cannot be determined.
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

    /// Sends the questions; false if a route exists that is not one of the expected ones.
    fn ask(&mut self, netns: &NetnsName, questions: &[Question<'_>]) -> Result<bool> {
        let mut found: BTreeMap<&RouteKey, &Arc<Route>> = BTreeMap::new();
        let mut answered = true;
        for questions in questions.chunks(BATCH) {
            let answers = self.answers(netns, questions)?;
            for (question, errno) in questions.iter().zip(answers) {
                match (&question.route, errno) {
                    (Some(route), Some(libc::EEXIST)) => drop(found.insert(question.key, route)),
                    // This is the last question about this key.
                    (None, Some(libc::EEXIST)) => answered &= found.contains_key(question.key),
                    (None, Some(libc::ENOENT)) => drop(found.remove(question.key)),
                    (None, _) => answered = false,
                    (Some(_), _) => {}
                }
            }
        }
        if answered {
            for (key, route) in found {
                self.insert(Key::Route(key.clone()), Object::Route(Arc::clone(route)));
            }
        }
        Ok(answered)
    }

    /// The errno for each question.
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
