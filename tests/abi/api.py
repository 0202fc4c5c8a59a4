# SPDX-License-Identifier: BSD-3-Clause
"""What the public headers declare, for the checks of this folder: functions and structs."""
import os
import re


def headers(include):
    """Names of the hand-written headers below INCLUDE/vdev."""
    return sorted(n for n in os.listdir(os.path.join(include, "vdev")) if n.endswith(".h"))


def code(path):
    """A header without comments, preprocessor lines and literals."""
    with open(path) as file:
        text = file.read()
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    text = re.sub(r"//[^\n]*", " ", text)
    text = re.sub(r"^[ \t]*#(?:\\\n|[^\n])*", " ", text, flags=re.M)
    return re.sub(r'"[^"]*"', '""', text)


def functions(path):
    """Names declared with VDEV_API."""
    names = []
    for declaration in re.findall(r"\bVDEV_API\b([^;]*);", code(path)):
        match = re.search(r"\b(vdev_\w+)\s*\(", declaration)
        if not match:
            raise SystemExit("%s: VDEV_API on what is no function: %s" % (path, declaration.strip()))
        names.append(match.group(1))
    return names


def strays(path):
    """Function declarations at file level that lack VDEV_API."""
    flat = re.sub(r"\{[^{}]*\}", "{}", re.sub(r'extern ""\s*\{', "", code(path)))
    return [m.group(1) for m in re.finditer(r"(?:^|[;}])([^;{}]*\b(vdev_\w+)\s*\([^;]*);", flat)
            if "VDEV_API" not in m.group(1) and "typedef" not in m.group(1)]


def field_name(declarator):
    """Name in a declarator: `*name`, `name[3]`, `(*name)(...)`."""
    match = re.search(r"\(\s*\*\s*(\w+)\s*\)", declarator)
    if match:
        return match.group(1)
    return re.search(r"(\w+)\s*(?:\[[^\]]*\]\s*)*$", declarator.strip()).group(1)


def split_outside_parens(text):
    parts, depth = [""], 0
    for char in text:
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def structs(path):
    """{struct name: [field names]} of the structs that a header defines."""
    found = {}
    for name, body in re.findall(r"\bstruct\s+(vdev_\w+)\s*\{([^{}]*)\}", code(path)):
        fields = []
        for statement in body.split(";"):
            if statement.strip():
                fields += [field_name(part) for part in split_outside_parens(statement)]
        found[name] = fields
    return found


def map_symbols(path):
    """Symbols that a linker version script exports."""
    with open(path) as file:
        text = re.sub(r"/\*.*?\*/", " ", file.read(), flags=re.S)
    exported = set()
    for body in re.findall(r"\{(.*?)\}", text, flags=re.S):
        part = re.split(r"\blocal\s*:", body)[0]
        exported |= set(re.findall(r"(\w+)\s*;", part))
    return exported
