# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of vdevctl share: the program, processes that look like VMMs, a count of cases."""
import json
import os
import subprocess
import sys
import time
import traceback

VDEVCTL, FAKEVMM = sys.argv[1:3]
SECONDS = 20 * int(os.environ.get("VDEV_TIMEOUT_MULTIPLIER", "1"))  # of one run of the program; more under sanitizers


class Skip(Exception):
    """This machine cannot; the text says why."""


def vdevctl(*args, program=VDEVCTL, **options):
    return subprocess.run([program] + [str(a) for a in args], text=True, errors="replace", timeout=SECONDS,
                          stdin=subprocess.DEVNULL, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options})


def expect(status, *args, say="", **options):
    """Runs it; the exit status, and on failure a word on stderr and nothing on stdout."""
    done = vdevctl(*args, **options)
    assert done.returncode == status, "exit status %d instead of %d: %s%s" % (
        done.returncode, status, done.stdout, done.stderr)
    assert say in done.stderr, "'%s' is not in: %s" % (say, done.stderr)
    if status:
        assert not done.stdout, done.stdout
        assert done.stderr.startswith("vdevctl"), done.stderr
    return done


def look(pid, *args):
    """The JSON object of one look."""
    done = expect(0, "cpumap", "--json", "--pid", pid, *args)
    lines = done.stdout.splitlines()
    assert len(lines) == 1, done.stdout
    return json.loads(lines[0])


class Fake:
    """A process with named threads; `tids` are those of the arguments, in order."""

    def __init__(self, *names):
        self.process = subprocess.Popen([FAKEVMM] + list(names), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid, text = self.process.pid, b""
        while not text.endswith(b"ready\n"):
            line = self.process.stdout.readline()
            assert line, "the process that plays a VMM ended"
            text += line
        wanted = [name for name in names if not name.startswith("main=")]
        # A name may hold a newline, but no line that begins with the number of another thread.
        self.tids = [int(line.split()[0]) for line in text.splitlines() if line[:1].isdigit()][:len(wanted)]
        assert len(self.tids) == len(wanted), text

    def __enter__(self):
        return self

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=SECONDS)

    def __exit__(self, *_):
        if self.process.returncode is None:
            self.end()
        self.process.stdout.close()


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def until(condition, what):
    """Waits for it."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "waited in vain: " + what
        time.sleep(0.02)


def run(cases):
    """Runs the functions; the exit status of the test."""
    count = {"ok": 0, "FAIL": 0, "skip": 0}
    for case in cases:
        try:
            case()
            result = "ok"
        except Skip as why:
            result = "skip"
            print("skip: %s: %s" % (case.__name__, why))
        except Exception:  # whatever it was: the case failed
            result = "FAIL"
            traceback.print_exc(file=sys.stdout)
        count[result] += 1
        print("%-4s %s" % (result, case.__name__))
    print("%d passed, %d failed, %d skipped" % (count["ok"], count["FAIL"], count["skip"]))
    return 1 if count["FAIL"] else 77 if not count["ok"] else 0
