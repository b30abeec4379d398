"""Signs or reads what is on standard input with itsdangerous; the answers go to standard output."""

import hashlib
import json
import sys

from itsdangerous import URLSafeTimedSerializer


def serializer(case):
    signer = {
        "key_derivation": case["derivation"],
        "digest_method": getattr(hashlib, case["digest"]),
    }
    return URLSafeTimedSerializer(case["secrets"], salt=case["salt"], signer_kwargs=signer)


def answer(case):
    if "token" in case:
        return serializer(case).loads(case["token"], max_age=60)
    return serializer(case).dumps(case["payload"])


json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)
