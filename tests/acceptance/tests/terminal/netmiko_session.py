"""netmiko configures a network over SSH, as if netloom were IOS. Arguments: the port of sshd, and the user's key."""

import sys

import netmiko

device = netmiko.ConnectHandler(
    device_type="cisco_ios",
    host="127.0.0.1",
    port=int(sys.argv[1]),
    username="root",
    use_keys=True,
    key_file=sys.argv[2],
    allow_agent=False,
    # The machine may be busy.
    read_timeout_override=60,
)
print(f"- the prompt is {device.find_prompt()}")
lines = ["netnses-iproute2 netns miko", "links-iproute2", "bridge br0", "netns miko", "mtu 1400", "top", "commit"]
told = device.send_config_set(lines)
assert "1 netns, 1 bridge added" in told, told
shown = device.send_command("show config-running | display json", use_textfsm=False)
assert '"mtu": 1400' in shown, shown
told = device.send_config_set(["links-iproute2 bridge br0 mtu 1300", "commit"], cmd_verify=False)
assert "1 bridge changed" in told, told
error = device.send_command("show config-running nosuch")
assert "unknown here" in error, error
assert "\x1b" not in shown + told + error, repr(shown + told + error)
device.disconnect()
print("- netmiko has configured a bridge, and changed it")
