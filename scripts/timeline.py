#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Turns a trace (trace-event JSON) into a gnuplot script that draws it.

usage: timeline.py TRACE.json OUT.png [PROCESS...]

One panel for each process (by name or pid; default: the first two in which something took time). In a
panel one row for each kind of slice in the order of their beginnings, from the first REQUEST (else the
first slice) to the last; instants of that time stand on a row of their own. Colours are threads (devices).
Where memory was lent, one row for each message instead, and colours say what was done with its block.
"""
import json
import sys

COLOURS = ["#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#76b7b2", "#edc948", "#9c755f"]
INSTANTS = "events"


def load(path):
    with open(path) as file:
        trace = json.load(file)
    return trace["traceEvents"] if isinstance(trace, dict) else trace


def names(events):
    """Names of processes and threads from the metadata events."""
    processes, threads = {}, {}
    for event in events:
        if event.get("ph") == "M" and event["name"] == "process_name":
            processes[event["pid"]] = event["args"]["name"]
        elif event.get("ph") == "M" and event["name"] == "thread_name":
            threads[event["pid"], event["tid"]] = event["args"]["name"]
    return processes, threads


def slices(events):
    """[(name, thread, begin, end)]; an action that two parts report is one slice."""
    found, order = {}, 0
    for event in events:
        if event.get("ph") == "X":
            order += 1
            action = event.get("args", {}).get("action", "no action %d" % order)
            key = (event["name"], event.get("tid", 0), action)
            begin, end = event["ts"], event["ts"] + event.get("dur", 0)
            old = found.get(key, (begin, end))
            found[key] = (min(old[0], begin), max(old[1], end))
    return sorted(((n, t, b, e) for (n, t, _), (b, e) in found.items()), key=lambda s: s[2])


def choose(events, wanted, processes):
    pids = list(dict.fromkeys(e.get("pid", 0) for e in events if e.get("ph") == "X"))
    if not wanted:
        return pids[:2]
    by_name = {str(v): k for k, v in processes.items()}
    chosen = []
    for name in wanted:
        pid = by_name.get(name, int(name) if name.isdigit() else None)
        if pid not in pids:
            raise SystemExit("timeline: the trace has no process '%s' with slices; it has: %s" % (
                name, ", ".join(str(processes.get(p, p)) for p in pids)))
        chosen.append(pid)
    return chosen


def quote(text):
    return '"%s"' % str(text).replace("\\", "\\\\").replace('"', "'")


def scale(span):
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if span >= 2 * size:
            return unit, size
    return "µs", 1.0


def duration(length):
    unit, size = scale(2 * length)
    return "%.3g %s" % (length / size, unit)


class Panel:
    """One process: its slices, the instants between them, and the rows that they stand on."""

    def __init__(self, title, events, threads):
        self.title, self.threads = title, threads
        self.bars = slices(events)
        # A removal begins with its request; what the guest's boot did before only takes room.
        self.begin = next((bar[2] for bar in self.bars if bar[0] == "REQUEST"), self.bars[0][2])
        self.bars = [bar for bar in self.bars if bar[2] >= self.begin]
        self.span = max(max(bar[3] for bar in self.bars) - self.begin, 1)
        self.ticks = sorted({(e["ts"], e["name"]) for e in events if e.get("ph") in ("i", "I")
                             and 0 <= e["ts"] - self.begin <= self.span})
        self.rows = list(dict.fromkeys(bar[0] for bar in self.bars))
        if self.ticks:
            self.rows.insert(0, INSTANTS)
        self.place = {name: len(self.rows) - i for i, name in enumerate(self.rows)}

    def gnuplot(self):
        unit, size = scale(self.span)
        colour = {t: COLOURS[i % len(COLOURS)] for i, t in enumerate(sorted({b[1] for b in self.bars}))}
        devices = ", ".join(str(self.threads.get(t, t)) for t in colour)
        out = ["set title %s" % quote("%s (%s)" % (self.title, devices)),
               "set xrange [%g:%g]" % (-0.01 * self.span / size, self.span / size * 1.14),
               "set yrange [0.4:%g]" % (len(self.rows) + 0.8), "set xlabel %s" % quote(unit),
               "set ytics (%s)" % ", ".join("%s %d" % (quote(n), y) for n, y in self.place.items()),
               "unset object", "unset label", "unset arrow"]
        for name, thread, begin, end in self.bars:
            x, y = (begin - self.begin) / size, self.place[name]
            wide = max((end - begin) / size, self.span / size / 400)
            out.append('set object rect from %g,%g to %g,%g fc rgb "%s" fs solid 0.9 noborder' % (
                x, y - 0.3, x + wide, y + 0.3, colour[thread]))
            out.append("set label %s at %g,%g left front offset 0.4,0" % (
                quote(duration(end - begin)), x + wide, y))
        free = -1.0
        for when, name in self.ticks:
            x, y = (when - self.begin) / size, self.place[INSTANTS]
            out.append('set arrow from %g,%g to %g,%g nohead lc rgb "#222222" lw 1.5' % (x, y - 0.3, x, y + 0.3))
            if x >= free:
                out.append("set label %s at %g,%g left front offset 0.4,0" % (quote(name), x, y))
                # A letter takes about 0.8 % of the width.
                free = x + 0.008 * len(name) * self.span / size
        return out + ["plot -1 notitle"]


class MessagePanel(Panel):
    """One process that lends memory: its messages, one below the other."""

    SHOWN = {"lent": "#4e79a7", "quarantine": "#edc948", "OFFLINE": "#e15759", "RELEASE": "#59a14f"}

    def __init__(self, title, events, threads):
        self.title = title
        self.bars = [(e["name"], threads.get(e["tid"], "?"), e["ts"], e["ts"] + e.get("dur", 0))
                     for e in events if e.get("ph") == "X" and e["name"] in self.SHOWN]
        self.begin = min(bar[2] for bar in self.bars)
        self.span = max(max(bar[3] for bar in self.bars) - self.begin, 1)
        self.rows = list(dict.fromkeys(bar[1] for bar in self.bars))[:24]
        self.place = {name: len(self.rows) - i for i, name in enumerate(self.rows)}

    def gnuplot(self):
        unit, size = scale(self.span)
        what = "lent: blue, taken out: red, quarantine: yellow, released: green"
        out = ["set title %s" % quote("%s (%s)" % (self.title, what)),
               "set xrange [%g:%g]" % (-0.01 * self.span / size, self.span / size * 1.02),
               "set yrange [0.4:%g]" % (len(self.rows) + 0.8), "set xlabel %s" % quote(unit),
               "set ytics (%s)" % ", ".join('"message %d" %d' % (i + 1, self.place[n])
                                            for i, n in enumerate(self.rows)),
               "unset object", "unset label", "unset arrow"]
        # short ones last, so that long ones do not cover them
        for name, row, begin, end in sorted(self.bars, key=lambda bar: bar[2] - bar[3]):
            if row in self.place:
                x, y = (begin - self.begin) / size, self.place[row]
                wide = max((end - begin) / size, self.span / size / 250)
                out.append('set object rect from %g,%g to %g,%g fc rgb "%s" fs solid 1 noborder' % (
                    x, y - 0.3, x + wide, y + 0.3, self.SHOWN[name]))
        return out + ["plot -1 notitle"]


def panel_of(title, events, threads):
    lends = any(e.get("ph") == "X" and e.get("cat") == "zerocopy" for e in events)
    return (MessagePanel if lends else Panel)(title, events, threads)


def draw(panels, out):
    heights = [106 + 20 * len(panel.rows) for panel in panels]
    total, top = sum(heights), 1.0
    lines = ['set terminal pngcairo size 1000,%d noenhanced font "sans,9"' % total,
             "set output '%s'" % out, "set multiplot", "unset key", "set grid xtics",
             "set tics nomirror out", "set lmargin at screen 0.17", "set rmargin at screen 0.98"]
    for panel, height in zip(panels, heights):
        share = height / total
        lines += ["set origin 0,%g" % (top - share), "set size 1,%g" % share,
                  "set tmargin at screen %g" % (top - 34 / total),
                  "set bmargin at screen %g" % (top - share + 50 / total)]
        lines += panel.gnuplot()
        top -= share
    return "\n".join(lines + ["unset multiplot"]) + "\n"


def main():
    events = load(sys.argv[1])
    processes, threads = names(events)
    panels = []
    for pid in choose(events, sys.argv[3:], processes):
        mine = [e for e in events if e.get("pid", 0) == pid and e.get("ph") != "M"]
        rows = {t: n for (p, t), n in threads.items() if p == pid}
        panels.append(panel_of(processes.get(pid, "process %s" % pid), mine, rows))
    if not panels:
        raise SystemExit("timeline: nothing in the trace took time")
    sys.stdout.write(draw(panels, sys.argv[2]))


if __name__ == "__main__":
    main()
