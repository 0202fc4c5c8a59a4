#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Relative links, pictures and anchors of the guides lead somewhere; commands name what exists; the rules
that code and tests cite are in the guides.

usage: links.py SOURCE-ROOT
"""
import os
import re
import sys

sys.dont_write_bytecode = True  # no __pycache__ in the source tree
from blocks import blocks, guides  # noqa: E402


def anchors(path):
    """The anchors that the usual Markdown renderers make of the headings."""
    with open(path) as file:
        text = re.sub(r"^```.*?^```\s*$", "", file.read(), flags=re.M | re.S)
    found = set()
    for heading in re.findall(r"^#+\s+(.*?)\s*$", text, re.M):
        plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found


def links(path):
    with open(path) as file:
        text = re.sub(r"^```.*?^```\s*$", lambda m: "\n" * m.group(0).count("\n"), file.read(),
                      flags=re.M | re.S)
    text = re.sub(r"`[^`\n]*`", "", text)
    for match in re.finditer(r"\]\(([^)\s]+)\)", text):
        yield text.count("\n", 0, match.start()) + 1, match.group(1)


def broken_links(root, guide):
    for number, link in links(os.path.join(root, guide)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = os.path.normpath(os.path.join(root, os.path.dirname(guide), name)) if name else os.path.join(
            root, guide)
        if not os.path.exists(target):
            yield number, "%s does not exist" % link
        elif anchor and target.endswith(".md") and anchor not in anchors(target):
            yield number, "%s: no heading '%s'" % (name or guide, anchor)


def broken_commands(root, guide):
    for number, language, text in blocks(os.path.join(root, guide)):
        if language != "sh":
            continue
        for name in re.findall(r"(?<![\w/.-])((?:scripts|\.ci|tests|examples|docs)/[\w./-]+)", text):
            if not os.path.exists(os.path.join(root, name)):
                yield number, "%s does not exist" % name
            elif name.startswith("scripts/") and not os.access(os.path.join(root, name), os.X_OK):
                yield number, "%s is not executable" % name


def known_rules(root):
    """{prefix: {rule}} of the guides of the engines, which begin a rule with its number in bold."""
    known = {}
    folder = os.path.join(root, "docs/engines")
    for name in os.listdir(folder):
        with open(os.path.join(folder, name)) as file:
            for rule in re.findall(r"^\*\*([A-Z]\d{1,2})\b", file.read(), re.M):
                known.setdefault(rule[0], set()).add(rule)
    return known


def cited_rules(root, folder):
    for path, _, names in os.walk(os.path.join(root, folder)):
        for name in names:
            if name.endswith((".c", ".h")):
                with open(os.path.join(path, name)) as file:
                    for rule in re.findall(r"\((?:[^()\n]*\b)?([A-Z]\d{1,2})\b", file.read()):
                        yield rule, os.path.relpath(os.path.join(path, name), root)


def missing_rules(root):
    known = known_rules(root)
    for engine in sorted(os.listdir(os.path.join(root, "lib/engines"))):
        if os.path.isdir(os.path.join(root, "lib/engines", engine)) and not os.path.isfile(
                os.path.join(root, "docs/engines", engine + ".md")):
            yield "lib/engines/%s: docs/engines/%s.md, the guide with its rules, does not exist" % (engine, engine)
    for folder in ("include", "lib", "tests/unit", "tests/prop", "tests/kvm"):
        for rule, path in sorted(set(cited_rules(root, folder))):
            if rule not in known.get(rule[0], {rule}):
                yield "%s cites %s, which no guide in docs/engines has" % (path, rule)


def main():
    root = sys.argv[1]
    seen, wrong = 0, list(missing_rules(root))
    for guide in guides(root):
        seen += 1
        for check in (broken_links, broken_commands):
            wrong += ["%s:%d: %s" % (guide, number, what) for number, what in check(root, guide)]
    for line in wrong:
        print("FAIL " + line)
    print("%d guides, %d broken" % (seen, len(wrong)))
    return 1 if wrong or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
