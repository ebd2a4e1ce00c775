"""Prints the golden key of keys.rs: SHA-256 over (length, name, length, value) of each field, lengths in 8 bytes."""

import hashlib
import json
import struct

fields = [
    ("version", b"1"),
    ("provider", b"openai"),
    ("base_url", b"http://localhost:1/v1"),
    ("model", b"test-model"),
    ("prompt", b"p"),
    ("max_tokens", struct.pack("<I", 100)),
    ("schema_name", b"ranking"),
    (
        "schema",
        json.dumps(
            {
                "type": "object",
                "additionalProperties": False,
                "required": ["mark"],
                "properties": {"mark": {"type": "string"}},
            },
            separators=(",", ":"),
        ).encode(),
    ),
    ("system", b"You rank."),
    ("user", b"Rank this. <<q1>>"),
    ("sample", struct.pack("<I", 0)),
]
digest = hashlib.sha256()
for name, value in fields:
    for part in (name.encode(), value):
        digest.update(struct.pack("<Q", len(part)) + part)
print(digest.hexdigest())
