#!/usr/bin/env python3
"""Writes LICENSE-THIRD-PARTY: which crates the release binary links, under which licence, with the texts that go with a copy.

`.ci/notices.py` writes the file; `.ci/notices.py --check` fails if it is not what Cargo.lock asks for. The crates are those that
`cargo tree` finds for the default features on Linux without build scripts, derive macros and tests: none of these is in the binary.
"""

import argparse
import hashlib
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
FILE = ROOT / "LICENSE-THIRD-PARTY"
TARGET = "x86_64-unknown-linux-gnu"
LARGEST = 1_000_000  # bytes; GitHub and editors show a file of this size

# Of alternatives the first of these is taken: the shorter and the better known before the others.
PREFERRED = [
    "MIT", "ISC", "0BSD", "BSD-2-Clause", "BSD-3-Clause", "Zlib", "BSL-1.0", "CC0-1.0", "Unicode-3.0", "bzip2-1.0.6",
    "CDLA-Permissive-2.0", "Apache-2.0", "Apache-2.0 WITH LLVM-exception",
]
# Offered by some crates beside one of the above, and never taken.
NEVER_TAKEN = {"Unlicense", "MIT-0", "LGPL-2.1-or-later"}
# What only one licence says: a text that says so is, or contains, the text of that licence.
MARKS = [
    ("GPL", r"GNU (LESSER )?GENERAL PUBLIC LICENSE Version"),
    ("Apache-2.0", r"(?i)Apache License,? Version 2\.0,? January 2004"),
    ("Unlicense", r"free and unencumbered software"),
    ("MIT", r"Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated"),
    ("BSL-1.0", r"(?i)Boost Software License - Version 1\.0"),
    ("Unicode-3.0", r"UNICODE LICENSE V3"),
    ("CC0-1.0", r"(?i)CC0 1\.0 Universal"),
    ("CDLA-Permissive-2.0", r"(?i)Community Data License Agreement - Permissive - Version 2\.0"),
    ("BSD-3-Clause", r"(?i)Redistribution and use in source and binary forms.*used to endorse"),
    ("BSD-2-Clause", r"(?i)Redistribution and use in source and binary forms"),
    ("Zlib", r"(?i)This notice may not be removed or altered from any source distribution"),
    ("bzip2-1.0.6", r"(?i)Julian R? ?Seward.*Altered source versions must be plainly marked"),
    ("ISC", r"(?i)Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee"),
]
IS_TEXT = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)
# Files whose names look like a licence and are none.
IS_CODE = {".rs", ".sh", ".py", ".c", ".h", ".toml", ".json"}
# Folders of a crate that no build compiles.
NOT_BUILT = {"tests", "test", "benches", "examples", "fuzz", "docs", "doc", "testdata"}
# Texts that do not hold for what we link, each with its reason.
LEFT_OUT = {
    ("liblzma-sys", "xz/COPYING.GPLv2"): "scripts of xz, which are not linked",
    ("liblzma-sys", "xz/COPYING.GPLv3"): "build files of xz, which are not linked",
    ("liblzma-sys", "xz/COPYING.LGPLv2.1"): "getopt of xz, which is not linked",
    ("zstd-sys", "zstd/COPYING"): "zstd is taken under zstd/LICENSE, its other licence",
}
# Crates that come without the text of their licence: the crate whose text is the same, and why it is.
SAME_AS = {
    "alloc-stdlib": ("alloc-no-stdlib", "one repository with one licence"),
    "flatbuffers": ("parquet", "Apache-2.0 has one text"),
}
# For crates under MIT without its text: what follows after the line that names their authors.
MIT = """Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to
use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES
OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE
LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."""

HEAD = """Third-party notices of uptime-ledger

The program links the crates below. Each is named with its version, its licence, the licence that is taken where there is a
choice, its source and authors, and the names of the texts that go with a copy; the texts follow after the list.

The program also contains the standard library of Rust, MIT OR Apache-2.0, copyright The Rust Project Contributors; the notices
of what is linked into that library come with each compiler, in share/doc/rust.

.ci/notices.py writes this file from Cargo.lock, and .ci/run compares it.
"""


def cargo(*words):
    """What a cargo command prints."""
    done = subprocess.run(["cargo", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"notices: `cargo {' '.join(words)}` failed")
    return done.stdout


def linked():
    """Name and version of each crate that is linked, without our own."""
    words = ["tree", "--locked", "--edges", "normal,no-proc-macro", "--target", TARGET, "--prefix", "none", "--format", "{p}"]
    lines = [line.split() for line in cargo(*words).splitlines() if line]
    own = lines[0][0]
    return sorted({(name, version.removeprefix("v")) for name, version, *_ in lines if name != own})


def taken(expression, known):
    """The licences that are taken of an SPDX expression: all of `AND`, one of `OR`: if possible one whose text is known."""
    expression = re.sub(r"\s*/\s*", " OR ", expression)
    words = re.findall(r"\(|\)|[^()\s]+", expression)

    def either():
        found = [both()]
        while words and words[0] == "OR":
            words.pop(0)
            found.append(both())
        strange = {licence for some in found for licence in some} - set(PREFERRED) - NEVER_TAKEN
        ours = [some for some in found if all(licence in PREFERRED for licence in some)]
        if not ours or strange:
            sys.exit(f"notices: `{expression}` names licences that PREFERRED does not: {sorted(strange)}")
        has_texts = lambda some: all(licence.split(" ")[0] in known for licence in some)
        return min(ours, key=lambda some: (not has_texts(some), max(PREFERRED.index(licence) for licence in some)))

    def both():
        found = one()
        while words and words[0] == "AND":
            words.pop(0)
            found = found + one()
        return found

    def one():
        word = words.pop(0)
        if word == "(":
            found = either()
            words.pop(0)
            return found
        if words and words[0] == "WITH":
            word = " ".join([word, words.pop(0), words.pop(0)])
        return [word]

    return either()


def licences_of(text):
    """The licences whose texts stand in this one; none in other texts, such as lists of holders."""
    # Some stand in a comment.
    words = " ".join(text.replace("//", " ").split())
    found = {name for name, mark in MARKS if re.search(mark, words)}
    return found - {"BSD-2-Clause"} if "BSD-3-Clause" in found else found


def texts_of(name, folder):
    """Each file with terms or holders that comes with the crate: its path, its text, and the licences in it."""
    found = []
    for path in sorted(folder.rglob("*")):
        shown = path.relative_to(folder).as_posix()
        is_built = not NOT_BUILT.intersection(shown.split("/")[:-1])
        is_text = IS_TEXT.search(path.name) and path.suffix not in IS_CODE
        if not (path.is_file() and is_built and is_text) or (name, shown) in LEFT_OUT:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        text = "\n".join(line.rstrip() for line in text.strip("\ufeff\r\n").splitlines()).strip("\n")
        known = licences_of(text)
        if "GPL" in known:
            sys.exit(f"notices: {name}: {shown} is a text of the GPL; say in LEFT_OUT why it does not hold for us")
        found.append((shown, text, known))
    return found


def texts_taken(package, folders):
    """The licences that are taken of a crate, and the texts that go with a copy of it."""
    name = package["name"]
    licence = package["license"] or sys.exit(f"notices: {name} names no licence")
    found = texts_of(name, pathlib.Path(package["manifest_path"]).parent)
    if not any(known for *_, known in found) and name in SAME_AS:
        other = SAME_AS[name][0]
        found += texts_of(other, folders[other])
    licences = taken(licence, {one for *_, known in found for one in known})
    # The text of an alternative that is not taken is left out; what stands deeper belongs to code of others, under its own terms.
    is_taken = lambda known: any(licence.startswith(one) for one in known for licence in licences)
    texts = [text for shown, text, known in found if is_taken(known) or not known or "/" in shown]
    if not any(is_taken(known) for *_, known in found):
        if licences != ["MIT"] or not package["authors"]:
            sys.exit(f"notices: {name} has no text of {licences}: name a crate with the same one in SAME_AS")
        texts.append(f"Copyright (c) {', '.join(package['authors'])}\n\n{MIT}")
    return licences, texts


def notices():
    """The file, as it has to be, and the crates that it names."""
    packages = json.loads(cargo("metadata", "--locked", "--format-version", "1", "--filter-platform", TARGET))["packages"]
    packages = {(package["name"], package["version"]): package for package in packages}
    crates = linked()
    folders = {name: pathlib.Path(packages[name, version]["manifest_path"]).parent for name, version in crates}
    texts, users, entries = {}, {}, []
    for name, version in crates:
        package = packages[name, version]
        licence = package["license"]
        licences, found = texts_taken(package, folders)
        # Texts that differ only in their line ends and spaces are one, under a name that no other text can move.
        own = set()
        for text in found:
            digest = hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:10]
            texts.setdefault(digest, text)
            own.add(digest)
        for digest in own:
            users.setdefault(digest, []).append(f"{name} {version}")
        choice = "" if licence == " AND ".join(licences) else f"; taken: {' AND '.join(licences)}"
        lines = [f"{name} {version}", f"    licence: {licence}{choice}"]
        lines += [f"    source: {package['repository']}"] if package["repository"] else []
        lines += [f"    authors: {', '.join(package['authors'])}"] if package["authors"] else []
        lines += [f"    texts: {', '.join(sorted(own))}"]
        entries.append("\n".join(lines))
    rule = "-" * 100
    parts = [HEAD, *(f"{entry}\n" for entry in entries)]
    for digest, text in sorted(texts.items()):
        parts.append(f"{rule}\nText {digest}, for {', '.join(users[digest])}\n{rule}\n\n{text}\n")
    return "\n".join(parts), [f"{name} {version}" for name, version in crates]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the file is not what it has to be")
    args = parser.parse_args()
    want, crates = notices()
    if len(want.encode()) > LARGEST:
        sys.exit(f"notices: {len(want.encode()):,} bytes, more than {LARGEST:,}")
    if not args.check:
        FILE.write_text(want, encoding="utf-8")
        print(f"{FILE.name}: {len(crates)} crates, {len(want.encode()):,} bytes")
        return
    found = FILE.read_text(encoding="utf-8") if FILE.exists() else ""
    if found == want:
        print(f"{FILE.name} names the {len(crates)} crates that are linked")
        return
    named = set(re.findall(r"^(\S+ \d\S*)\n    licence: ", found, re.MULTILINE))
    for crate in sorted(set(crates) - named):
        print(f"{FILE.name} does not name {crate}", file=sys.stderr)
    for crate in sorted(named - set(crates)):
        print(f"{FILE.name} names {crate}, which is not linked", file=sys.stderr)
    sys.exit(f"{FILE.name} is not what Cargo.lock asks for: run .ci/notices.py and read the diff")


if __name__ == "__main__":
    main()
