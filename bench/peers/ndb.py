"""pyroute2's NDB, as a program that the benchmark runs: load FILE, delete FILE, or read VIEW."""

import json
import sys

from pyroute2 import NDB

GATEWAY = "192.0.2.2"


def load(ndb, objects):
    # Opening NDB has read what the kernel holds; what is there already is left alone.
    west = ndb.interfaces["west"]["index"] if "routes" in objects else None
    for prefix in objects.get("routes", []):
        ndb.routes.ensure(dst=prefix, gateway=GATEWAY, oif=west, proto=4).commit()
    for (left, left_ip), (right, right_ip) in objects.get("veth_pairs", []):
        ndb.interfaces.ensure(ifname=left, kind="veth", peer=right).commit()
        for name, address in ((left, left_ip), (right, right_ip)):
            ndb.interfaces[name].ensure_ip(address).set("state", "up").commit()


def delete(ndb, objects):
    for prefix in objects.get("routes", []):
        ndb.routes[prefix].remove().commit()
    for (left, _), _ in objects.get("veth_pairs", []):
        ndb.interfaces[left].remove().commit()


def read(ndb, view):
    for line in {"routes": ndb.routes, "addresses": ndb.addresses}[view].dump().format("json"):
        sys.stdout.write(line)


def main():
    verb, what = sys.argv[1:]
    with NDB(log="off") as ndb:
        if verb == "read":
            read(ndb, what)
        else:
            with open(what) as content:
                {"load": load, "delete": delete}[verb](ndb, json.load(content))


main()
