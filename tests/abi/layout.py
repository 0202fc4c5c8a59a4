#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sizes and offsets of all public structs against a committed table.

usage: layout.py check TABLE INCLUDE GENERATED-INCLUDE CC...
       layout.py print INCLUDE GENERATED-INCLUDE CC

The table has lines `struct SIZE` and `struct.field OFFSET SIZE`, for machines with 64-bit pointers;
scripts/abi-accept.sh writes it. check compiles it as static assertions, and fails too when a header
has a struct or field that the table lacks, or one of a kind that has no place in an ABI.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # no __pycache__ in the source tree
import api  # noqa: E402

PROLOGUE = "#include <stddef.h>\n#include <stdio.h>\n"


def all_structs(include):
    """[(header, struct, fields)] of all headers."""
    found = []
    for name in api.headers(include):
        for struct, fields in sorted(api.structs(os.path.join(include, "vdev", name)).items()):
            found.append((name, struct, fields))
    return found


def include_lines(include):
    return PROLOGUE + "".join("#include <vdev/%s>\n" % name for name in api.headers(include))


def keys(include):
    for _, struct, fields in all_structs(include):
        yield struct
        for field in fields:
            yield "%s.%s" % (struct, field)


def print_table(include, generated, cc):
    lines = [include_lines(include), "int main(void)\n{\n"]
    for key in keys(include):
        struct, _, field = key.partition(".")
        if field:
            lines.append('\tprintf("%s %%zu %%zu\\n", offsetof(struct %s, %s), '
                         'sizeof(((struct %s *)0)->%s));\n' % (key, struct, field, struct, field))
        else:
            lines.append('\tprintf("%s %%zu\\n", sizeof(struct %s));\n' % (struct, struct))
    lines.append("\treturn 0;\n}\n")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([cc, "-x", "c", "-I" + include, "-I" + generated, "-", "-o", folder + "/a"],
                       input="".join(lines), text=True, check=True)
        return subprocess.run([folder + "/a"], check=True, stdout=subprocess.PIPE, text=True).stdout


def assertions(table):
    """{key: assertion} of a table."""
    found = {}
    with open(table) as lines:
        for line in lines:
            if line.startswith("#") or not line.strip():
                continue
            key, *numbers = line.split()
            struct, _, field = key.partition(".")
            if field:
                found[key] = ('_Static_assert(offsetof(struct %s, %s) == %s, "%s moved");\n'
                              '_Static_assert(sizeof(((struct %s *)0)->%s) == %s, "%s: size");\n' % (
                                  struct, field, numbers[0], key, struct, field, numbers[1], key))
            else:
                found[key] = '_Static_assert(sizeof(struct %s) == %s, "%s: size");\n' % (
                    struct, numbers[0], struct)
    return found


def shape_faults(include):
    """What has no place in a public struct."""
    for name in api.headers(include):
        text = api.code(os.path.join(include, "vdev", name))
        for struct, body in re.findall(r"\bstruct\s+(vdev_\w+)\s*\{([^{}]*)\}", text):
            # What a function pointer takes and returns does not change the size of the field.
            body = re.sub(r"[^;]*\(\s*\*[^;]*;", "", body)
            if re.search(r"\benum\b|\bbool\b|\blong\b|\boff_t\b|\btime_t\b", body):
                yield "%s: struct %s: a field whose size depends on compiler or platform" % (name, struct)
            if re.search(r":\s*\d+\s*;", body):
                yield "%s: struct %s: a bitfield" % (name, struct)
        if re.search(r"\bstatic\b|\binline\b", text):
            yield "%s: an inline function: other languages cannot call it" % name
        if re.search(r"\btypedef\s+struct\b", text):
            yield "%s: typedef of a struct" % name


def check(table, include, generated, compilers):
    if not os.path.exists(table):
        print("there is no %s: run scripts/abi-accept.sh and commit what it writes" % table)
        return 1
    wanted, present = assertions(table), set(keys(include))
    faults = list(shape_faults(include))
    faults += ["%s: in the headers, not in %s: run scripts/abi-accept.sh" % (key, table)
               for key in sorted(present - set(wanted))]
    faults += ["%s: in %s, gone from the headers" % (key, table) for key in sorted(set(wanted) - present)]
    text = include_lines(include) + "".join(wanted[k] for k in wanted if k in present)
    for cc in compilers:
        if not shutil.which(cc):
            print("%s is not installed, not tried" % cc)
            continue
        done = subprocess.run([cc, "-x", "c", "-std=c11", "-fsyntax-only", "-I" + include,
                               "-I" + generated, "-"], input=text, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        faults += [] if done.returncode == 0 else ["%s:\n%s" % (cc, done.stdout)]
    for fault in faults:
        print("FAIL " + fault)
    print("%d sizes and offsets, %d faults" % (len(wanted), len(faults)))
    return 1 if faults or not wanted else 0


def main():
    if sys.maxsize < 2**32:
        print("skip: the table is for machines with 64-bit pointers")
        return 77
    if sys.argv[1] == "print":
        sys.stdout.write(print_table(*sys.argv[2:5]))
        return 0
    return check(sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:])


if __name__ == "__main__":
    sys.exit(main())
