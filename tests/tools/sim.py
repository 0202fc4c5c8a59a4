#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""vdevctl sim: the default hysteresis follows from the committed rows, and the rows from the seed.

usage: sim.py VDEVCTL FAKEVMM
"""
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # no __pycache__ in the source tree
from rig import VDEVCTL, Fake, Skip, expect, run, vdevctl, write  # noqa: E402

SOURCE = os.environ["VDEV_SOURCE"]
CSV = os.path.join(SOURCE, "tests/sim/irqhint.csv")
RECORDING = os.path.join(SOURCE, "tests/sim/recording-qemu.txt")
SIM = ("sim", "irqhint")
SMALL = (*SIM, "--cpus", 8, "--seconds", 1)
HOST = ("host", "cpus", "vcpus", "seed", "runs", "seconds")
RUNS = ("--runs", 8, "--seconds", 8)


def committed():
    with open(CSV, newline="") as file:
        return list(csv.DictReader(file))


def rates(rows):
    """Mean hit rate over all hosts, by hysteresis in ms; each host counts the same."""
    engine = [row for row in rows if row["routing"] == "engine"]
    mean = {}
    for ms in {row["hysteresis_ms"] for row in engine}:
        own = [int(row["hits"]) / int(row["events"]) for row in engine if row["hysteresis_ms"] == ms]
        mean[float(ms)] = sum(own) / len(own)
    return mean


def rule(rows):
    """The longest hysteresis whose mean hit rate is within 1 % of the best: a shorter one only costs re-hints."""
    mean = rates(rows)
    return max(ms for ms in mean if mean[ms] >= 0.99 * max(mean.values()))


def sweep(*args):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "rows.csv")
        expect(0, *SIM, "--csv", path, *args)
        with open(path) as file:
            return file.read()


def default_from_the_rows():
    rows = committed()
    hosts = {tuple(row[name] for name in HOST) for row in rows}
    assert {int(h[1]) for h in hosts} >= {8, 512} and {int(h[2]) for h in hosts} >= {1, 4096}, hosts
    assert any(h[0] == "recording" for h in hosts), hosts
    for ms, mean in sorted(rates(rows).items()):
        print("%7g ms: mean hit rate %.4f" % (ms, mean))
    ms = rule(rows)
    print("the rule gives %g ms" % ms)
    args = ("--cpus", 32, "--vcpus", 32, "--seconds", 5, "--hysteresis")
    engine, _ = [[re.sub(",engine,[^,]*,", ",", line) for line in sweep(*args, h).splitlines() if ",engine," in line]
                 for h in ("0", "%g" % ms)]
    assert engine == _, "the engine's default is not the %g ms that the rule gives: %s, %s" % (ms, engine, _)


def same_rows():
    """What is committed, again: hosts of 8 and of 32 CPUs, and the recording."""
    with open(CSV) as file:
        lines = file.read().splitlines()
    for cpus, vcpus in ((8, 1), (8, 32), (32, 32)):
        again = sweep("--cpus", cpus, "--vcpus", vcpus, *RUNS).splitlines()
        wanted = [line for line in lines if line.startswith("model,%d,%d," % (cpus, vcpus))]
        assert again[0] == lines[0] and again[1:] == wanted, (again, wanted)
    again = sweep("--cpus", 8, *RUNS, "--recording", RECORDING).splitlines()
    assert [x for x in again if x.startswith("recording")] == [x for x in lines if x.startswith("recording")], again
    assert sweep("--cpus", 8, "--seconds", 2, "--seed", 2) != sweep("--cpus", 8, "--seconds", 2)


def bounds():
    """On each host the engine is better than nothing and no better than the oracle, and hints within its interval."""
    def check(rows, seconds):
        by = {}
        for row in rows:
            by.setdefault((row["host"], row["cpus"], row["vcpus"]), []).append(row)
        for host, own in by.items():
            none, oracle = (next(row for row in own if row["routing"] == x) for x in ("none", "oracle"))
            for row in own:
                if row["routing"] != "engine":
                    continue
                hits = int(row["hits"])
                assert hits <= int(oracle["hits"]), row
                assert int(row["rehints"]) <= int(row["types"]) * seconds * 10, row
                if float(row["hysteresis_ms"]) <= 20 and int(row["vcpus"]) > 1:
                    assert hits > (1.2 if host[0] == "model" else 1.05) * int(none["hits"]), (host, row, none)
    check(committed(), 64)
    rows = list(csv.DictReader(sweep("--seconds", 1, "--hysteresis", "1,10").splitlines()))
    check(rows, 1)


def shapes():
    args = (*SIM, "--cpus", 16, "--seconds", 1, "--hysteresis", "0,2.5")
    rows = [json.loads(line) for line in expect(0, *args, "--json").stdout.splitlines()]
    assert [row["routing"] for row in rows] == ["none", "engine", "engine", "oracle"], rows
    assert [row.get("hysteresis_ns") for row in rows] == [None, 0, 2500000, None], rows
    assert {row["vcpus"] for row in rows} == {16}, rows
    table = expect(0, *args).stdout.splitlines()
    assert len(table) == 5 and table[0].split()[2] == "HYSTERESIS" and "2.500" in table[3], table


def wrong_usage():
    for args, say in (((), "what to simulate is missing"), (("removal",), "cannot be simulated"),
                      (("irqhint", "irqhint"), "expected irqhint once"),
                      (("irqhint", "--cpus", "513"), '--cpus is "513", expected a number, 1 to 512'),
                      (("irqhint", "--cpus", "8", "--vcpus", "4097"), "--vcpus is"),
                      (("irqhint", "--vcpus", "4"), "--vcpus needs --cpus"),
                      (("irqhint", "--seconds", "0"), "--seconds is"), (("irqhint", "--seed", "x"), "--seed is"),
                      (("irqhint", "--runs", "0"), "--runs is"),
                      *((("irqhint", "--hysteresis", text), "--hysteresis is") for text in (
                          "", "1,", ",1", "x", "1.", "-1", "60001", "0.0000001", "1" * 30, ",".join("1" * 33)))):
        expect(2, "sim", *args, say=say)


def recordings():
    good = "# words\ncpus 2\nvcpus 2\n0 0 0 R\n0 1 1 S\n1.5 0 1 R\n"
    with tempfile.TemporaryDirectory() as folder:
        path, args = os.path.join(folder, "r"), (*SIM, "--cpus", 2, "--seconds", 1, "--recording")
        for text in (good, good[:-1], good + "\n#" + "x" * 2000 + "\n2 0 0 R\n", good + "#\0\x1b\n"):
            write(path, text)
            assert " 2     2 " in expect(0, *args, path).stdout
        vcpu, cpu = ("the %s is missing or out of range, expected 0 to 1" % what for what in ("vCPU", "CPU"))
        # What is added to the good one; what is said of the line, which is the 7th.
        for bad, why in (
                ("1 0 0 R", "the time goes back"), ("60001 0 0 R", "expected 0 to 60000 milliseconds"),
                ("2 2 0 R", vcpu), ("2", vcpu), ("2 0 2 R", cpu), ("2 0", cpu), ("2 0 0 X", "expected R or S"),
                ("2 0 0", "expected R or S"), ("2 0 0 R R", "expected R or S"), ("x", 'expected "cpus N", "vcpus N", and'),
                ("vcpus 1", "expected only one such line"), ("cpus 1", "expected only one such line")):
            write(path, good + bad + "\n2 0 0 R\n")
            expect(7, *args, path, say='%s:7: not a recording: "%s": %s' % (path, bad, why))
        for bad, say in (
                ("", "no change is in it, expected"), ("cpus 2\nvcpus 2\n", "no change is in it"),
                ("cpus 0\n", ':1: not a recording: "cpus 0": the number is missing or out of range, expected 1 to 4096'),
                ("\nvcpus 4097", ":2: "), ("cpus\n", ":1: "), ("cpus 2 3\n", "expected nothing after the number"),
                ("vcpus 1\n0 0 0 R\n", ':2: not a recording: "0 0 0 R": expected "cpus N" and "vcpus N" before it'),
                (good + "2 0 0 R\0x\n", '"2 0 0 R": a zero byte is in it'),
                ("#" + "x" * 2000 + "\n" + good + "nonsense\n", path + ":8: ")):
            write(path, bad)
            expect(7, *args, path, say=say)
        write(path, good + "2 0 0 R\n" * 999998)
        expect(7, *args, path, say=':1000004: not a recording: "2 0 0 R": expected at most 1000000 changes')


def lines_do_not_reach_the_terminal():
    with tempfile.TemporaryDirectory() as folder:
        for line, shown in ((b"\x1b[2J\r\t\x9b\\\xc3\xa4", r'"\x1b[2J\x0d\x09\x9b\x5c\xc3\xa4": '),
                            (b"\x1b" * 41, '"' + r"\x1b" * 40 + '"...: '), (b"x" * 40, '"' + "x" * 40 + '": '),
                            (b"y" * 100000, '"' + "y" * 40 + '"...: ')):
            with open(folder + "/r", "wb") as file:
                file.write(line + b"\n")
            done = expect(7, *SIM, "--recording", folder + "/r", say=":1: not a recording: " + shown)
            assert all(" " <= c <= "~" for c in done.stderr[:-1]), done.stderr


def recordings_that_are_no_files():
    """Nothing is waited for, and nothing is read without end."""
    with tempfile.TemporaryDirectory() as folder:
        os.mkfifo(folder + "/fifo")
        with open(folder + "/large", "w") as file:
            file.truncate((64 << 20) + 1)
        for path, status, say in ((folder + "/fifo", 7, "not a plain file"), ("/dev/zero", 7, "not a plain file"),
                                  (folder + "/large", 7, "larger than 64 MiB"), (folder + "/none", 8, "No such file"),
                                  (folder, 8, "a directory, expected a file")):
            expect(status, *SIM, "--recording", path, say=path + ": " + say)


def records():
    with Fake("spin=CPU 0/KVM", "CPU 1/KVM") as fake, tempfile.TemporaryDirectory() as folder:
        made = subprocess.run([os.path.join(SOURCE, "scripts/irq-recording.py"), VDEVCTL, str(fake.pid), "0.3"], text=True,
                              check=True, stdout=subprocess.PIPE, timeout=60).stdout
        assert "\nvcpus 2\n" in made and re.search(r"^0.000 0 \d+ R$", made, re.M), made
        write(folder + "/r", made)
        expect(0, *SIM, "--cpus", 8, "--seconds", 1, "--recording", folder + "/r")


def outputs():
    with tempfile.TemporaryDirectory() as folder:
        failing_outputs(folder)
        if not shutil.which("gnuplot"):
            raise Skip("gnuplot is not installed")
        path = os.path.join(folder, "it's.png")
        expect(0, *SMALL, "--plot", path)
        with open(path, "rb") as file:
            assert file.read(4) == b"\x89PNG"


def failing_outputs(folder):
    """A folder that is missing, then what else may fail."""
    expect_failing(8, "--csv", "/nonexistent/x.csv", say="cannot write /nonexistent/x.csv: No such file")
    expect_failing(8, "--csv", folder, say="cannot write %s: Is a directory" % folder)
    expect_failing(1, "--csv", "/dev/full", say="cannot write /dev/full: No space left")
    path, bin = folder + "/x.png", folder + "/bin"
    expect_failing(1, "--plot", path, say="--plot needs gnuplot", env=dict(os.environ, PATH="/nonexistent"))
    assert not os.path.exists(path)
    write(bin + "/gnuplot", "#!/bin/sh\nexit 3\n")
    os.chmod(bin + "/gnuplot", 0o755)
    env = dict(os.environ, PATH=bin)
    expect_failing(8, "--plot", "/nonexistent/x.png", say="cannot write /nonexistent/x.png: No such file", env=env)
    expect_failing(1, "--plot", path, say="gnuplot did not draw " + path, env=env)


def expect_failing(status, *args, say, **options):
    """This status, after the table was shown."""
    done = vdevctl(*SMALL, *args, **options)
    assert done.returncode == status and done.stdout.startswith("CPUS"), (done.returncode, done.stdout, done.stderr)
    assert say in done.stderr, (say, done.stderr)


if __name__ == "__main__":
    sys.exit(run([default_from_the_rows, same_rows, bounds, shapes, wrong_usage, recordings,
                  lines_do_not_reach_the_terminal, recordings_that_are_no_files, records, outputs]))
