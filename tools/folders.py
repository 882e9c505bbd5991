#!/usr/bin/python3
"""folders.py --write - the folders of the sources: which may use which, as the Makefile says; drawn into ARCHITECTURE.md and
doc/modules.md.  tools/lint checks that both are as drawn, and that includes and calls keep to the table."""
import glob
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BEGIN, END = "<!-- drawn by tools/folders.py --write -->", "<!-- end -->"


def table():
    """{folder: the folders that it may use}, the lowest first."""
    text = open(f"{ROOT}/Makefile").read().replace("\\\n", " ")
    folders = re.search(r"^FOLDERS := (.*)$", text, re.M)[1].split()
    uses = dict(re.findall(r"^USES\.([\w/]+) *:=(.*)$", text, re.M))
    return {f: uses[f].split() for f in folders}


def under(folder, uses):
    """With those that they use in turn."""
    found = {folder}
    for u in uses[folder]:
        found |= under(u, uses)
    return found


def files(folder, pattern="*.[ch]"):
    return sorted(glob.glob(f"{ROOT}/{folder}/{pattern}"))


# ---- drawing ----

def picture(uses):
    """Arrows to what is used, but those that follow from others."""
    lines = ["```mermaid", "graph TD"]
    for folder in reversed(uses):
        for u in uses[folder]:
            if not any(u in under(v, uses) for v in uses[folder] if v != u):
                lines.append(f"  {folder} --> {u}")
    return "\n".join([*lines, "```"])


def what_for(path):
    """A header's first sentence, after its name."""
    comment = re.match(r"/\* [\w.]+ - (.*?)\*/", open(path).read(), re.S)
    text = re.sub(r"\s*\n \*\s?", " ", comment[1]).strip() if comment else ""
    sentence = re.split(r"(?<=[^.])\.(?:\s|$)", text)[0]
    return sentence


def glossary(uses):
    lines = ["# Modules", "", "Each header's first sentence, by folder, the lowest first. A header is its module's contract.", ""]
    for folder in uses:
        lines += [f"## {folder}", ""]
        lines += [f"- `{os.path.basename(h)[:-2]}`: {what_for(h)}" for h in files(folder, "*.h")]
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def drawn(uses):
    """{path: the text that it should have}"""
    path = f"{ROOT}/ARCHITECTURE.md"
    text = open(path).read()
    assert BEGIN in text and END in text, f"ARCHITECTURE.md has no place for the picture: {BEGIN} and {END}"
    head, tail = text.split(BEGIN)[0], text.split(END)[1]
    return {path: f"{head}{BEGIN}\n{picture(uses)}\n{END}{tail}", f"{ROOT}/doc/modules.md": glossary(uses)}


# ---- checks ----

def folders_are_as_drawn():
    return [f"{os.path.relpath(p, ROOT)} is not as the Makefile and the headers say: tools/folders.py --write"
            for p, text in drawn(table()).items() if not os.path.exists(p) or open(p).read() != text]


def every_folder_uses_what_the_table_says():
    uses, owner, problems = table(), {}, []
    for folder in uses:
        for header in files(folder, "*.h"):
            name = os.path.basename(header)
            if name in owner:
                problems.append(f"{name} is in {owner[name]} and in {folder}")
            owner[name] = folder
    for folder, told in uses.items():
        used = {}
        for path in files(folder):
            for name in re.findall(r'^#include "([^"]+)"', open(path).read(), re.M):
                used.setdefault(owner.get(name, f"nowhere ({name})"), path)
        used.pop(folder, None)
        problems += [f"{os.path.relpath(used[u], ROOT)} includes from {u}, which USES.{folder} does not name" for u in used if u not in told]
        problems += [f"Makefile: USES.{folder} names {u}, which it does not use" for u in told if u not in used]
    return problems


def no_source_lies_flat():
    return [f"{os.path.relpath(f, ROOT)} is in no folder" for layer in ("common", "proxy") for f in files(layer) if not f.endswith("/main.c")]


def components(graph):
    """The strongly connected components of more than one node (Tarjan)."""
    index, low, stack, found = {}, {}, [], []

    def visit(v):
        index[v] = low[v] = len(index)
        stack.append(v)
        for w in sorted(graph.get(v, ())):
            if w not in index:
                visit(w)
            if w in stack:
                low[v] = min(low[v], low[w])
        if low[v] == index[v]:
            at = stack.index(v)
            found.append(sorted(stack[at:]))
            del stack[at:]
    for v in sorted(graph):
        if v not in index:
            visit(v)
    return [c for c in found if len(c) > 1]


def calls(programs):
    """{file: the files with functions that it calls}, from the objects."""
    defined, wanted = {}, {}
    for folder in table():
        for source in files(folder, "*.c"):
            name = os.path.relpath(source, ROOT)[:-2]
            listed = subprocess.run(["nm", f"{programs}/{name}.o"], capture_output=True, text=True, check=True).stdout
            for line in listed.splitlines():
                kind, symbol = line.split()[-2:]
                if kind == "U":
                    wanted.setdefault(name, set()).add(symbol)
                elif kind in "TDBR":
                    defined.setdefault(symbol, set()).add(name)
    return {name: {f for s in symbols for f in defined.get(s, ()) if f != name} for name, symbols in wanted.items()}


MOST = 2  # files of one folder that may call each other


def calls_go_no_circles(programs):
    found = [c for c in components(calls(programs)) if len(c) > MOST or len({os.path.dirname(f) for f in c}) > 1]
    return ["a circle of calls: " + " ".join(c) for c in found]


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit(__doc__)
    for where, what in drawn(table()).items():
        with open(where, "w") as out:
            out.write(what)
