#!/usr/bin/env python3
"""Every output of two binaries, compared byte for byte.

`just compare OLD NEW` or `python3 tests/bench/compare.py OLD NEW`. Both do the same work, in three parts: `sample` (the three
days of `data/sample`, with all commands that look at a ledger), `quarter` (92 nights with late logs, corrections, a missed
night, another policy and another definition) and `bench` (a day of a million calls in each format, with one thread and with
two). Each binary works in a folder of the same name, so that no path is in the way, and each verifies the other's ledger.

Files that are not the same are compared once more without what `EXPECTED` lists, and nothing else is left out. The exit
code is 0 when nothing else differs. It needs nothing but Python.
"""

import argparse
import collections
import datetime
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from typing import Callable, NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "data" / "sample" / "uptime-ledger.toml"
FORMATS = ["parquet", "csv", "ndjson"]
# What a line of the override file is made of.
COLUMNS = "id,direction,start,end,service,region,business_id,error_code,account,reason,ticket,author,approver,created_at,note"


# Expected differences.


class Rule(NamedTuple):
    """An expected difference: its name, its reason, and what a document is without it.

    A document is a text, or what JSON makes: lists, dicts, texts and numbers.
    """

    name: str
    why: str
    without: Callable


def texts(document, change):
    """A document with all of its texts changed, keys too."""
    if isinstance(document, str):
        return change(document)
    if isinstance(document, list):
        return [texts(item, change) for item in document]
    if isinstance(document, dict):
        return {change(key): texts(value, change) for key, value in document.items()}
    return document


def items(document, is_kept):
    """A document without some keys of its dicts."""
    if isinstance(document, list):
        return [items(item, is_kept) for item in document]
    if isinstance(document, dict):
        return {key: items(value, is_kept) for key, value in document.items() if is_kept(key, value, document)}
    return document


def named(kind):
    """Puts the name of what it is the hash of in the place of a hash."""
    return lambda document, place: texts(document, lambda text: place.names.put(text, kind))


def without_cites(document, place):
    if place.path.endswith("policy.toml") and isinstance(document, str):
        document = tomllib.loads(document)
    if not isinstance(document, str):
        return items(document, lambda key, value, whole: key != "cites")
    for cited in place.names.cites:
        document = document.replace(f" [{cited}]", "")
    return document.replace(" []:", ":")


def without_kind(document, place):
    is_told = place.path.startswith("told/") and isinstance(document, str)
    return re.sub(r"(?m)^attention\[[a-z-]+\]: ", "attention: ", document) if is_told else document


def without_simulated(document, place):
    """Titles end with `(simulated)`; `status.json` and `--json` have a key more."""
    document = items(document, lambda key, value, whole: not (key == "is_simulated" and value is True))
    if place.path.endswith(".atom") and isinstance(document, str):
        # The ids of a feed and its entries are made from its title.
        document = re.sub(r"<id>urn:uuid:[0-9a-f-]+</id>", "<id></id>", document)
    return texts(document, lambda text: text.replace(" (simulated)", ""))


def without_clock(document, place):
    def is_kept(key, value, whole):
        is_format = key == "format" and whole.get("kind") == "ledger"
        return not (is_format or key == "wall" and value == whole.get("at") or key == "clock" and value == "given")

    return items(document, is_kept) if place.path.endswith(("ledger/journal.ndjson", "/edition.json")) else document


def without_config(document, place):
    is_of_ledger = place.path.endswith(("ledger/journal.ndjson", "/edition.json"))
    return items(document, lambda key, value, whole: key not in ("config", "policy_rules", "rules")) if is_of_ledger else document


EXPECTED = [
    Rule(
        "settings",
        "fingerprints of settings are made from what they mean, no longer from how the code writes them out",
        named("settings"),
    ),
    Rule("policy", "fingerprints of policies are made from what decides, no longer from their bytes", named("policy")),
    Rule("hashes", "hashes of manifests, daybook heads and lines of the journal depend on these", named("hash")),
    Rule("cites", "rules name their sources in another way", without_cites),
    Rule("attention", "`attention[kind]:` instead of `attention:`", without_kind),
    Rule("simulated", "what is shown says that its clock was given", without_simulated),
    Rule("clock", "the journal says whether its clock was given, lines have `wall` beside `at`, and its format is newer", without_clock),
    Rule("config", "the config is kept by content, and manifests name it and the rules of their policy", without_config),
]
# Files that only the new binary writes.
NEW_FILES = re.compile(r"/ledger/configs/")
CONFIG = next(rule for rule in EXPECTED if rule.name == "config")
# What the old binary says of a ledger that is too new for it.
TOO_NEW = re.compile(r"unknown field|unknown variant|format is \d+")


# What is compared.


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Names:
    """What the hashes in the ledgers of one binary are hashes of, by number where they come one after the other."""

    def __init__(self, folder):
        self.known = {}
        self.counts = collections.Counter()
        self.cites = []
        for ledger in sorted(folder.rglob("ledger/journal.ndjson")):
            self.read(ledger.parent)
        catalogues = sorted({path.read_bytes() for path in folder.rglob("ledger/policies/*/error_catalog.csv")})
        for path in sorted(folder.rglob("*policy.toml")):
            for catalogue in catalogues:
                # `diff --policy` names a policy that no edition was made with.
                found = sha256(path.read_bytes() + b"\0" + catalogue)
                self.add("policy", found, f"bytes of {path.name} #", short=[12])
            policy = tomllib.loads(path.read_text())
            rows = policy.get("rule", []) + policy.get("reason", [])
            self.cites += [", ".join(row["cites"]) for row in rows if row.get("cites")]
        self.cites = sorted(set(self.cites), key=lambda text: (-len(text), text))

    def add(self, kind, found, what, short=()):
        """Gives a hash its name, if it has none. `what` ends with `#` when it is to be numbered."""
        if not found or found in self.known:
            return
        if what.endswith("#"):
            self.counts[what] += 1
            what += str(self.counts[what])
        self.known[found] = (kind, f"<{what}>")
        for length in short:
            self.known.setdefault(found[:length], (kind, f"<{what}, short>"))

    def read(self, ledger):
        for number, line in enumerate((ledger / "journal.ndjson").read_bytes().splitlines(), 1):
            self.add("hash", sha256(line), f"line {number}")
            entry = json.loads(line)["entry"]
            day = entry.get("day")
            match entry["kind"]:
                case "read":
                    self.add("settings", entry["settings"], "settings #")
                    self.add("hash", entry["daybook"], f"daybook of {day} #", short=[16])
                    head = ledger / "daybooks" / day / entry["daybook"][:16] / "daybook.json"
                    if head.exists():
                        self.add("hash", sha256(head.read_bytes()), f"head of the daybook of {day} #")
                        self.add("settings", json.loads(head.read_bytes())["settings"], "settings of a daybook #")
                case "edition":
                    self.add("policy", entry["policy"], "policy #", short=[12])
                    self.add("hash", entry["manifest"], f"manifest {day}/{entry['edition']}")
                    folder = ledger / "editions" / day / f"{entry['edition']:04}"
                    # Their tables name the policy.
                    for path in sorted(folder.iterdir()):
                        self.add("hash", sha256(path.read_bytes()), f"{path.name} of {day}/{entry['edition']}")
                    self.add("hash", json.loads((folder / "edition.json").read_bytes())["content"], f"content of {day}/{entry['edition']}")
                case "confirmed":
                    for item in entry["days"]:
                        self.add("hash", item["daybooks"], f"daybooks around {item['day']} #")
        for path in sorted((ledger / "policies").iterdir()):
            self.add("policy", path.name, "policy #", short=[12])

    def put(self, text, kind):
        """A text with names in the place of hashes of one kind."""

        def name(found):
            known, what = self.known.get(found[0], (None, None))
            return what if known == kind else found[0]

        return re.sub(r"(?<![0-9a-z])(?:[0-9]+-)?[0-9a-f]{12,64}(?![0-9a-z])", name, text)


class Place(NamedTuple):
    """Where a document stands, and what the hashes in it are."""

    path: str
    names: Names


def thrift(data, at):
    """A struct in Thrift's compact protocol, as the footer of Parquet is written: its fields by number, and where it ends."""

    def varint(at):
        value = shift = 0
        while True:
            byte = data[at]
            value |= (byte & 127) << shift
            at, shift = at + 1, shift + 7
            if byte < 128:
                return value, at

    def value(kind, at):
        match kind:
            case 1 | 2 | 3:
                return data[at], at + 1
            case 4 | 5 | 6:
                return varint(at)
            case 7:
                return data[at : at + 8], at + 8
            case 8:
                length, at = varint(at)
                return data[at : at + length], at + length
            case 9 | 10:
                length, kind, at = data[at] >> 4, data[at] & 15, at + 1
                if length == 15:
                    length, at = varint(at)
                found = []
                for _ in range(length):
                    item, at = value(kind, at)
                    found.append(item)
                return found, at
            case 12:
                return thrift(data, at)
        raise ValueError(f"type {kind}")

    fields, number = {}, 0
    while data[at]:
        kind, step, at = data[at] & 15, data[at] >> 4, at + 1
        if step:
            number += step
        else:
            zigzag, at = varint(at)
            number = (zigzag >> 1) ^ -(zigzag & 1)
        # A boolean field has its value in its type.
        fields[number], at = (kind == 1, at) if kind in (1, 2) else value(kind, at)
    return fields, at + 1


def parquet(data):
    """A Parquet file: its pages by their hash, its footer, and where it says it comes from."""
    if data[:4] != b"PAR1" or data[-4:] != b"PAR1":
        raise ValueError("not Parquet")
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    footer, _ = thrift(data, start)
    metadata = {pair[1].decode(): pair.get(2, b"").decode() for pair in footer.pop(5, [])}
    return {"metadata": metadata, "footer": repr(footer), "pages": sha256(data[:start])}


def document(path):
    """A file as it is compared when its bytes are not the same."""
    data = path.read_bytes()
    try:
        match path.suffix or path.name:
            case ".parquet":
                return parquet(data)
            case ".xlsx":
                with zipfile.ZipFile(path) as book:
                    return {name: book.read(name).decode() for name in book.namelist()}
            case ".ndjson":
                return [json.loads(line) for line in data.splitlines()]
            case ".json" | ".head" | ".drawn":
                return json.loads(data)
        text = data.decode()
        return json.loads(text) if ".json." in path.name and text else text
    except (ValueError, zipfile.BadZipFile):
        return data.hex()


def lines(found):
    """A document as lines, to tell where two of them differ; the order of keys counts."""
    return (found if isinstance(found, str) else json.dumps(found, indent=1, ensure_ascii=False, default=str)).splitlines()


def first_difference(old, new):
    for number, pair in enumerate(zip(old, new), 1):
        if pair[0] != pair[1]:
            same = len(os.path.commonprefix(pair))
            shown = [f"{text[max(0, same - 60) : same + 100]!r}" for text in pair]
            return f"line {number}:\n    - {shown[0]}\n    + {shown[1]}"
    longer, sign = (old, "-") if len(old) > len(new) else (new, "+")
    number = min(len(old), len(new))
    return f"line {number + 1}:\n    {sign} {longer[number][:160]!r}" if len(old) != len(new) else "bytes, but no line"


class Compared:
    """What has been compared so far."""

    def __init__(self):
        self.identical = 0
        self.by_rule = collections.Counter()
        self.normalised = 0
        self.differing = []

    def files(self):
        return self.identical + self.normalised + len(self.differing)

    def differs(self, path, how):
        self.differing.append((path, how))

    def counts_for(self, rules):
        self.normalised += 1
        self.by_rule.update(rule.name for rule in rules)

    def folders(self, part, folders):
        """Compares two folders, file by file."""
        names = [Names(folder) for folder in folders]
        found = []
        for folder, known in zip(folders, names):
            paths = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
            put = lambda path: known.put(known.put(str(path), "policy"), "hash")
            found.append({put(path): path for path in paths})
        for path in sorted(found[0].keys() | found[1].keys()):
            at = [side.get(path) for side in found]
            if None in at:
                if at[0] is None and NEW_FILES.search(f"/{path}"):
                    self.counts_for([CONFIG])
                else:
                    self.differs(f"{part}/{path}", "is there only of the " + ("old" if at[1] is None else "new"))
                continue
            old, new = (folder / relative for folder, relative in zip(folders, at))
            if old.read_bytes() == new.read_bytes():
                if at[0] == at[1]:
                    self.identical += 1
                else:
                    self.counts_for(rule for rule in EXPECTED if rule.name in ("policy", "hashes"))
                continue
            places = [Place(str(relative), known) for relative, known in zip(at, names)]
            self.documents(f"{part}/{path}", [document(old), document(new)], places)

    def documents(self, path, both, places):
        """Compares two documents whose bytes differ."""

        def normal(rules):
            result = list(both)
            for rule in rules:
                result = [rule.without(found, place) for found, place in zip(result, places)]
            return [lines(found) for found in result]

        old, new = normal(EXPECTED)
        if old != new:
            self.differs(path, first_difference(old, new))
            return
        # The rules without which they would differ.
        needed = [rule for rule in EXPECTED if len({tuple(f) for f in normal(r for r in EXPECTED if r is not rule)}) > 1]
        if not needed:
            old, new = normal([])
            needed = EXPECTED if old != new else []
        if needed:
            self.counts_for(needed)
        else:
            self.differs(path, "bytes, but no line")

    def report(self, shown):
        print(f"\n{self.files():,} files compared: {self.identical:,} identical, {self.normalised:,} identical but for what is")
        print(f"expected, {len(self.differing):,} differing\n")
        print("| expected | files | why |\n| --- | ---: | --- |")
        for rule in EXPECTED:
            print(f"| {rule.name} | {self.by_rule[rule.name]:,} | {rule.why} |")
        for path, how in self.differing[:shown]:
            print(f"\n{path}: {how}")
        if len(self.differing) > shown:
            print(f"\n... and {len(self.differing) - shown:,} more; --show lists more of them")


# What both binaries do.


class Side:
    """One of the two binaries, at work in a folder that has the same name for both."""

    def __init__(self, label, binary, work):
        self.label, self.binary, self.work, self.here = label, binary, work, work / "here"
        about = subprocess.run([binary, "run", "--help"], capture_output=True, text=True, check=True).stdout
        # A clock that is given makes a ledger of its own kind, once a binary knows of kinds.
        self.clock = ["--simulate"] if "--simulate" in about else []
        self.told = 0

    def kept(self, part):
        return self.work / self.label / part

    def begin(self):
        shutil.rmtree(self.here, ignore_errors=True)
        (self.here / "told").mkdir(parents=True)
        self.told = 0

    def end(self, part):
        shutil.rmtree(self.kept(part), ignore_errors=True)
        self.kept(part).parent.mkdir(parents=True, exist_ok=True)
        self.here.rename(self.kept(part))

    def ask(self, *args, may_end_with=(0,)):
        """Runs a command and keeps what it says, and how it ends, as files."""
        done = subprocess.run([self.binary, *map(str, args)], capture_output=True, cwd=self.here)
        kind = "json" if "--json" in args else "txt"
        self.told += 1
        name = f"told/{self.told:04}-{args[0]}.{kind}"
        (self.here / f"{name}.stdout").write_bytes(done.stdout)
        (self.here / f"{name}.stderr").write_bytes(done.stderr)
        (self.here / f"{name}.code").write_text(f"{' '.join(map(str, args))}\n{done.returncode}\n".replace(" --simulate", ""))
        if done.returncode not in may_end_with:
            say(f"{self.label}: {' '.join(map(str, args))} ended with {done.returncode}:\n{done.stderr.decode(errors='replace')}")
        return done

    def run(self, as_of, *args, config=SAMPLE, out="reports"):
        clock = ["--as-of", as_of, *self.clock]
        return self.ask("run", "--config", config, "--out", self.here / out, *clock, *args, may_end_with=(0, 3))

    def look(self, *args, out="reports"):
        return self.ask(*args, "--out", self.here / out)

    def built_in_policy(self):
        """The policy that comes with the binary, as its ledger keeps it."""
        folder = self.work / "built-in" / self.label
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "log.csv").write_text("ts,http_status\n2026-07-01T10:00:00Z,200\n")
        clock = ["--as-of", "2026-07-02T03:00:00Z", *self.clock]
        command = [self.binary, "run", "--requests", "log.csv", "--out", "reports", "--date", "2026-07-01", *clock]
        subprocess.run(command, cwd=folder, capture_output=True)
        return next((folder / "reports" / "ledger").rglob("policy.toml")).read_text()

    def other_policy(self):
        """The same with a rule before all others: a limit that was the caller's is the platform's."""
        policy = self.built_in_policy()
        cites = re.search(r"(?m)^cites = .*$", policy)[0]
        rule = '[[rule]]\nid = "limit-that-nobody-was-told-of"\nwhen = { error_code = 131048 }\naccount = "bad:platform:error"\n'
        return f'{rule}because = "A limit that nobody was told of is the platform\'s own fault."\n{cites}\n\n{policy}'


def say(text):
    """Progress goes to stderr, so that stdout is the result alone."""
    print(text, file=sys.stderr, flush=True)


def sample(side, _args):
    """Three days at once, and every command that looks at a ledger."""
    days = ["2026-11-18", "2026-11-19", "2026-11-20"]
    as_of = "2026-11-21T03:17:00Z"
    all_days = ["--from", days[0], "--to", days[-1]]
    side.ask("check", "--config", SAMPLE)
    side.run(as_of, *all_days)
    side.run(as_of, *all_days)
    side.run(as_of, *all_days, "--json")
    minutes = [f"{hour:02}:07" for hour in range(24)] + ["12:35", "15:35", "23:58"]
    for day in days:
        side.look("history", day)
        for minute in minutes:
            side.look("explain", "--at", f"{day}T{minute}Z")
            side.look("explain", "--at", f"{day}T{minute}Z", "--json")
    side.look("explain", "--at", "2026-11-18T10:07Z", "--service", "messages", "--region", "eu")
    side.look("history")
    side.look("history", "--json")
    (side.here / "other-policy.toml").write_text(side.other_policy())
    for more in [], ["--json"]:
        side.look("diff", "--policy", side.here / "other-policy.toml", *more)
    side.look("report", "--as-of", f"{days[0]}/1", "--into", side.here / "then")
    side.look("report")
    side.look("verify")
    side.look("verify", "--json")
    more = ["--days", "3", "--rows", "300"]
    for form in FORMATS:
        side.ask("sample", "--out", side.here / f"sample-{form}", "--format", form, *more)


class Quarter:
    """The story of some nights: what is shipped when, and what reviewers say."""

    FIRST = datetime.date(2026, 7, 1)
    CHANGED_POLICY, CHANGED_DEFINITION, FOUND, MISSED = 46, 70, 60, (33, 34)

    def __init__(self, nights, shelf):
        self.nights = nights
        self.shipments, self.rows = collections.defaultdict(list), []
        for path in sorted(shelf.iterdir()):
            day = datetime.date.fromisoformat(re.search(r"\d{4}-\d\d-\d\d", path.name)[0])
            at = (day - self.FIRST).days
            # Rows of the night lie in the file of the day after; some files come days late.
            late = {("webhooks", 3): 2, ("requests", 5): 1, ("webhooks", 8): 5}.get((path.name.split("-")[0], at % 13), 0)
            self.shipments[at + late * path.name.count("-us")].append((path.name, path.read_bytes()))
        for at in range(nights):
            self.failures(at)

    def day(self, at):
        return self.FIRST + datetime.timedelta(days=at)

    def clock(self, at, time="03:00:00"):
        """The clock of the night after a day."""
        return f"{self.day(at + 1)}T{time}Z"

    def instant(self, at, minute):
        return f"{self.day(at + minute // 1440)}T{minute // 60 % 24:02}:{minute % 60:02}"

    def calls(self, at, minutes, count, code, status):
        call = lambda minute, n: {
            "ts": f"{self.instant(at, minute)}:{7 + n:02}Z",
            "request_id": f"x-{at}-{minute}-{code}-{n}",
            "business_id": f"b{n % 3}",
            "service": "media",
            "region": "us",
            "http_status": status,
            "error_code": code,
        }
        return "".join(json.dumps(call(minute, n)) + "\n" for minute in minutes for n in range(count))

    def failures(self, at):
        """An outage, callers who are turned away, callers who meet a limit, and what reviewers write about them."""
        dice = random.Random(at)
        length = dice.randint(3, 25)
        # Every fifth reaches over midnight.
        start = 1440 - length if at % 5 == 0 else dice.randint(60, 1300)
        outage = self.calls(at, range(start, start + length), 6, 131016, 503)
        others = self.calls(at, range(900, 912), 6, 190, 401) + self.calls(at, range(1000, 1004), 8, 131048, 429)
        if at % 5 == 1:
            others += self.calls(at, range(0, 4), 6, 131016, 503)
        late = dice.randint(1, 6) if dice.random() < 0.3 else 0
        self.ship(at, "extra", others)
        self.ship(at, "outage", outage, late)
        if dice.random() < 0.4:
            end = start + length - dice.randint(0, length - 1)
            self.row(at, dice, "to_uptime", "131016", "", "caller-misuse", start, end)
        if dice.random() < 0.25:
            self.row(at, dice, "to_downtime", "190", "user:*", "authorization-fault", 900, 910)

    def ship(self, at, what, text, late=0):
        self.shipments[at + late].append((f"requests-{self.day(at)}-{what}.ndjson", text.encode()))

    def row(self, at, dice, direction, code, account, reason, start, end):
        """A row from some night on, and mostly for good."""
        since = at + 1 + dice.randint(0, 5 if direction == "to_uptime" else 11)
        until = since + dice.randint(1, 5) if dice.random() < 0.3 else self.nights
        span = f"{self.instant(at, start)}Z,{self.instant(at, end)}Z"
        who = f"OPS-{at},ann,bob,{self.clock(since, '00:30:00')},"
        self.rows.append((since, until, f"{direction}-{at},{direction},{span},media,us,,{code},{account},{reason},{who}"))

    def receive(self, at, folder):
        """What has come by the night of a day. Times of files are those of the story."""
        for name, data in self.shipments[at]:
            self.put(at, folder / "logs" / name, data)
        rows = [text for since, until, text in self.rows if since <= at < until]
        (folder / "overrides.csv").write_text("\n".join([COLUMNS, *rows]) + "\n")

    def put(self, at, path, data):
        path.write_bytes(data)
        then = datetime.datetime.fromisoformat(self.clock(at, "01:00:00")).timestamp()
        os.utime(path, (then, then))


def quarter(side, args):
    """Nights of the daily job."""
    nights = args.nights
    shelf = args.work / "shelf"
    if side.label == "old":
        shutil.rmtree(shelf, ignore_errors=True)
        more = ["--format", "ndjson", "--days", str(nights), "--rows", "400", "--from", str(Quarter.FIRST)]
        subprocess.run([side.binary, "sample", "--out", shelf, *more], check=True, stdout=subprocess.DEVNULL)
    story = Quarter(nights, shelf / "logs")
    # Longer slots make for quicker nights; `sample` has short ones.
    config = (shelf / "uptime-ledger.toml").read_text().replace('slot = "1m"', 'slot = "5m"')
    config = 'policy = "policy.toml"\n' + config + '\n[limits]\ncoverage_percent = 0\n\n[overrides]\npath = "overrides.csv"\n'
    path = side.here / "uptime-ledger.toml"
    path.write_text(config)
    (side.here / "logs").mkdir()
    (side.here / "policy.toml").write_text(side.built_in_policy())
    night = lambda at, time, *more: side.run(story.clock(at, time), *more, config=path)
    for at in range(nights):
        story.receive(at, side.here)
        if at in story.MISSED:
            continue
        if at == story.CHANGED_POLICY:
            (side.here / "policy.toml").write_text(side.other_policy())
        if at == story.CHANGED_DEFINITION:
            path.write_text(config.replace("min_events = 5", "min_events = 7"))
        night(at, "03:00:00")
        if at == story.FOUND:
            # Somebody finds a log of a day that is sealed.
            name = side.here / "logs" / f"requests-{story.day(at - 20)}-found.ndjson"
            story.put(at, name, story.calls(at - 20, range(700, 704), 9, 131016, 503).encode())
            night(at, "05:00:00", "--date", story.day(at - 20))
        if at % 30 == 10:
            night(at, "06:00:00", "--json")
            shutil.copytree(side.here / "reports", side.here / f"reports-{at}", ignore=shutil.ignore_patterns("ledger"))
    history = json.loads(side.look("history", "--json").stdout)
    side.look("history")
    seconds = [item["day"] for item in history if item["edition"] == 2]
    for day in seconds[::9]:
        for more in [], ["--json"]:
            side.look("diff", f"{day}/1", f"{day}/2", *more)
    for at in range(0, nights, 7):
        for minute in "10:05", "15:05", "23:57":
            side.look("explain", "--at", f"{story.day(at)}T{minute}Z")
            side.look("explain", "--at", f"{story.day(at)}T{minute}Z", "--service", "media", "--json")
    for at in range(nights // 3, nights, nights // 3):
        side.look("report", "--as-of", story.clock(at), "--into", side.here / f"then-{at}")
    side.look("verify")
    if seconds == [] or not any("adjusting" in str(item) for item in history):
        say(f"{side.label}: nothing was restated or nothing adjusted; the quarter shows too little")


def bench(side, args):
    """A day of many calls in each format."""
    for form in FORMATS:
        folder = args.work / f"day-{args.rows}-{form}"
        if not (folder / "truth.json").exists():
            say(f"writing {args.rows:,} calls as {form}")
            shutil.rmtree(folder, ignore_errors=True)
            more = ["--days", "1", "--rows", str(args.rows), "--no-stories", "--format", form]
            subprocess.run([side.binary, "sample", "--out", folder, *more], check=True, stdout=subprocess.DEVNULL)
        for threads in 1, 2:
            more = ["--date", "2026-11-18", "--threads", threads]
            config, out = folder / "uptime-ledger.toml", f"reports-{form}-{threads}"
            side.run("2026-11-19T03:00:00Z", *more, config=config, out=out)
            side.look("verify", out=out)


PARTS = {"sample": sample, "quarter": quarter, "bench": bench}


def verify_each_other(sides, part, compared):
    """Each binary looks at the ledger of the other, and has to say what its maker says of it."""
    for mine, other in (sides, sides[::-1]):
        folder = mine.kept(part)
        folder.rename(mine.here)
        for ledger in sorted(mine.here.glob("reports*/ledger")):
            command = ["verify", "--out", str(ledger.parent)]
            said = []
            for side in mine, other:
                done = subprocess.run([side.binary, *command], capture_output=True, text=True)
                said.append(f"{done.stdout}{done.stderr}exit code {done.returncode}\n")
            path = f"{part}: {other.label} verifies {ledger.parent.name} of {mine.label}"
            if said[0] == said[1] and said[0].endswith("exit code 0\n"):
                compared.identical += 1
            elif mine.label == "new" and TOO_NEW.search(said[1]):
                say(f"{path}: it is too new for it\n{said[1]}")
                compared.counts_for(rule for rule in EXPECTED if rule.name in ("clock", "config"))
            else:
                compared.differs(path, first_difference(*(text.splitlines() for text in said)))
        mine.here.rename(folder)


def some_parts(text):
    """A type of argument: names of parts, with commas between them."""
    found = text.split(",")
    if unknown := [name for name in found if name not in PARTS]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not among {', '.join(PARTS)}")
    return found


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=pathlib.Path, help="the binary that is known to be right")
    parser.add_argument("new", type=pathlib.Path, help="the binary that is to do the same")
    parser.add_argument("--parts", type=some_parts, default=list(PARTS), help="some of " + ", ".join(PARTS))
    parser.add_argument("--nights", type=int, default=92, help="nights of the quarter")
    parser.add_argument("--rows", type=int, default=1_000_000, help="ordinary calls of the day of `bench`")
    parser.add_argument("--show", type=int, default=30, help="how many differences to print")
    work = ROOT / "target" / "bench" / "compare"
    parser.add_argument("--work", type=pathlib.Path, default=work, help="folder for logs and what both have written; kept")
    return parser.parse_args()


def main():
    args = arguments()
    args.work = args.work.resolve()
    args.work.mkdir(parents=True, exist_ok=True)
    sides = [Side(label, path.resolve(strict=True), args.work) for label, path in (("old", args.old), ("new", args.new))]
    compared = Compared()
    for part in args.parts:
        for side in sides:
            say(f"{part}: {side.label}")
            side.begin()
            PARTS[part](side, args)
            side.end(part)
        say(f"{part}: comparing")
        compared.folders(part, [side.kept(part) for side in sides])
        verify_each_other(sides, part, compared)
    compared.report(args.show)
    sys.exit(1 if compared.differing else 0)


if __name__ == "__main__":
    main()
