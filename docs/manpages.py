# SPDX-License-Identifier: BSD-3-Clause
"""Man pages from doxygen's XML: one page with the full text for each call, struct and header.

Names: vdev_removal_request.3 (call), vdev_removal_config.3 (struct), vdev_removal.3 (header removal.h).
"""
import os
import re
import shutil
import sys
import xml.etree.ElementTree as ET

LIBRARIES = {}  # header: library, of those that are not in libvdevmgmt


def esc(text):
    """Text for roff; no line may begin with a control character."""
    return text.replace("\\", "\\e").replace("-", "\\-")


def guard(line):
    return "\\&" + line if line[:1] in (".", "'") else line


def inline(node):
    """Text of a paragraph-level node with fonts; block children are left to blocks()."""
    fonts = {"bold": "B", "emphasis": "I", "computeroutput": "B"}
    out = esc(node.text or "")
    for child in node:
        if child.tag in BLOCKS:
            break
        inner = inline(child)
        if child.tag in fonts:
            inner = "\\f%s%s\\fR" % (fonts[child.tag], inner)
        elif child.tag == "linebreak":
            inner = "\n.br\n"
        elif child.tag == "ulink":
            inner += " <%s>" % esc(child.get("url"))
        elif child.tag in ("ndash", "mdash"):
            inner = "\\-"
        out += inner + esc(child.tail or "")
    return out


def squeeze(text):
    return "\n".join(guard(re.sub(r"[ \t]+", " ", line).strip()) for line in text.split("\n")).strip()


def flow(node):
    return squeeze(re.sub(r"\n(?!\.br)(?<!\.br\n)", " ", inline(node)))


def paragraph(para):
    """A <para> may hold text, then lists, then text again."""
    out, rest = [], ET.Element("para")
    rest.text = para.text

    def flush():
        text = flow(rest)
        if text:
            out.append(".PP\n" + text)
        for child in list(rest):
            rest.remove(child)
        rest.text = ""

    for child in para:
        if child.tag in BLOCKS:
            flush()
            out.append(BLOCKS[child.tag](child))
            rest.text = child.tail
        else:
            rest.append(child)
    flush()
    return "\n".join(part for part in out if part)


def bullets(node):
    return "\n".join(".IP \\(bu 3\n" + re.sub(r"\A\.PP\n", "", blocks(item)) for item in node.findall("listitem"))


def table(node):
    rows = []
    for row in node.findall("row"):
        cells = [flow(p) for entry in row.findall("entry") for p in entry.findall("para")]
        if all(e.get("thead") == "yes" for e in row.findall("entry")):
            continue
        rows.append(".TP 18\n%s\n%s" % (cells[0], " \\- ".join(cells[1:])))
    return "\n".join(rows)


def literal(node):
    lines = ["".join(line.itertext()) for line in node.iter("codeline")] or "".join(node.itertext()).split("\n")
    return ".PP\n.nf\n%s\n.fi" % "\n".join(guard(esc(line)) for line in lines)


def sect(node):
    kinds = {"return": None, "see": None}
    return "" if node.get("kind") in kinds else blocks(node)


BLOCKS = {"itemizedlist": bullets, "orderedlist": bullets, "table": table, "programlisting": literal,
          "verbatim": literal, "simplesect": sect, "parameterlist": lambda node: ""}


def blocks(node):
    return "\n".join(filter(None, (paragraph(p) for p in node.findall("para"))))


def brief(node):
    return re.sub(r"^\.PP\n", "", blocks(node.find("briefdescription")))


def one_line(node):
    """The brief text as the NAME section needs it."""
    return re.sub(r"\\f[BIR]", "", re.sub(r"\s+", " ", brief(node))).rstrip(".") or "see below"


def plain(node):
    return "" if node is None else " ".join("".join(node.itertext()).split())


def prototype(fn):
    kind = plain(fn.find("type"))
    head = kind + ("" if kind.endswith("*") else " ") + fn.find("name").text + "("
    params = []
    for p in fn.findall("param"):
        typ, name = plain(p.find("type")), plain(p.find("declname"))
        params.append(typ + ("" if typ.endswith("*") or not name else " ") + name)
    lines = [head]
    for i, text in enumerate(params or ["void"]):
        text += ", " if i + 1 < len(params) else ");"
        if len(lines[-1]) + len(text) > 76:
            lines.append("    ")
        lines[-1] += text
    return "\n".join(line.rstrip() for line in lines)


def page(name, about, header, version, sections):
    out = ['.\\" SPDX-License-Identifier: BSD-3-Clause',
           '.TH "%s" 3 "" "libvdevmgmt %s" "libvdevmgmt"' % (name, esc(version)),
           ".SH NAME\n%s \\- %s" % (name, about),
           ".SH LIBRARY\n%s" % (esc(LIBRARIES.get(header, "libvdevmgmt")))]
    out += [".SH %s\n%s" % pair for pair in sections if pair[1]]
    return "\n".join(out) + "\n"


def synopsis(header, text):
    return ".nf\n.B #include <vdev/%s>\n.PP\n%s\n.fi" % (
        header, "\n".join(".B %s" % '"%s"' % esc(line).replace('"', '\\(dq') for line in text.split("\n")))


def parameters(fn):
    out = []
    for lst in fn.iter("parameterlist"):
        for item in lst.findall("parameteritem"):
            names = ", ".join(plain(n) for n in item.iter("parametername"))
            text = re.sub(r"\A\.PP\n", "", blocks(item.find("parameterdescription")))
            out.append(".TP 16\n.I %s\n%s" % (names, text))
    return "\n".join(out)


def returns(fn):
    found = [s for s in fn.iter("simplesect") if s.get("kind") == "return"]
    return re.sub(r"\A\.PP\n", "", "\n".join(blocks(s) for s in found))


def stem(header):
    return "vdev_" + header[:-2] if header != "vdev.h" else "vdev"


def see_also(header, names):
    others = [stem(header)] + [n for n in names if n != stem(header)]
    return ",\n".join("\\fB%s\\fR(3)" % n for n in others)


def function_page(fn, header, version):
    name = fn.find("name").text
    described = {plain(n) for lst in fn.iter("parameterlist") for n in lst.iter("parametername")}
    for param in fn.findall("param"):
        if plain(param.find("declname")) and plain(param.find("declname")) not in described:
            FAULTS.append("%s: %s: parameter '%s' is not described" % (
                header, name, plain(param.find("declname"))))
    if plain(fn.find("type")) != "void" and not returns(fn):
        FAULTS.append("%s: %s: what it returns is not described" % (header, name))
    if not brief(fn):
        FAULTS.append("%s: %s: no description" % (header, name))
    types = sorted({m for m in re.findall(r"struct (vdev_\w+)", prototype(fn)) if m in STRUCTS and m != name})
    return page(name, one_line(fn), header, version, [
        ("SYNOPSIS", synopsis(header, prototype(fn))),
        ("DESCRIPTION", text_of(fn)),
        ("PARAMETERS", parameters(fn)),
        ("RETURN VALUE", returns(fn)),
        *(struct_sections(STRUCTS[name], header) if name in STRUCTS else []),
        ("SEE ALSO", see_also(header, types + ["vdev_strerror"]))])


def declaration(node):
    lines = ["struct %s {" % node.find("compoundname").text]
    for member in node.iter("memberdef"):
        typ = plain(member.find("type"))
        lines.append("    %s%s%s;" % (typ + ("" if typ.endswith("*") else " "),
                                      member.find("name").text, plain(member.find("argsstring"))))
    return "\n".join(lines + ["};"])


def text_of(node):
    return "\n".join(filter(None, [brief(node), blocks(node.find("detaileddescription"))]))


def fields(node):
    out = []
    for member in node.iter("memberdef"):
        text = re.sub(r"\A\.PP\n", "", text_of(member))
        out.append(".TP 16\n.B %s\n%s" % (member.find("name").text, text or "\\&"))
    return "\n".join(out)


def struct_sections(node, header):
    """A call may have the name of the struct that it fills: then these go into its page."""
    name = node.find("compoundname").text
    if not brief(node):
        FAULTS.append("%s: struct %s: no description" % (header, name))
    return [("STRUCT", "%s\n.PP\n.nf\n%s\n.fi" % (text_of(node), "\n".join(
        guard(esc(line)) for line in declaration(node).split("\n")))), ("FIELDS", fields(node))]


def struct_page(node, header, version):
    name = node.find("compoundname").text
    return page(name, one_line(node), header, version, [
        ("SYNOPSIS", ".nf\n.B #include <vdev/%s>\n.fi" % header)] + struct_sections(node, header) + [
            ("SEE ALSO", see_also(header, []))])


def constant(member, text):
    return ".TP 36\n\\fB%s\\fR %s\n%s" % (
        member.find("name").text, esc(plain(member.find("initializer"))),
        re.sub(r"\A\.PP\n", "", text) or "\\&")


def constants(node):
    """Constants stand in groups; the comment of a group is what doxygen calls its first member's brief."""
    out = []
    for section in node.findall("sectiondef"):
        members = [m for m in section.findall("memberdef")
                   if m.get("kind") == "define" and m.find("param") is None and
                   plain(m.find("initializer"))]
        for i, member in enumerate(members):
            text = text_of(member)
            if section.get("kind") == "user-defined" and i == 0:
                out.append(".SS " + " ".join(brief(member).split()).rstrip("."))
                text = blocks(member.find("detaileddescription"))
            out.append(constant(member, text))
    return "\n".join(out)


def header_page(node, header, version, names):
    return page(stem(header), one_line(node), header, version, [
        ("SYNOPSIS", ".nf\n.B #include <vdev/%s>\n.fi" % header),
        ("DESCRIPTION", text_of(node)),
        ("CONSTANTS", constants(node)),
        ("SEE ALSO", ",\n".join("\\fB%s\\fR(3)" % n for n in names))])


STRUCTS = {}
FAULTS = []


def compounds(folder):
    index = ET.parse(os.path.join(folder, "index.xml")).getroot()
    for entry in index.findall("compound"):
        yield ET.parse(os.path.join(folder, entry.get("refid") + ".xml")).getroot().find("compounddef")


def make(folder, target, version):
    """Writes the pages of the XML in a folder into another; 0, or 1 when something is not described."""
    shutil.rmtree(target, ignore_errors=True)
    os.makedirs(target)
    files = []
    for node in compounds(folder):
        if node.get("kind") == "struct":
            STRUCTS[node.find("compoundname").text] = node
        elif node.get("kind") == "file":
            files.append(node)
    pages = {}
    for name, node in STRUCTS.items():
        if node.find("location") is not None and any(True for _ in node.iter("memberdef")):
            pages[name] = struct_page(node, os.path.basename(node.find("location").get("file")), version)
    for node in files:
        header = node.find("compoundname").text
        functions = [m for m in node.iter("memberdef") if m.get("kind") == "function"]
        for fn in functions:
            pages[fn.find("name").text] = function_page(fn, header, version)
        inner = [c.text for c in node.findall("innerclass") if c.text in pages]
        names = sorted(fn.find("name").text for fn in functions) + sorted(inner)
        pages.setdefault(stem(header), header_page(node, header, version, names))
    for fault in FAULTS:
        print(fault, file=sys.stderr)
    if FAULTS:
        return 1
    for name, text in pages.items():
        with open(os.path.join(target, name + ".3"), "w") as file:
            file.write(text)
    print("%d man pages" % len(pages))
    return 0 if pages else 1
