"""A session of ncclient's with netloomd: what an operator's own scripts do."""

import sys

from ncclient import manager
from ncclient.operations import RPCError

LINKS = "urn:okda:iproute2:ip:link"
NETNSES = "urn:okda:iproute2:ip:netns"
BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"


def config(content):
    return f'<config xmlns="{BASE}" xmlns:l="{LINKS}">{content}</config>'


def refused(tag, operation, *arguments, **options):
    try:
        operation(*arguments, **options)
    except RPCError as error:
        assert error.tag == tag, error
        print(f"- refused, {tag}: {error.message}")
        return
    raise AssertionError(f"{tag} was expected")


def connect():
    return manager.connect_uds(path=sys.argv[1], timeout=30)


other = connect()
with connect() as netloom:
    assert ":candidate" in netloom.server_capabilities
    assert ":validate:1.1" in netloom.server_capabilities
    assert netloom.session_id != other.session_id

    print("- a link in a namespace that there is not is refused, and one that there is, taken")
    link = f"<links xmlns='{LINKS}'><link><name>v0</name><type>l:veth</type><virtual_peer_name>v1</virtual_peer_name><mtu>1400</mtu><netns>vpn10</netns></link></links>"
    refused("data-missing", netloom.edit_config, config(link), target="candidate")
    netns = f"<netnses xmlns='{NETNSES}'><netns><name>vpn10</name></netns></netnses>"
    netloom.edit_config(config(netns + link), target="candidate", default_operation="merge", error_option="rollback-on-error")
    netloom.validate(source="candidate")

    print("- who has subscribed is told what another does, and may go on asking")
    listener = connect()
    assert ":notification" in listener.server_capabilities
    listener.create_subscription()
    refused("in-use", listener.create_subscription)

    print("- one locks, the other is refused")
    netloom.lock("running")
    refused("lock-denied", other.lock, "running")
    netloom.commit()
    netloom.unlock("running")

    wanted = {"netconf-config-change", "commit"}
    while wanted:
        told = listener.take_notification(timeout=30).notification_ele
        event = told[1]
        name = event.tag.split("}")[1]
        wanted.discard(name)
        if name == "netconf-config-change":
            session = event.findtext(".//{*}session-id")
            assert session == netloom.session_id, session
    assert "vpn10" in listener.get_config("running").data_xml
    listener.close_session()

    print("- what was committed is read, by a filter")
    only = ("subtree", f"<links xmlns='{LINKS}'><link><name>v0</name><mtu/></link></links>")
    assert "<mtu>1400</mtu>" in other.get_config("running", filter=only).data_xml
    assert "<mtu>1400</mtu>" in other.get(filter=only).data_xml
    assert "vpn10" in other.get_config("startup").data_xml
    assert "leaf mtu" in netloom.get_schema("iproute2-ip-link").data

    print("- a large request and a large reply")
    many = "".join(f"<netns><name>n{number}</name></netns>" for number in range(5000))
    other.edit_config(config(f"<netnses xmlns='{NETNSES}'>{many}</netnses>"), target="candidate", test_option="set")
    assert other.get_config("candidate").data_xml.count("<name>n") == 5000
    other.discard_changes()

    print("- one ends the other")
    netloom.kill_session(other.session_id)
    netloom.delete_config("startup")
    assert "vpn10" not in netloom.get_config("startup").data_xml
