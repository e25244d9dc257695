//! The promises of the planner, with random configurations, on a fake kernel.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::collections::BTreeMap;

use netstate::checker::check;
use netstate::link::{Bridge, LinkAttributes, LinkFlags, Master, Veth};
use netstate::plan::{plan, target, wanted};
use netstate::uapi::IFA_F_PERMANENT;
use netstate::{
    Address, AddressKey, AddressStatus, Key, Link, LinkId, LinkKind, NetnsName, Nexthop, Object,
    Originals, Place, Plan, Route, RouteKey, Scope, Southbound, State, SysctlKey,
};
use proptest::prelude::*;
use proptest::sample::Index;
use testkit::{FakeKernel, Owner};

/// One link of a random configuration.
#[derive(Clone, Debug)]
struct RandomLink {
    netns: usize,
    renamed: bool,
    up: Option<bool>,
    mtu: Option<u32>,
    address: Option<u8>,
    route: Option<(u8, bool)>,
    proxy_arp: Option<bool>,
    port: bool,
}

/// A random configuration: which namespaces, and which of the links `nic`, `bridge`, `left` and `right`
/// (a veth pair).
#[derive(Clone, Debug)]
struct RandomState {
    links: [Option<RandomLink>; 4],
    forwarding: Option<bool>,
}

const NETNS: [&str; 3] = ["1", "red", "blue"];
const LINKS: [&str; 4] = ["bridge", "left", "nic", "right"];

fn random_link() -> impl Strategy<Value = RandomLink> {
    (
        (0..3_usize, any::<bool>(), any::<Option<bool>>(), proptest::option::of(1000..1400_u32)),
        (
            proptest::option::of(1..4_u8),
            any::<Option<(bool, bool)>>(),
            any::<Option<bool>>(),
            any::<bool>(),
        ),
    )
        .prop_map(|((netns, renamed, up, mtu), (address, route, proxy_arp, port))| {
            RandomLink {
                netns,
                renamed,
                up,
                mtu,
                address,
                route: route.map(|(second, via)| (u8::from(second), via)),
                proxy_arp,
                port,
            }
        })
}

fn random_state() -> impl Strategy<Value = RandomState> {
    (proptest::array::uniform4(proptest::option::of(random_link())), any::<Option<bool>>())
        .prop_map(|(links, forwarding)| RandomState { links, forwarding })
}

impl RandomState {
    fn state(&self) -> State {
        let mut objects = BTreeMap::new();
        let mut add = |key, object| objects.insert(key, object);
        for netns in &NETNS[1..] {
            let used = self.links.iter().flatten().any(|link| NETNS[link.netns] == *netns);
            if used || self.forwarding.is_some() {
                add(Key::Netns(netns.parse().unwrap()), Object::Netns);
            }
        }
        if let Some(on) = self.forwarding {
            let path = "net/ipv4/ip_forward".parse().unwrap();
            let key = SysctlKey { netns: "red".parse().unwrap(), path };
            add(Key::Sysctl(key), Object::Sysctl(u8::from(on).to_string()));
        }
        let pair = self.links[1].is_some() && self.links[3].is_some();
        for (index, random) in self.links.iter().enumerate() {
            let Some(random) = random else { continue };
            if matches!(index, 1 | 3) && !pair {
                continue;
            }
            self.link(index, random, &mut add);
        }
        State { objects }
    }

    fn place(&self, index: usize) -> Option<Place> {
        let random = self.links[index].as_ref()?;
        let ifname =
            if random.renamed { format!("{}x", LINKS[index]) } else { LINKS[index].into() };
        let netns: NetnsName = NETNS[random.netns].parse().unwrap();
        Some(Place { netns, ifname: ifname.parse().unwrap() })
    }

    fn link(
        &self,
        index: usize,
        random: &RandomLink,
        add: &mut impl FnMut(Key, Object) -> Option<Object>,
    ) {
        let place = self.place(index).unwrap();
        let id: LinkId = LINKS[index].parse().unwrap();
        let netns = place.netns.clone();
        let dev = place.ifname.clone();
        let bridge = self.place(0).filter(|bridge| bridge.netns == netns && index != 0);
        let link = Link {
            kind: match index {
                0 => Some(LinkKind::Bridge(Bridge::default())),
                1 | 3 => Some(LinkKind::Veth(Veth::default())),
                _ => None,
            },
            peer: match index {
                1 => self.place(3),
                3 => self.place(1),
                _ => None,
            },
            attributes: LinkAttributes { mtu: random.mtu, ..LinkAttributes::default() },
            flags: LinkFlags { up: random.up, ..LinkFlags::default() },
            master: bridge.filter(|_| random.port).map(|bridge| Master::Of(bridge.ifname)),
            ..Link::at(place)
        };
        add(Key::Link(id), Object::Link(Box::new(link)));
        if let Some(on) = random.proxy_arp {
            let path = format!("net/ipv4/conf/{dev}/proxy_arp").parse().unwrap();
            let key = SysctlKey { netns: netns.clone(), path };
            add(Key::Sysctl(key), Object::Sysctl(u8::from(on).to_string()));
        }
        let Some(host) = random.address else { return };
        let address = format!("10.{index}.0.{host}/24").parse().unwrap();
        let key = AddressKey::new(netns.clone(), dev.clone(), address);
        add(Key::Address(key), Object::Address(Address::default()));
        let Some((second, via)) = random.route.filter(|_| random.up == Some(true)) else { return };
        let key = RouteKey {
            netns,
            table: 254,
            prefix: format!("192.168.{}.0/24", usize::from(second) + 2 * index).parse().unwrap(),
            tos: 0,
            metric: 0,
        };
        let nexthop = Nexthop {
            dev: Some(dev),
            via: via.then(|| format!("10.{index}.0.99").parse().unwrap()),
            weight: 1,
            onlink: false,
            pervasive: false,
        };
        let route = Route { protocol: Some(4), nexthops: [nexthop].into(), ..Route::default() };
        add(Key::Route(key), Object::Route(route.into()));
    }
}

/// A host with a NIC that is up, with an address and a route.
fn host() -> State {
    let place = Place { netns: NetnsName::own(), ifname: "nic".parse().unwrap() };
    let mut link = Link::at(place.clone());
    link.kind = Some(LinkKind::Other(String::new()));
    link.attributes.mtu = Some(1500);
    link.flags.up = Some(true);
    link.master = Some(Master::Free);
    let address = AddressKey::new(place.netns, place.ifname, "172.16.0.1/16".parse().unwrap());
    let status = AddressStatus { flags: IFA_F_PERMANENT, ..AddressStatus::default() };
    let objects = [
        (Key::Link("nic".parse().unwrap()), Object::Link(Box::new(link))),
        (
            Key::Address(address),
            Object::Address(Address { status: Some(status.into()), ..Address::default() }),
        ),
    ];
    State { objects: objects.into() }
}

fn commit(owner: &mut Owner<FakeKernel>, desired: &State) {
    owner.commit(desired).unwrap();
}

fn owner() -> Owner<FakeKernel> {
    Owner::new(FakeKernel::holding(host()))
}

fn union(first: &State, second: &State) -> State {
    first.clone().merged(second)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn an_executed_plan_reaches_the_target(
        states in proptest::collection::vec(random_state(), 1..4)
    ) {
        let mut owner = owner();
        for random in &states {
            commit(&mut owner, &random.state());
        }
        commit(&mut owner, &State::default());
        prop_assert_eq!(comparable(owner.southbound.state()), host());
        prop_assert_eq!(owner.originals, Originals::default());
    }

    #[test]
    fn a_damaged_plan_is_detected(
        old in random_state(), new in random_state(), spoils in proptest::collection::vec(damage(), 8)
    ) {
        let mut owner = owner();
        let (old, new) = (old.state(), new.state());
        commit(&mut owner, &old);
        let scope = Scope::Only(wanted(&new, &old, &owner.originals));
        let observed = owner.southbound.observe(&scope).unwrap();
        owner.originals.remember(&new, &old, &observed);
        let target = target(&new, &old, &owner.originals, &observed).unwrap();
        let plan = plan(&target, &observed).unwrap();
        let before = owner.southbound.state();
        let right = executed(&before, &plan);
        prop_assert!(right.is_some());
        for damage in spoils.iter().filter(|_| !plan.ops.is_empty()) {
            let spoilt = damage.apply(&plan);
            let found = check(&observed, &spoilt, target.entries());
            let harmless = executed(&before, &spoilt) == right;
            prop_assert!(found.is_err() || harmless, "{damage:?}\nright:\n{plan}\nspoilt:\n{spoilt}");
        }
    }

    #[test]
    fn a_refused_plan_is_undone(old in random_state(), new in random_state(), at in 0..30_usize) {
        let mut owner = owner();
        let (old, new) = (old.state(), new.state());
        commit(&mut owner, &old);
        let before = owner.southbound.state();
        let plan = owner.plan(&old, &new).unwrap();
        owner.southbound.refuse_after(at % plan.ops.len().max(1), libc_enomem());
        if owner.southbound.execute(&plan).is_err() {
            let undo = owner.plan(&union(&old, &new), &old).unwrap();
            owner.southbound.execute(&undo)
                .unwrap_or_else(|refusal| panic!("{refusal}\nplan:\n{plan}undo:\n{undo}"));
            let rest = owner.plan(&union(&old, &new), &old).unwrap();
            prop_assert!(rest.ops.is_empty(), "{}", rest);
            prop_assert_eq!(comparable(owner.southbound.state()), comparable(before));
        }
    }
}

/// How a plan is damaged.
#[derive(Clone, Debug)]
enum Damage {
    /// An operation is removed.
    Drop(Index),
    /// An operation is doubled.
    Double(Index),
    /// Two operations are swapped.
    Swap(Index, Index),
    /// An operation is moved to the beginning, or to the end.
    First(Index),
    Last(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<Index>().prop_map(Damage::Drop),
        any::<Index>().prop_map(Damage::Double),
        any::<(Index, Index)>().prop_map(|(one, other)| Damage::Swap(one, other)),
        any::<Index>().prop_map(Damage::First),
        any::<Index>().prop_map(Damage::Last),
    ]
}

impl Damage {
    fn apply(&self, plan: &Plan) -> Plan {
        let mut ops = plan.ops.clone();
        let at = |index: &Index| index.index(plan.ops.len());
        match self {
            Damage::Drop(index) => drop(ops.remove(at(index))),
            Damage::Double(index) => ops.insert(at(index), plan.ops[at(index)].clone()),
            Damage::Swap(one, other) => ops.swap(at(one), at(other)),
            Damage::First(index) => ops[..=at(index)].rotate_right(1),
            Damage::Last(index) => ops[at(index)..].rotate_left(1),
        }
        Plan { ops }
    }
}

/// The kernel's state after a plan from `before`; none if it is refused.
fn executed(before: &State, plan: &Plan) -> Option<State> {
    let mut kernel = FakeKernel::holding(before.clone());
    kernel.execute(plan).ok()?;
    Some(comparable(kernel.state()))
}

/// The state without the addresses of links that were created again, and without parameters at
/// their defaults.
fn comparable(mut state: State) -> State {
    state.objects.retain(|_, object| !matches!(object, Object::Sysctl(value) if value == "0"));
    state
}

fn libc_enomem() -> i32 {
    12
}

/// The namespace of the other end may have no name, or may be about to be removed.
#[test]
fn a_veth_pair_with_an_unknown_peer_is_recreated() {
    let end = RandomLink {
        netns: 0,
        renamed: false,
        up: Some(true),
        mtu: None,
        address: None,
        route: None,
        proxy_arp: None,
        port: false,
    };
    let other = RandomLink { netns: 1, ..end.clone() };
    let links = [None, Some(end), None, Some(other)];
    let desired = RandomState { links, forwarding: None }.state();
    let kernel = FakeKernel::holding(host());
    commit(&mut Owner::new(kernel.clone()), &desired);
    let mut observed = kernel.state();
    observed.objects.remove(&Key::Link("right".parse().unwrap())).unwrap();
    let left = observed.objects.get_mut(&Key::Link("left".parse().unwrap())).unwrap();
    let Object::Link(left) = left else { unreachable!("it is a link") };
    assert!(left.peer.take().is_some());
    let originals = Originals::default();
    let target = target(&desired, &desired, &originals, &observed).unwrap();
    let plan = plan(&target, &observed).unwrap();
    check(&observed, &plan, target.entries()).unwrap();
    assert_eq!(
        plan.to_string(),
        "delete left from the host's namespace\n\
         create veth left in the host's namespace with peer right in red\n\
         set left in the host's namespace up\n\
         set right in red up\n"
    );
}
