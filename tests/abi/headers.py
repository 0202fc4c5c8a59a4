#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Each public header alone, as C99 and as C++11, without a hole in any struct.

usage: headers.py INCLUDE GENERATED-INCLUDE CC CXX

-Wpadded says nothing about headers found through -isystem, and clang says nothing about a struct whose
size nobody asks for. So -I is used, each size is asked for, and a planted struct with a hole has to be
found first: a check that cannot fail proves nothing.
"""
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # no __pycache__ in the source tree
import api  # noqa: E402

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wpadded", "-Wundef", "-Werror"]
ASSEMBLY = ["-x", "assembler-with-cpp"]
PLANTED = "struct vdev_planted {\n\tunsigned char first;\n\tunsigned long long second;\n};\n"


def compile_text(compiler, language, includes, text):
    """Compiles TEXT; returns what the compiler had to say, empty when it was content."""
    # -c, not -fsyntax-only, which lets clang pass by what the assembler would refuse.
    out = ["-c", "-o", os.devnull, "-"]
    done = subprocess.run([compiler] + language + STRICT + ["-I" + i for i in includes] + out,
                          input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout or "exit code %d" % done.returncode if done.returncode else ""


def text_for(folder, name):
    """Includes a header twice (the guard works) and asks for the size of each struct in it."""
    path = os.path.join(folder, "vdev", name)
    sizes = ["extern char vdev_size_%s[sizeof(struct %s)];\n" % (s, s) for s in sorted(api.structs(path))]
    return "#include <vdev/%s>\n" % name * 2 + "".join(sizes) + "extern int vdev_unused;\n"


def main():
    include, generated, cc, cxx = sys.argv[1:5]
    for compiler in (cc, cxx):
        if not shutil.which(compiler):
            print("skip: %s is not installed" % compiler)
            return 77
    languages = [(cc, ["-x", "c", "-std=c99"]), (cxx, ["-x", "c++", "-std=c++11"])]
    includes = [include, generated]
    passed = failed = 0

    def judge(name, good, why):
        nonlocal passed, failed
        passed, failed = passed + good, failed + (not good)
        print("%s %s" % ("ok  " if good else "FAIL", name) + ("" if good else "\n" + why))

    own = api.headers(include)
    names = sorted(set(own) | {"version.h"})
    with tempfile.TemporaryDirectory() as planted:
        os.mkdir(planted + "/vdev")
        with open(planted + "/vdev/planted.h", "w") as file:
            file.write(PLANTED)
        for compiler, language in languages:
            said = compile_text(compiler, language, [planted], text_for(planted, "planted.h"))
            judge("%s %s: planted hole is found" % (compiler, language[1]), "padd" in said, said)
    for name in names:
        text = text_for(include if name in own else generated, name)
        for compiler, language in languages:
            said = compile_text(compiler, language, includes, text)
            judge("%s %s: %s" % (compiler, language[2], name), not said, said)
    said = compile_text(cc, ASSEMBLY, includes, "#include <vdev/base.h>\n")
    judge("%s assembly: C is refused" % cc, bool(said), "")
    said = compile_text(cc, ASSEMBLY, includes,
                        "#include <vdev/guest.h>\n.long VDEV_GUEST_MAGIC_VALUE, VDEV_GUEST_COMMAND\n")
    judge("%s assembly: guest.h" % cc, not said, said)
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
