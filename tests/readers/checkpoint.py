#!/usr/bin/env python3
"""Checks a checkpoint and its consistency proofs from journal.ndjson alone (RFC 6962, C2SP tlog-checkpoint).

checkpoint.py JOURNAL CHECKPOINT PROOF   where PROOF has {} in place of a number of lines
"""
import base64
import hashlib
import sys


def sha256(data):
    return hashlib.sha256(data).digest()


def root(leaves):
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return sha256(b"\x01" + root(leaves[:half]) + root(leaves[half:]))


def verifies(first, second, first_root, second_root, proof):
    """RFC 9162, section 2.1.4.2: the tree of `first` lines is the beginning of that of `second`."""
    if first == second:
        return not proof and first_root == second_root
    if first & (first - 1) == 0:
        proof = [first_root] + proof
    if not proof:
        return False
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = proof[0]
    for node in proof[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = sha256(b"\x01" + node + fr), sha256(b"\x01" + node + sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = sha256(b"\x01" + sr + node)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == first_root and sr == second_root


journal, checkpoint, proofs = sys.argv[1:]
lines = open(journal, "rb").read().split(b"\n")[:-1]
origin, size, published = open(checkpoint).read().splitlines()[:3]
leaves = [sha256(b"\x00" + line) for line in lines[: int(size)]]
published = base64.b64decode(published)
if not origin.startswith("uptime-ledger/") or len(leaves) != int(size) or root(leaves) != published:
    sys.exit(f"{checkpoint}: its root is not that of the first {size} lines")
for first in range(1, len(leaves) + 1):
    proof = [base64.b64decode(node) for node in open(proofs.format(first)).read().split()]
    if not verifies(first, len(leaves), root(leaves[:first]), published, proof):
        sys.exit(f"{proofs.format(first)}: it does not prove that {first} lines are the beginning")
