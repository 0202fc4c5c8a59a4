#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Each ```sh block of the guides runs, in a copy of the tree.

usage: commands.py SOURCE-ROOT

Left out, and said so, are the scripts that CI consists of: they run there, and here they would never end; and
kvm-vm.sh, which needs packages that CI does without.
What ran before, in another block, is not run again.
"""
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # no __pycache__ in the source tree
from blocks import blocks, guides  # noqa: E402

CI = ("scripts/setup.sh", "scripts/test.sh", "scripts/planted.sh", "scripts/fuzz.sh", ".ci/run",
      "scripts/kvm-vm.sh")


def run(copy, lines):
    """What went wrong, empty when nothing did."""
    done = subprocess.run(["bash", "-e", "-c", "\n".join(lines)], cwd=copy, text=True, timeout=500,
                          env=dict(os.environ, VDEV_SETUP="no"), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return "" if done.returncode == 0 else "exit code %d:\n%s" % (done.returncode, done.stdout[-4000:])


def main():
    root = sys.argv[1]
    passed = failed = 0
    if not shutil.which("gnuplot"):
        print("skip: gnuplot is not installed")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        copy, before = os.path.join(folder, "tree"), set()
        shutil.copytree(root, copy, ignore=shutil.ignore_patterns("build*", ".git", ".cache"), symlinks=True)
        for guide in guides(root):
            for number, language, text in blocks(os.path.join(root, guide)):
                lines = [line.strip() for line in text.splitlines() if line.strip()]
                own = [line for line in lines if not line.startswith(CI) and line not in before]
                if language != "sh":
                    continue
                before.update(own)
                wrong = run(copy, own) if own else ""
                passed, failed = passed + (not wrong), failed + bool(wrong)
                print("%s %s:%d: %s" % ("FAIL" if wrong else "ok  ", guide, number,
                                        wrong or " && ".join(own) or "nothing that does not run elsewhere"))
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
