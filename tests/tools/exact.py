#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""vdevctl: JSON comes back as it was, with all that is not known, and text that is no JSON (RFC 8259) is refused.

usage: exact.py VDEVCTL FAKEVMM
"""
import json
import socket
import sys

sys.dont_write_bytecode = True  # no __pycache__ in the source tree
import rig  # noqa: E402
from moverig import DAMAGED, DUMPS, VFS, Folder, Host, run, vm  # noqa: E402
from rig import expect  # noqa: E402

KEPT = ("18446744073709551615", "18446744073709551616", "123456789012345678901234567890", "-9223372036854775808",
        "-9223372036854775809", "-1", "0", "-0", "-0.0", "1.0", "1.50", "1e3", "1E+5", "1e400", "0.1e-7", "null", "true",
        r'"\u00e9"', r'"a\/b"', r'"\ud800"', r'"\ud83d\ude00"', r'"\u0000x"', r'"\b\f\n\r\t\"\\"', '"/"', '"\u00e9\u2028\x7f"',
        '""', '{}', '[]', '{"b":1,"a":[-0,{"":18446744073709551616}],"c":null}', '[[[[]]],"x",{"":{}}]')
NO_JSON = (("Infinity", "no value"), ("-Infinity", "no number"), ("NaN", "no value"), ("1.", "behind the point"), ("-1.", "behind the point"),
           ("01", "number"), ("+1", "unexpected"), (".5", "unexpected"), ("1e", "number"), ("'x'", "unexpected"), ("nul", "null"),
           ("True", "boolean"), ('"a\tb"', "control character"), ('"a\nb"', "control character"), ("[1,]", "unexpected"),
           ("/*x*/1", "unexpected"), ("{x:1}", "quoted"), ("{'x':1}", "double quotes"), (r'"\x"', "invalid"))
TWICE_SAYS = "a member that comes again"
TWICE = ('{"a":1,"a":2}', '{"a":1,"b":{},"a":{}}', '{"a":{},"a":1}', '{"a":"x\\n","a":null}', '{"a":[1,2],"a":[1]}',
         '{"a":1,"\\u0061":2}', '{"a":[],"b":3,"a":{"c":1}}')


def a_plan(folder, wanted):
    host = folder.put("host.json", Host())
    return run(0, "plan", "--vm", folder.put("vm.json", wanted), "--source", host, "--dest", host, "--json")


def texts(folder):
    """An inventory and a plan, and how each is read and written."""
    yield (expect(0, "inventory", "--from-dump", DUMPS + "/nvme.txt", "--json").stdout,
           lambda path: ("inventory", "--from-json", path, "--json"))
    yield a_plan(folder, json.dumps(vm(VFS[0]))), lambda path: ("plan", "--show", path, "--json")


def places(text):
    """Behind the last member, and in the last list."""
    return text.rindex("}"), text.rindex("}", 0, text.rindex("]"))


def kept():
    members = "".join(',"of_tomorrow%d":%s' % pair for pair in enumerate(KEPT))
    with Folder() as folder:
        for text, call in texts(folder):
            for at in places(text):
                much = text[:at] + members + text[at:]
                assert expect(0, *call(folder.put("a", much))).stdout == much


def a_vm_too():
    with Folder() as folder:
        unknown = '"of_tomorrow":[%s]' % ",".join(KEPT)
        assert unknown in a_plan(folder, json.dumps(vm(VFS[0]))[:-1] + "," + unknown + "}")


def refused():
    with Folder() as folder:
        for text, call in texts(folder):
            at = places(text)[0]
            for member, say in [('"x":1,"format":1', TWICE_SAYS), ("'x':1", "double quotes")]:
                expect(DAMAGED, *call(folder.put("a", text[:at] + "," + member + text[at:])), say=say)
        text, call = next(texts(folder))
        at = places(text)[1]
        for value, say in NO_JSON + tuple((value, TWICE_SAYS) for value in TWICE):
            expect(DAMAGED, *call(folder.put("a", text[:at] + ',"of_tomorrow":' + value + text[at:])), say=say)


def a_socket():
    with Folder() as folder, socket.socket(socket.AF_UNIX) as s:
        s.bind(folder("s"))
        for option in ("--from-json", "--from-dump"):
            expect(DAMAGED, "inventory", option, folder("s"), say="not a plain file")


def the_line():
    with Folder() as folder:
        text = expect(0, "inventory", "--from-dump", DUMPS + "/nvme.txt", "--json").stdout
        at = text.rindex("}")
        for value, line in (("1.", 3), ('{\n"a":[1,\n2],\n"a":0}', 4)):
            expect(DAMAGED, "inventory", "--from-json", folder.put("a", text[:at] + ',\n\n"x":' + value + text[at:]),
                   say="/a:%d: no JSON" % line)


if __name__ == "__main__":
    sys.exit(rig.run([kept, a_vm_too, refused, a_socket, the_line]))
